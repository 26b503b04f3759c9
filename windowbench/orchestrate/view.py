"""Showing a run while it lasts: a live table in a terminal, a line every 5 s without one, or nothing."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from windowbench.orchestrate.live import Snapshot
from windowbench.settings.printing import printable_lines

_PLAIN_SECONDS = 5.0
_LIVE_PER_SECOND = 2
_LIVE_WORDS = {
    "append": ("windows closed", "window end and watermark delay"),
    "update": ("windows seen", "produce time of the newest event"),
}


class View:
    """Where the progress of a run is shown; this one shows nothing."""

    def note(self, text: str) -> None:
        """Show a line that stays."""

    def update(self, snapshot: Snapshot) -> None:
        """Show the latest numbers."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def _number(value: float | None, unit: str = "", digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}{unit}"


def plain_line(snapshot: Snapshot) -> str:
    """Return the numbers of a snapshot as one line without colour."""
    parts = [f"{snapshot.phase:<9}"]
    if snapshot.target_rate is not None:
        parts.append(f"{_number(snapshot.achieved_rate)}/{_number(snapshot.target_rate)} events/s")
        parts.append(f"lateness P99 {_number(snapshot.lateness_p99_ms, ' ms', 1)}")
    seen = snapshot.results
    parts.append(f"windows {seen.windows}")
    if seen.p90_ms is not None:
        latencies = f"P50 {_number(seen.p50_ms)} P90 {_number(seen.p90_ms)} max {_number(seen.max_ms)} ms"
        parts.append(f"{'freshness' if seen.mode == 'update' else 'after closing'} {latencies}")
    if snapshot.seconds_left is not None:
        parts.append(f"{_number(snapshot.seconds_left)} s left")
    if snapshot.engine_page is not None:
        parts.append(f"engine's page {snapshot.engine_page}")
    return " · ".join(parts)


class PlainView(View):
    """A line every 5 s, for logs and pipes."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._next = 0.0

    def note(self, text: str) -> None:
        """Write a line."""
        print(printable_lines(text), file=self._stream, flush=True)

    def update(self, snapshot: Snapshot) -> None:
        """Write a line, at most every 5 s."""
        now = self._clock()
        if now >= self._next:
            self._next = now + _PLAIN_SECONDS
            self.note(plain_line(snapshot))


def live_table(snapshot: Snapshot) -> Table:
    """Return the numbers of a snapshot as a small table."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    left = "" if snapshot.seconds_left is None else f"{snapshot.seconds_left:,.0f} s of load left"
    table.add_row("phase", snapshot.phase, left)
    if snapshot.target_rate is not None:
        table.add_row("rate", f"{_number(snapshot.achieved_rate)} /s", f"scheduled {_number(snapshot.target_rate)} /s")
        failed = f", {snapshot.failed:,} failed" if snapshot.failed else ""
        table.add_row("sent", f"{snapshot.sent:,}", f"events{failed}")
        table.add_row("lateness P99", _number(snapshot.lateness_p99_ms, " ms", 1), "hand-over minus due, last second")
    seen = snapshot.results
    closed, since = _LIVE_WORDS[seen.mode]
    table.add_row(closed, f"{seen.windows:,}", f"{seen.rows:,} rows")
    table.add_row("P50", _number(seen.p50_ms, " ms"), f"append time minus {since},")
    table.add_row("P90", _number(seen.p90_ms, " ms"), "recent rows of measured windows")
    table.add_row("max", _number(seen.max_ms, " ms"), "")
    if snapshot.batch_ms is not None:
        unread = "" if snapshot.unread is None else f"{snapshot.unread:,} events not yet read"
        table.add_row("engine batch", _number(snapshot.batch_ms, " ms"), unread)
    if snapshot.engine_page is not None:
        table.add_row("engine's page", "", snapshot.engine_page)
    return table


class LiveView(View):
    """A table that is redrawn in place."""

    def __init__(self, stream: TextIO) -> None:
        """Take over the lower part of the terminal."""
        console = Console(file=stream, highlight=False)
        self._live = Live(console=console, refresh_per_second=_LIVE_PER_SECOND, transient=True, auto_refresh=False)
        self._live.start()
        self._next = 0.0

    def note(self, text: str) -> None:
        """Print a line above the table."""
        self._live.console.print(printable_lines(text), markup=False)

    def update(self, snapshot: Snapshot) -> None:
        """Redraw the table, at most twice a second."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 1 / _LIVE_PER_SECOND
            self._live.update(live_table(snapshot), refresh=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._live.stop()


def open_view(*, quiet: bool, stream: TextIO | None = None) -> View:
    """Return the view that fits: none when quiet, live in a terminal, lines elsewhere (and on a dumb terminal)."""
    target: TextIO | None = stream or sys.stderr
    if quiet or target is None:  # None: started with standard error closed
        return View()
    if target.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return LiveView(target)
    return PlainView(target)
