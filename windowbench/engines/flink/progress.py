"""What a running Flink job tells the harness: that it is ready, how far it is, and why it did not go on as it began.

A job that restarts reads some events again and leaves a gap in its results while it does; whatever its restart strategy
is, that is a failure.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

from windowbench.engines.flink.rest import (
    Checkpoint,
    FlinkRest,
    completed_checkpoints,
    counted_early,
    has_restarted,
    is_running,
    let_through,
    offset_metrics,
    passed_on,
    positions,
    rejected_records,
    root_cause,
    successors,
    taken,
    total,
    ways_out,
    what_is_missing,
)
from windowbench.engines.job import say
from windowbench.errors import EngineFailed
from windowbench.load.numbering import Numbering
from windowbench.load.schedule import END_EVENT_TIME_NS, NS_PER_MS

QUESTION_SECONDS = 0.2
REST_ANSWERS = 4
"""So many equal answers in a row mean that the job is at rest: they may be some 100 ms old, and of several instants."""
LAST_QUESTIONS = REST_ANSWERS + 1
"""Flink gathers its metrics when it is asked, and tells them the next time."""
CAUSE_SECONDS = 5.0
"""Flink's REST interface shows a picture of the job that is up to 3 s old."""
CHECKPOINTS_EVERY = 5
"""Messages for each question about checkpoints, so about one a second: asking costs CPU time of the engine's."""
MOST_UNTOLD = 10
"""Checkpoints that come faster than messages are passed over beyond this."""
END_WATERMARK_MS = END_EVENT_TIME_NS // NS_PER_MS - 86_400_000
"""A watermark beyond this, a day before END, can only come of END."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """A vertex that reads events.

    Attributes
    ----------
    vertex : str
    offsets : dict of str to int
        Its metrics of positions, with the partitions' numbers.
    accepted : list
        Metrics of how many events came past the guard, each with its vertex. A query may have several branches: some
        are given all events, some those of one kind alone, and so the most that one is given counts.
    """

    vertex: str
    offsets: dict[str, int]
    accepted: list[tuple[str, list[str]]]

    def accepted_events(self, rest: FlinkRest, known: Mapping[str, str], *, at_rest: bool) -> int:
        """Return how many events came past the guard; `known` are metrics of the vertex itself.

        Others are asked only while nothing is read: each question costs, and only then the answer is of use.
        """
        return max(
            total(known if vertex == self.vertex else rest.metrics(vertex, names) if at_rest else {}, names)
            for vertex, names in self.accepted
        )


class Progress:
    """Turns what Flink's REST interface says into messages of the engine protocol.

    Parameters
    ----------
    rest : FlinkRest
    inputs : Numbering
        The partitions that hold events.
    begins : mapping of int to int
        Where each of them begins, by its number; empty where that is not known.
    page : str, optional
        Address of Flink's web page, where the harness is to be told of it.
    """

    def __init__(self, rest: FlinkRest, inputs: Numbering, begins: dict[int, int], page: str | None = None) -> None:
        """Know nothing of the job yet."""
        self._rest = rest
        self._inputs = inputs
        self._begins = begins
        self._page = page
        self._last = ""
        self._sources: list[_Source] = []
        self._before: tuple[dict[str, int], int] | None = None
        self._same = 1
        self._rejected = 0
        self._untold: deque[Checkpoint] = deque(maxlen=MOST_UNTOLD)
        self._checkpoint: Checkpoint | None = None
        self._newest = 0
        self._messages = 0

    def announce(self) -> None:
        """Say that the job is ready."""
        if self._page is not None:
            say("ui", address=self._page)
        say("ready")

    def check_restarts(self) -> None:
        """Make sure that the job has not failed and begun again.

        Raises
        ------
        EngineFailed
            When it has, with the exception that made it.
        OSError
            When nobody answers.
        """
        if has_restarted(self._rest.job_metrics(("numRestarts", "restartingTime"))):
            raise EngineFailed(f"the job failed and was restarted: {self._cause() or 'Flink does not say why'}")

    def give_up(self) -> None:
        """End the wait for a job that does not run.

        Raises
        ------
        EngineFailed
            Always, with the job's state and, where there is one, its exception.
        """
        try:
            known = [what_is_missing(self._rest.ask()), self._cause(0.0)]
        except OSError as error:
            known = [f"its REST interface does not answer ({error})"]
        raise EngineFailed(": ".join(["the job did not become RUNNING in time", *filter(None, known)]))

    def _cause(self, patience: float = CAUSE_SECONDS) -> str | None:
        deadline = time.monotonic() + patience
        while (cause := root_cause(self._rest.ask("/exceptions?maxExceptions=1"))) is None:
            if time.monotonic() > deadline:
                return None
            time.sleep(QUESTION_SECONDS)
        return cause

    def ready(self) -> bool:
        """Whether the job runs and its sources have all partitions."""
        job = self._rest.ask()
        if not is_running(job):
            return False
        self._last = job["vertices"][-1]["id"]
        self._sources = self._sources_of(job)
        return sum(len(source.offsets) for source in self._sources) >= max(1, len(self._begins))

    def _sources_of(self, job: Mapping[str, Any]) -> list[_Source]:
        """Return the vertices of a job that read topics, as many as there are topics to be read."""
        found: list[_Source] = []
        topics = set(self._inputs.topics)
        for vertex in (vertex["id"] for vertex in job["vertices"]):
            names = self._rest.metric_names(vertex)
            offsets: dict[str, int] = {}
            for topic in sorted(topics):
                of_topic = offset_metrics(names, topic)
                offsets |= {name: self._inputs.number(topic, partition) for name, partition in of_topic.items()}
                topics -= {topic} if of_topic else set()
            if offsets:
                found.append(self._source(job, vertex, names, offsets))
            if not topics:
                break
        return found

    def _source(self, job: Mapping[str, Any], vertex: str, names: list[str], offsets: dict[str, int]) -> _Source:
        """Return a vertex that reads topics, with the metrics of accepted events.

        Where events are counted before the exchange, it is what reaches those operators; else what the vertex passes
        on. Where it passes that to several, Flink may count an event more than once: then it is what each of them is
        given, if nothing else is given to it, or else what the filters of the vertex let through.
        """
        if early := counted_early(names):
            accepted = [(vertex, of_operator) for of_operator in early]
        elif ways_out(job, vertex) > 1 and (behind := successors(job, vertex)):
            accepted = [(other, taken(parallelism)) for other, parallelism in behind.items()]
        elif ways_out(job, vertex) > 1 and (filters := let_through(names)):
            accepted = [(vertex, of_operator) for of_operator in filters]
        else:
            accepted = [(vertex, passed_on(names))]
        return _Source(vertex=vertex, offsets=offsets, accepted=accepted)

    def message(self) -> dict[str, Any]:
        """Return where the job is."""
        position: dict[str, int] = {}
        known: list[Mapping[str, str]] = []
        for source in self._sources:
            own = [names for vertex, names in source.accepted if vertex == source.vertex]
            values = self._rest.metrics(source.vertex, [*source.offsets, *chain(*own)])
            position |= positions(values, source.offsets, self._begins)
            known.append(values)
        at_rest = self._before is not None and self._before[0] == position
        accepted = sum(
            source.accepted_events(self._rest, values, at_rest=at_rest)
            for source, values in zip(self._sources, known, strict=True)
        )
        watermark_ms = self._rest.watermark_ms(self._last)
        now = position, accepted
        self._same = self._same + 1 if now == self._before else 1
        if self._same >= REST_ANSWERS:
            ended = watermark_ms is not None and watermark_ms >= END_WATERMARK_MS
            self._rejected = rejected_records(position, self._begins, now[1], ended=ended)
        self._before = now
        return {
            "position": position,
            "watermark_ms": watermark_ms,
            "rejected": self._rejected,
            **self._checkpointed(),
        }

    def _checkpointed(self) -> dict[str, Any]:
        """Return the size of the state in the last checkpoint told of, and how long it took if it is told of now.

        Flink shows a picture of its checkpoints that is up to 3 s old and holds several; each is told of once.
        """
        found: list[Checkpoint] = []
        if self._messages % CHECKPOINTS_EVERY == 0:
            with suppress(OSError):  # where checkpoints are off there is no such place
                found = completed_checkpoints(self._rest.ask("/checkpoints"))
        self._messages += 1
        self._untold.extend(checkpoint for checkpoint in found if checkpoint.number > self._newest)
        self._newest = max([self._newest, *(checkpoint.number for checkpoint in found)])
        told = self._untold.popleft() if self._untold else None
        self._checkpoint = told or self._checkpoint
        return {
            "state_rows": None,
            "state_bytes": None if self._checkpoint is None else self._checkpoint.state_bytes,
            "checkpoint_ms": None if told is None else told.took_ms,
        }

    def last_word(self) -> None:
        """Report once more when the job is about to end, after what it says has come to rest."""
        with suppress(OSError):
            if self._sources:
                for _ in range(LAST_QUESTIONS):
                    self.message()
                    time.sleep(QUESTION_SECONDS)
                say("progress", **self.message())
