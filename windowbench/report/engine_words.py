"""What only some engines have to say of a run. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windowbench.report.document import Line
from windowbench.report.wording import count
from windowbench.settings.engine import PYTHON_WORKER


def engine_words(engine: Mapping[str, Any]) -> list[tuple[Line, Line]]:
    """Return names and values; `engine` is that part of ``summary.json``, of which older ones lack some fields."""
    cells: list[tuple[Line, Line]] = []
    if engine.get("real_time_batch_s"):
        boundaries = f"{count(engine['batches'])} batch boundaries in the measured phase"
        cells.append(("Real-Time Mode", f"batches of {engine['real_time_batch_s']:g} s, {boundaries}"))
    elif engine.get("output_mode") == "update":
        cells.append(("mode", "update"))
    if PYTHON_WORKER in engine.get("settings", {}):
        cells.append(("Python worker", "on the measured path: every row goes to it and back"))
    return cells
