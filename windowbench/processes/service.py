"""A program of ours that serves others: what all of them do alike, whatever they run."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Never, Self

from windowbench.processes.process import Child

_WATCH_SECONDS = 0.5


class Service(ABC):
    """One service; :meth:`start` makes its `child`, and a ``with`` block ends it however the block is left."""

    child: Child | None = None

    @abstractmethod
    def start(self) -> None:
        """Start it; returns before it answers."""

    @abstractmethod
    def stop(self) -> None:
        """End it; safe to call again."""

    @abstractmethod
    def check(self) -> None:
        """Raise when it has ended."""

    def watch(self) -> Never:
        """Look after it until it ends, which raises, or an interrupt."""
        while True:
            self.check()
            time.sleep(_WATCH_SECONDS)

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
