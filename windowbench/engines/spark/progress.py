"""What a Spark query says about itself, turned into what the engine says to the harness.

``ready`` and ``position`` decide when load starts and when END is written, so the rules are strict: a position is
that of a batch whose rows are in the results topic *and* whose commit is on disk; nothing is ready that has not
talked to Kafka.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from windowbench.load.numbering import Numbering


def is_waiting(status: str) -> bool:
    """Whether a query with this status text has asked its source for offsets and found nothing to do yet."""
    return status.startswith("Waiting for")


def is_committed(progress: Mapping[str, Any]) -> bool:
    """Whether a progress report is that of a batch that ran.

    While a query idles, Spark reports now and then under the number of the batch that is still to come.
    """
    return "addBatch" in progress.get("durationMs", {})


class BatchLog:
    """Turns Spark's progress reports into messages; keeps what has to be added up over batches.

    Parameters
    ----------
    inputs : Numbering
        The partitions that hold events.
    observation : str
        Name of the guard's counts in a report, or how the names of several guards begin.
    """

    def __init__(self, inputs: Numbering, observation: str) -> None:
        self._inputs = inputs
        self._observation = observation
        self.last_batch = -1
        self._rejected = 0
        self._dropped = 0

    def take(self, reports: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return a ``progress`` message for each report of a batch not seen before, in the order of batches.

        Parameters
        ----------
        reports : iterable of mapping
            Parsed reports; known ones may come again.

        Returns
        -------
        list of dict
            ``position`` maps the number of each partition that holds events to the next offset to be read;
            ``batch_ms`` and ``phases_ms`` say how long the batch and its parts took; ``watermark_ms`` is the
            watermark in force during the batch, None before the first; ``rejected`` (records) and ``dropped``
            (partial aggregates behind the watermark: an alarm, never a number of events) count from the start of
            this process. ``state_rows``, ``state_bytes`` and ``checkpoint_ms`` are those of :func:`kept` and
            :func:`checkpoint_ms`.
        """
        messages = []
        for report in sorted(reports, key=lambda report: int(report["batchId"])):
            if is_committed(report) and report["batchId"] > self.last_batch:
                self.last_batch = report["batchId"]
                messages.append(self._message(report))
        return messages

    def _message(self, report: Mapping[str, Any]) -> dict[str, Any]:
        observed = report.get("observedMetrics") or {}
        self._rejected += sum(
            counts.get("rejected", 0) for name, counts in observed.items() if name.startswith(self._observation)
        )
        self._dropped += sum(state.get("numRowsDroppedByWatermark", 0) for state in report.get("stateOperators", ()))
        phases = dict(report["durationMs"])
        return {
            "type": "progress",
            "position": self._position(report["sources"]),
            "batch_id": report["batchId"],
            "batch_ms": phases.get("triggerExecution"),
            "watermark_ms": _epoch_ms((report.get("eventTime") or {}).get("watermark")),
            "input_rows": report.get("numInputRows", 0),
            "input_rows_per_second": _number(report.get("inputRowsPerSecond")),
            "rejected": self._rejected,
            "dropped": self._dropped,
            "state_rows": kept(report, "numRowsTotal"),
            "state_bytes": kept(report, "memoryUsedBytes"),
            "checkpoint_ms": checkpoint_ms(report),
            "phases_ms": phases,
        }

    def _position(self, sources: Sequence[Mapping[str, Any]]) -> dict[str, int]:
        """Return the next offset of each partition; where several sources read one, the least."""
        found: dict[str, int] = {}
        for source in sources:
            ends = source.get("endOffset") or {}
            for topic in self._inputs.topics:
                for partition, offset in ends.get(topic, {}).items():
                    number = str(self._inputs.number(topic, int(partition)))
                    found[number] = min(offset, found.get(number, offset))
        return found


def kept(report: Mapping[str, Any], figure: str) -> int | None:
    """Return what all state operators of a query keep after a batch: ``numRowsTotal``, or ``memoryUsedBytes``.

    None where the query has no state, or its operators do not say.
    """
    found = [int(state[figure]) for state in report.get("stateOperators") or () if state.get(figure) is not None]
    return sum(found) if found else None


def checkpoint_ms(report: Mapping[str, Any]) -> float | None:
    """Return what a batch spent on being found again after a failure; None where it did not say.

    The sum of ``walCommit`` (the offsets of the batch, written before it) and ``commitOffsets`` (that it is done,
    written after it), both of the driver's clock, and ``commitTimeMs`` of each state operator (its changes, written by
    tasks). The last Spark adds up over tasks, which run side by side: in as many slots it passes that much sooner.
    """
    written = [report.get("durationMs", {}).get(phase) for phase in ("walCommit", "commitOffsets")]
    written += [state.get("commitTimeMs") for state in report.get("stateOperators") or ()]
    found = [float(value) for value in written if value is not None]
    return sum(found) if found else None


def _number(value: object) -> float | None:
    """Return a rate; Spark says "NaN" or "Infinity" where it has none."""
    return float(value) if isinstance(value, int | float) else None


def _epoch_ms(text: str | None) -> int | None:
    """Return a time such as 2026-01-01T00:00:00.000Z in ms; None at the Unix epoch, Spark's "no watermark yet"."""
    if text is None:
        return None
    instant = datetime.fromisoformat(text)
    return round(instant.timestamp() * 1000) or None


def cause_of(error: BaseException) -> str:
    """Return one line that says why a query failed: the innermost cause.

    Notes
    -----
    When a task fails, what it died of stands only in the text of the exception on the driver, after "most recent
    failure".
    """
    last = "unknown cause"
    for text in _texts(error):
        first_line = text.strip().partition("\n")[0]
        if first_line:
            last = first_line
    task = last.partition("most recent failure: ")[2]
    return task.partition("): ")[2] or task or last


def _texts(error: BaseException) -> Iterator[str]:
    """Yield the text of an error and, where it came from the JVM, of all its causes, outermost first."""
    yield str(error)
    java = getattr(error, "_origin", None) or getattr(error, "java_exception", None)
    with suppress(Exception):  # the JVM may be gone by now
        while java is not None:
            yield java.toString()
            java = java.getCause()
