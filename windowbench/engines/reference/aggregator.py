"""What the reference engine's parent does with the records of its consumers: add up, advance, close. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from windowbench.engines.reference.messages import read_message
from windowbench.engines.reference.query import Row, Windows
from windowbench.engines.reference.watermarks import GlobalWatermark
from windowbench.load.schedule import NS_PER_MS


class Aggregator:
    """Adds up partial counts and closes windows on the least watermark over partitions.

    Parameters
    ----------
    engine : str
        Names this start of the engine.
    partitions : iterable of int
        Partitions of the events topic.
    windows : Windows
        The workload's.
    """

    def __init__(self, engine: str, partitions: Iterable[int], windows: Windows) -> None:
        """Begin with nothing counted."""
        numbers = list(partitions)
        self._engine = engine
        self._windows = windows
        self._watermark = GlobalWatermark(numbers)
        self._position = dict.fromkeys(map(str, numbers), 0)
        self._counts: dict[int, tuple[int, int]] = {}

    def take(self, value: bytes | None) -> Iterator[Row]:
        """Take one record of the watermarks topic and yield the rows that follow from it."""
        message = read_message(self._engine, value)
        if message is None:
            return
        if "partials" in message:
            self._windows.add(message["partials"])
            return
        self._counts[message["consumer"]] = (message["events"], message["rejected"])
        for partition, (watermark_ns, position, idle) in message["watermarks"].items():
            self._position[partition] = position
            self._watermark.update(int(partition), watermark_ns, idle=idle)
        if self._watermark.watermark_ns is not None:
            yield from self._windows.close(self._watermark.watermark_ns)

    def progress(self) -> dict[str, Any]:
        """Return the fields of the engine's progress message."""
        watermark_ns = self._watermark.watermark_ns
        return {
            "position": dict(self._position),
            "watermark_ms": None if watermark_ns is None else watermark_ns // NS_PER_MS,
            "events": sum(events for events, _ in self._counts.values()),
            "rejected": sum(rejected for _, rejected in self._counts.values()),
            "late": self._windows.late,
            "state_rows": len(self._windows),
            "state_bytes": None,
            "checkpoint_ms": None,
        }
