"""A program of ours that serves others: what all of them do alike, whatever they run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from windowbench.processes.process import Child


class Service(ABC):
    """One service; :meth:`start` makes its `child`, and a ``with`` block ends it however the block is left."""

    child: Child | None = None

    @abstractmethod
    def start(self) -> None:
        """Start it; returns before it answers."""

    @abstractmethod
    def stop(self) -> None:
        """End it; safe to call again."""

    def alive(self) -> bool:
        """Return whether it runs."""
        return self.child is not None and self.child.poll() is None

    def last_lines(self, count: int = 20) -> tuple[str, ...]:
        """Return the last lines of its log."""
        return self.child.last_lines(count) if self.child else ()

    def __enter__(self) -> Self:
        """Start it; whether it answers is for the caller to wait."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
