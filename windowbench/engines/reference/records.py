"""What the records of all workloads have in common, for the reference engine: how events are read, and END. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Generic, Protocol, TypeVar

import orjson

from windowbench.load.schedule import END_EVENT_TIME_NS, END_EVENT_TYPE, GUARD_FUTURE_MS, GUARD_PAST_MS, NS_PER_MS

_Event = TypeVar("_Event", bound=tuple[int, int | str, int, int, *tuple[int | str, ...]])
"""Number of its kind, what it is grouped by, event time in ns, produce time in ms; then what else a workload needs."""
_Counted_contra = TypeVar("_Counted_contra", contravariant=True)
Event = tuple[int, int, int, int]
"""Number of its kind, the integer it is grouped by, event time in ns, produce time in ms."""

END: Event = (-1, -1, END_EVENT_TIME_NS, -1)
"""What :class:`EventReader` makes of an END record of its own run."""

_LEAST, _GREATEST = -(2**63), 2**63 - 1


def is_int64(value: object) -> bool:
    """Whether a value read from JSON is an integer of 64 bits."""
    return type(value) is int and _LEAST <= value <= _GREATEST


def is_own_end(event: Mapping[str, Any], run_id: str) -> bool:
    """Whether an END record is that of this run.

    Raises
    ------
    KeyError
        When a field is missing.
    """
    return bool(event["run_id"] == run_id and event["event_time_ns"] == END_EVENT_TIME_NS)


def is_believed(event_ns: int, record_ms: int) -> bool:
    """Whether an event time is from an hour before to 5 s after the record's own Kafka timestamp, both included."""
    too_old = event_ns < 0 or event_ns // NS_PER_MS + GUARD_PAST_MS < record_ms
    too_new = -(-event_ns // NS_PER_MS) - GUARD_FUTURE_MS > record_ms
    return not (too_old or too_new)


class RecordReader(Generic[_Event]):
    """Reads records of topics of events, strictly, and without ever failing on one; what is in one a workload says.

    Parameters
    ----------
    run_id : str
        The END of another run is a rejected record like any other.
    end : tuple
        What an END record of this run is read as.
    kind : str
        Name of the field that says the kind of an event, or that it is END.
    """

    def __init__(self, run_id: str, end: _Event, kind: str) -> None:
        """Keep the names."""
        self._run_id, self.end, self._kind = run_id, end, kind

    def good(self, event: Mapping[str, Any], kind: Any, topic: int) -> _Event | None:  # noqa: ANN401 - as read
        """Return a good event, None for one to be rejected; times are looked at beside.

        Raises
        ------
        KeyError, TypeError
            When a field is missing or cannot be what it should be: then it is rejected, too.
        """
        raise NotImplementedError

    def read(self, value: bytes | None, record_ms: int, topic: int = 0) -> _Event | None:
        """Return the event in a record, what stands for END, or None for a record that must be rejected.

        Parameters
        ----------
        value : bytes or None
            The record's value.
        record_ms : int
            The record's own Kafka timestamp in ms; an event time from an hour before to 5 s after it is believed.
        topic : int
            Which of the input topics it is from; one that holds other kinds of event rejects it.
        """
        try:
            event = orjson.loads(value)  # type: ignore[arg-type]  # None raises like other rubbish
            kind, event_ns = event[self._kind], event["event_time_ns"]
            if kind == END_EVENT_TYPE:
                return self.end if is_own_end(event, self._run_id) else None
            produce_ms = event["produce_time"]
            found = self.good(event, kind, topic)
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return None
        if found is None or not (is_int64(event_ns) and is_int64(produce_ms)):
            return None
        return found if is_believed(event_ns, record_ms) else None


class EventReader(RecordReader[Event]):
    """Reads events that are counted by one integer: :data:`Event`, or :data:`END`.

    Parameters
    ----------
    run_id : str
        The END of another run is a rejected record like any other.
    kinds : sequence of sequence of str
        For each topic the kinds of event that it holds; they are numbered through, over all topics.
    kind : str
        Name of the field that says the kind of an event, or that it is END.
    key : str
        Name of the field that events are grouped by, an integer.
    """

    def __init__(self, run_id: str, *, kinds: Sequence[Sequence[str]], kind: str, key: str) -> None:
        """Give each kind its number."""
        super().__init__(run_id, END, kind)
        numbers = count()
        self._kinds = [{name: next(numbers) for name in of_topic} for of_topic in kinds]
        self._key = key

    def good(self, event: Mapping[str, Any], kind: Any, topic: int) -> Event | None:  # noqa: ANN401 - as read
        """Return number of the kind, key, event time and produce time."""
        number, key = self._kinds[topic][kind], event[self._key]
        return (number, key, event["event_time_ns"], event["produce_time"]) if is_int64(key) else None


class Counts(Protocol[_Counted_contra]):
    """What events are counted in."""

    def add(self, event: _Counted_contra) -> None:
        """Count an event."""

    def take(self) -> Sequence[Sequence[object]]:
        """Return what was counted since the last call."""


class Intake(Generic[_Event]):
    """Reads records and counts the events in them.

    Parameters
    ----------
    reader : RecordReader
    counts : Counts
    """

    def __init__(self, reader: RecordReader[_Event], counts: Counts[_Event]) -> None:
        """Take the parts."""
        self._read, self._end, self._add = reader.read, reader.end, counts.add
        self.take = counts.take

    def take_in(self, value: bytes | None, record_ms: int, topic: int) -> int | None:
        """Read a record, and count the event in it; see :class:`windowbench.engines.reference.query.Intake`."""
        event = self._read(value, record_ms, topic)
        if event is None:
            return None
        if event is not self._end:
            self._add(event)
        return event[2]
