"""What the report says of an engine, in one line: its settings, mode, batches, state and checkpoints. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windowbench.report.wording import count, size
from windowbench.settings.engine import PYTHON_WORKER


def state_kept(engine: Mapping[str, Any]) -> str | None:
    """Return how much state an engine kept at most; None where it does not say, as runs of earlier versions."""
    rows, held = engine.get("state_rows"), engine.get("state_bytes")
    words = [f"{count(rows)} rows"] if rows is not None else []
    words += [size(held)] if held is not None else []
    return ", ".join(words) or None


def checkpoint_times(engine: Mapping[str, Any]) -> str | None:
    """Return how long the checkpoints of the measured phase took; None without any."""
    if not engine.get("checkpoints"):
        return None
    return f"median {engine['checkpoint_p50_ms']:.0f} ms, longest {engine['checkpoint_max_ms']:.0f} ms"


def engine_line(engine: Mapping[str, Any]) -> str:
    """Return the line; `engine` is that part of ``summary.json``, of which older ones lack some fields."""
    parts = [f"engine: {engine['name']}"]
    if engine.get("preset"):
        parts.append(f"preset {engine['preset']}")
    parts += [f"{name} approximate" for name in engine.get("approximate") or ()]
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
    if (kept := state_kept(engine)) is not None:
        parts.append(f"state of at most {kept}")
    if (times := checkpoint_times(engine)) is not None:
        parts.append(f"{engine['checkpoints']} checkpoints, {times}")
    return f"{', '.join(parts)}; {engine['rejected']} records rejected"
