"""What a running Flink job says of itself through its REST interface: state, positions in Kafka, watermark.

:class:`FlinkRest` asks; the functions beside it read answers and are pure.

A position is the offset after the last record that a source handed to the job: everything before it has passed the
guard and is counted, or waits in no place that an END written later could overtake.
"""

from __future__ import annotations

import http.client
import json
import re
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NO_WATERMARK = -(2**63)
_TIMEOUT_SECONDS = 5.0
_COUNTED_EARLY = re.compile(r"^\d+\.(?P<operator>LocalWindowAggregate.*)\.numRecordsIn$")
_LET_THROUGH = re.compile(r"^\d+\.(?P<operator>Calc\[\d+\])\.numRecordsOut$")
_PASSED_ON = re.compile(r"^\d+\.numRecordsOut$")
_OFFSET = re.compile(r"^\d+\..*KafkaSourceReader\.topic\.(?P<topic>.+)\.partition\.(?P<partition>\d+)\.currentOffset$")


class FlinkRest:
    """One job of one Flink.

    Parameters
    ----------
    address : str
        ``http://host:port``.
    job_id : str
    """

    def __init__(self, address: str, job_id: str) -> None:
        """Remember whom to ask."""
        self.address = address
        self._job = f"{address}/jobs/{job_id}"

    def ask(self, path: str = "") -> Any:  # noqa: ANN401 - JSON
        """Return the answer to one question about the job.

        Raises
        ------
        OSError
            When nobody answers, or with an error: the job is not there yet, or not any more.
        """
        try:
            with urllib.request.urlopen(self._job + path, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - our Flink
                return json.load(answer)
        except (http.client.HTTPException, ValueError) as error:  # it ended in the middle of an answer
            raise ConnectionError(str(error)) from None

    def metric_names(self, vertex: str) -> list[str]:
        """Return the names of all metrics of a vertex, its subtasks' numbers before them."""
        return [entry["id"] for entry in self.ask(f"/vertices/{vertex}/metrics")]

    def metrics(self, vertex: str, names: Sequence[str]) -> dict[str, str]:
        """Return the values of some metrics."""
        wanted = ",".join(urllib.request.quote(name) for name in names)  # type: ignore[attr-defined]
        return {entry["id"]: entry["value"] for entry in self.ask(f"/vertices/{vertex}/metrics?get={wanted}")}

    def job_metrics(self, names: Sequence[str]) -> dict[str, str]:
        """Return the values of some metrics of the job as a whole; those it does not have are missing."""
        return {entry["id"]: entry["value"] for entry in self.ask(f"/metrics?get={','.join(names)}")}

    def watermark_ms(self, vertex: str) -> int | None:
        """Return the watermark that has arrived at every subtask of a vertex."""
        return least_watermark(entry["value"] for entry in self.ask(f"/vertices/{vertex}/watermarks"))


def is_running(job: Mapping[str, Any]) -> bool:
    """Whether a job runs, with every one of its subtasks."""
    return job.get("state") == "RUNNING" and all(
        vertex["tasks"].get("RUNNING") == vertex["parallelism"] for vertex in job["vertices"]
    )


def what_is_missing(job: Mapping[str, Any]) -> str:
    """Return how far a job has come that does not run as a whole."""
    waiting = [
        f"{vertex['name']}: {vertex['tasks'].get('RUNNING', 0)} of {vertex['parallelism']} tasks run"
        for vertex in job.get("vertices", ())
        if vertex["tasks"].get("RUNNING") != vertex["parallelism"]
    ]
    if job.get("state") == "RUNNING" and not waiting:
        return "it runs, but its sources have no partitions yet"
    return "; ".join([f"it is {job.get('state', 'not there')}", *waiting])


def has_restarted(metrics: Mapping[str, str]) -> bool:
    """Whether a job has begun again, or is about to; `metrics` are ``numRestarts`` and ``restartingTime``."""
    return any(int(value) > 0 for value in metrics.values())


def root_cause(exceptions: Mapping[str, Any]) -> str | None:
    """Return one line for the last failure in an answer of ``/exceptions``, None when there is none."""
    entries = exceptions["exceptionHistory"]["entries"]
    return cause_of(entries[0]["stacktrace"]) if entries else None


def offset_metrics(names: Iterable[str], topic: str) -> dict[str, int]:
    """Return which metrics tell the position in which partition of a topic."""
    found = {}
    for name in names:
        match = _OFFSET.match(name)
        # Flink replaces characters that its reporters could not bear; dots in a topic's name stay.
        if match and match["topic"] == topic:
            found[name] = int(match["partition"])
    return found


def positions(values: Mapping[str, str], partitions: Mapping[str, int], begins: Mapping[int, int]) -> dict[str, int]:
    """Return the next offset to be read, per partition, as the harness takes it.

    Parameters
    ----------
    values : mapping
        Metrics by name; -1 is that of a partition of which nothing was read.
    partitions : mapping
        From :func:`offset_metrics`.
    begins : mapping
        Where each partition's log begins, which is where reading begins.
    """
    out = {}
    for name, partition in partitions.items():
        offset = int(values.get(name, "-1"))
        out[str(partition)] = offset + 1 if offset >= 0 else begins.get(partition, 0)
    return out


def successors(job: Mapping[str, Any], vertex: str) -> dict[str, int]:
    """Return the vertices that are given what a vertex of a job passes on and nothing else, with their parallelism."""
    parallelism = {vertex["id"]: vertex["parallelism"] for vertex in job["vertices"]}
    nodes = job.get("plan", {}).get("nodes", ())
    behind = [node["id"] for node in nodes if {edge["id"] for edge in node.get("inputs", ())} == {vertex}]
    return {other: parallelism[other] for other in behind}


def ways_out(job: Mapping[str, Any], vertex: str) -> int:
    """Return how many ways lead on from a vertex of a job."""
    nodes = job.get("plan", {}).get("nodes", ())
    return sum(edge["id"] == vertex for node in nodes for edge in node.get("inputs", ()))


def counted_early(names: Iterable[str]) -> list[list[str]]:
    """Return the metrics of what is given to the operators of a vertex that count events there, by operator."""
    return _by_operator(names, _COUNTED_EARLY)


def let_through(names: Iterable[str]) -> list[list[str]]:
    """Return the metrics of what the operators of a vertex that filter events let through, by operator."""
    return _by_operator(names, _LET_THROUGH)


def _by_operator(names: Iterable[str], pattern: re.Pattern[str]) -> list[list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        if match := pattern.match(name):
            found.setdefault(match["operator"], []).append(name)
    return list(found.values())


def passed_on(names: Iterable[str]) -> list[str]:
    """Return the metrics of what a vertex passes on."""
    return [name for name in names if _PASSED_ON.match(name)]


def taken(parallelism: int) -> list[str]:
    """Return the metrics of what a vertex of so many subtasks is given; it may not list them yet."""
    return [f"{subtask}.numRecordsIn" for subtask in range(parallelism)]


def total(values: Mapping[str, str], names: Iterable[str]) -> int:
    """Return the sum of some metrics over the subtasks of a vertex."""
    return sum(int(values.get(name, "0")) for name in names)


def rejected_records(position: Mapping[str, int], begins: Mapping[int, int], accepted: int, *, ended: bool) -> int:
    """Return how many records the guard, or the reader before it, turned away.

    All records read, less those that came past the guard, less END, of which a run writes one to each partition. Right
    only while nothing is under way: the numbers are not of one instant.

    Parameters
    ----------
    position : mapping
        From :func:`positions`.
    begins : mapping
        Where reading began in each partition.
    accepted : int
        Events that came past the guard.
    ended : bool
        Whether END has been read.
    """
    read = sum(offset - begins.get(int(partition), 0) for partition, offset in position.items())
    return max(0, read - accepted - (len(position) if ended else 0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A checkpoint that was completed, with the size of all state in it and how long it took from end to end."""

    number: int
    state_bytes: int
    took_ms: int


def completed_checkpoints(answer: Mapping[str, Any]) -> list[Checkpoint]:
    """Return the checkpoints in an answer of ``/checkpoints``, the oldest first; it holds the last ten or so."""
    found = [
        Checkpoint(number=entry["id"], state_bytes=entry["state_size"], took_ms=entry["end_to_end_duration"])
        for entry in answer.get("history", ())
        if entry["status"] == "COMPLETED" and not entry["is_savepoint"]
    ]
    return sorted(found, key=lambda checkpoint: checkpoint.number)


def least_watermark(values: Iterable[str]) -> int | None:
    """Return the least of the watermarks of subtasks in ms; None before every one has one."""
    known = [int(value) for value in values]
    least = min(known, default=NO_WATERMARK)
    return None if least == NO_WATERMARK else least


def cause_of(text: str) -> str:
    """Return one line that says why a job failed: the innermost cause of a Java stack trace."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    causes = [line.partition("Caused by: ")[2] for line in lines if line.startswith("Caused by: ")]
    return (causes or lines or ["unknown cause"])[-1 if causes else 0]
