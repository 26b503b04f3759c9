"""What the judge asks of a workload: which rows are right. Pure.

A truth is made in two looks at the events of a run: an :class:`Outline` of its cells from the schedule alone; then the
values, with what was seen of the run as :class:`Evidence`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

from numpy.typing import NDArray

from config import Config
from windowbench.judge.truth.comparison import CellTable, Index, Rules, Truth
from windowbench.judge.truth.replay import ScheduledEvents
from windowbench.judge.truth.rows import ParsedRows
from windowbench.load.schedule import Schedule
from windowbench.workloads.contract import Part

_Closing = TypeVar("_Closing")


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What was seen of a run, as far as it decides which values are right.

    Attributes
    ----------
    answered_ms : int64[cells], optional
        When the row of each cell was appended that no later event can be in, on the producers' clock; the greatest
        int64 where there is none. Without it every event that need not count may count.
    greatest_ack_ms : float
        Greatest time seen from sending to acknowledgement.
    withheld : mapping of int to int64 array
        Numbers of events that are missing from the topics, by producer.
    withheld_unnamed : bool
        Whether further ones are missing whose numbers are not known: then any event may be.
    """

    answered_ms: Index | None = None
    greatest_ack_ms: float = 0.0
    withheld: Mapping[int, Index] = field(default_factory=dict)
    withheld_unnamed: bool = False


NOTHING_SEEN = Evidence()


class TruthBuilder(Protocol):
    """Adds up the events of a run into its truth."""

    def add(self, events: ScheduledEvents) -> None:
        """Add events; the order of blocks does not matter."""

    def finish(self) -> Truth:
        """Return the truth."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """What the schedule of a run says of its truth.

    Attributes
    ----------
    cells : CellTable
        Which there are, and when the window of each may first be emitted.
    builder : callable
        Begins to add up the values.
    """

    cells: CellTable
    builder: Callable[[Evidence], TruthBuilder]


def outlined(
    closing_of: Callable[[Config, Schedule, Iterable[ScheduledEvents]], _Closing],
    cells: Callable[[Config, _Closing], CellTable],
    builder: Callable[[Config, _Closing, Evidence], TruthBuilder],
) -> Callable[[Config, Schedule, Iterable[ScheduledEvents]], Outline]:
    """Return how a workload outlines its truth: it finds windows, numbers cells, begins to add up values."""

    def outline(config: Config, schedule: Schedule, events: Iterable[ScheduledEvents]) -> Outline:
        closing = closing_of(config, schedule, events)
        return Outline(cells=cells(config, closing), builder=lambda evidence: builder(config, closing, evidence))

    return outline


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedEvents:
    """Events read from a topic; arrays of equal length.

    Attributes
    ----------
    position : int64[n]
        Which of the values given each was.
    event_time_ns, produce_ms, window_id : int64[n]
    contents : mapping of str to array
        What else decides which rows are right, as :class:`windowbench.load.events.EventSource` names it.
    """

    position: Index
    event_time_ns: Index
    produce_ms: Index
    window_id: Index
    contents: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class BareTopics:
    """What a workload knows of topics of which no configuration is known.

    Attributes
    ----------
    parse_events : callable
        Reads the values of records, strictly and without ever failing; what is no event is left out.
    usual_run_id : callable
        Returns the run id that most of some result records carry, None where none carries any.
    fitted : callable
        Returns the configuration that events tell, and their contents as that numbers them; it numbers the keys of
        rows in the same way.
    """

    parse_events: Callable[[Sequence[bytes | None]], ParsedEvents]
    usual_run_id: Callable[[Sequence[bytes | None]], str | None]
    fitted: Callable[[Config, Mapping[str, NDArray[Any]], ParsedRows], tuple[Config, Mapping[str, NDArray[Any]]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Oracle(Part):
    """Which rows of a workload are right.

    Attributes
    ----------
    outline : callable
        Looks at all events of a schedule; see :func:`outlined`.
    rules : callable
        Returns what several rows of one key mean together.
    bare_topics : BareTopics or None
        None where topics can be judged with the directory of their run only.
    """

    PLACE: ClassVar[str] = "oracle.ORACLE"

    outline: Callable[[Config, Schedule, Iterable[ScheduledEvents]], Outline]
    rules: Callable[[Config], Rules]
    bare_topics: BareTopics | None
