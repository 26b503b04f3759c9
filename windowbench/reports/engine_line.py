"""What the report says of an engine, in one line: its settings, its mode, its batches. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windowbench.configuration.engine import PYTHON_WORKER


def engine_line(engine: Mapping[str, Any]) -> str:
    """Return the line; `engine` is that part of ``summary.json``, of which older ones lack preset and mode."""
    parts = [f"engine: {engine['name']}"]
    if engine.get("preset"):
        parts.append(f"preset {engine['preset']}")
    if PYTHON_WORKER in engine.get("settings", {}):
        parts.append("with a Python worker on the measured path")
    if engine.get("real_time_batch_s"):
        parts.append(f"Real-Time Mode, batches of {engine['real_time_batch_s']:g} s")
        parts.append(f"{engine['batches']} batch boundaries in the measured phase")
    else:
        if engine.get("output_mode") == "update":
            parts.append("update mode")
        if engine["batches"] and engine["batch_max_ms"]:  # only an engine of micro-batches says how long each took
            parts.append(f"{engine['batches']} batches, median {engine['batch_p50_ms']:.0f} ms")
            parts.append(f"longest {engine['batch_max_ms']:.0f} ms")
    return f"{', '.join(parts)}; {engine['rejected']} records rejected"
