"""What a consumer of the reference engine gathers in between two of its reports. Pure."""

from __future__ import annotations

from config import WindowSettings
from windowbench.engines.reference.records import Event
from windowbench.load.schedule import NS_PER_MS

Partial = list[int]
"""Window start in ms, key, events of each kind, greatest produce time in ms, greatest event time in ns."""


class PartialCounts:
    """Counts per window and key since they were last taken.

    Parameters
    ----------
    windows : WindowSettings
        Windows start at multiples of the slide since the Unix epoch.
    kinds : int
        How many kinds of event are counted apart.
    """

    def __init__(self, windows: WindowSettings, kinds: int) -> None:
        """Begin with nothing counted."""
        self._size_ms, self._slide_ms, self._none = windows.size_ms, windows.slide_ms, [0] * kinds
        self._cells: dict[tuple[int, int], Partial] = {}

    def add(self, event: Event) -> None:
        """Count an event in each of its windows."""
        kind, key, event_ns, produce_ms = event
        at_ms = event_ns // NS_PER_MS
        start = at_ms - at_ms % self._slide_ms
        while start > at_ms - self._size_ms:
            cell = self._cells.get((start, key))
            if cell is None:
                cell = self._cells[start, key] = [start, key, *self._none, produce_ms, event_ns]
            cell[2 + kind] += 1
            cell[-2] = max(cell[-2], produce_ms)
            cell[-1] = max(cell[-1], event_ns)
            start -= self._slide_ms

    def take(self) -> list[Partial]:
        """Return what was counted since the last call."""
        taken = list(self._cells.values())
        self._cells.clear()
        return taken


class Forwarded:
    """Events that a consumer hands on as they are, where what they say cannot be added up before they come together."""

    def __init__(self) -> None:
        """Begin without any."""
        self._events: list[list[object]] = []

    def add(self, event: tuple[object, ...]) -> None:
        """Take an event."""
        self._events.append(list(event))

    def take(self) -> list[list[object]]:
        """Return what was added since the last call."""
        taken, self._events = self._events, []
        return taken
