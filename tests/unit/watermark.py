"""Watermark clocks: how far event time has advanced, as plain state machines driven by hand.

A watermark of t says that no more events before t are expected. It follows the greatest event
time seen, floored to a millisecond as engines do, and stays a fixed delay behind it. Over several
partitions one engine takes the maximum (Spark), another the minimum (Flink).
"""

from __future__ import annotations

from windowbench.load.schedule import NS_PER_MS


class WatermarkClock:
    """The greatest event time seen, less a delay; it never goes back.

    Parameters
    ----------
    delay_ms : int
        How far the watermark stays behind.
    """

    def __init__(self, delay_ms: int) -> None:
        self._delay_ms = delay_ms
        self._value_ms: int | None = None

    @property
    def value_ms(self) -> int | None:
        """The watermark in ms since the Unix epoch; None before the first event."""
        return self._value_ms

    def observe(self, event_time_ns: int) -> None:
        """Take note of an event."""
        candidate = event_time_ns // NS_PER_MS - self._delay_ms
        if self._value_ms is None or candidate > self._value_ms:
            self._value_ms = candidate

    def has_passed(self, end_ms: int) -> bool:
        """Whether a window with this end may be emitted: its last millisecond lies at or behind the watermark."""
        return self._value_ms is not None and self._value_ms >= end_ms - 1


class PartitionedWatermark:
    """The least watermark of several partitions; none until every partition has shown an event.

    Parameters
    ----------
    delay_ms : int
        How far each partition's watermark stays behind.
    partitions : int
        How many partitions there are.
    """

    def __init__(self, delay_ms: int, partitions: int) -> None:
        self._clocks = [WatermarkClock(delay_ms) for _ in range(partitions)]

    @property
    def value_ms(self) -> int | None:
        """The watermark in ms since the Unix epoch; None while a partition has shown no event."""
        values = [clock.value_ms for clock in self._clocks]
        known = [value for value in values if value is not None]
        return min(known) if len(known) == len(values) else None

    def observe(self, partition: int, event_time_ns: int) -> None:
        """Take note of an event of a partition."""
        self._clocks[partition].observe(event_time_ns)

    def has_passed(self, end_ms: int) -> bool:
        """Whether a window with this end may be emitted."""
        return all(clock.has_passed(end_ms) for clock in self._clocks)
