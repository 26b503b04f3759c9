"""What the engine said about itself: batches, state, checkpoints, rejected records. Shown, hardly ever judged. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np

from config import Config
from windowbench.judge.measures.quantiles import nearest_rank
from windowbench.load.schedule import Schedule
from windowbench.runs.files.figures import EngineFigures

PRESET_ENGINES = frozenset({"spark", "flink"})
"""Engines whose settings we choose."""


def engine_figures(config: Config, progress: Sequence[dict[str, Any]], schedule: Schedule) -> EngineFigures:
    """Return how the engine was set up, and the figures from its JSON lines; whatever else it said is passed over."""
    batches: list[float] = []
    kept: dict[str, list[int]] = {"state_rows": [], "state_bytes": []}
    checkpoints: list[float] = []
    rejected = 0
    settings: dict[str, Any] = {}
    for line in progress:
        if line.get("type") == "settings" and isinstance(line.get("effective"), dict):
            settings = line["effective"]
        if line.get("type") != "progress":
            continue
        if _is_count(total := line.get("rejected")):
            rejected = int(total)
        if not schedule.base_time_ns <= _number(line.get("received_ns")) < schedule.measure_end_ns:
            continue
        if (batch_ms := _number(line.get("batch_ms"))) > 0:
            batches.append(batch_ms)
        for name, sizes in kept.items():
            if _is_count(size := line.get(name)):
                sizes.append(int(size))
        if _is_count(took_ms := line.get("checkpoint_ms")):
            checkpoints.append(float(took_ms))
    engine = config.engine
    return EngineFigures(
        name=engine.engine,
        output_mode=config.output_mode,
        preset=engine.preset if engine.engine in PRESET_ENGINES else None,
        approximate=tuple(config.workload.approximate),
        real_time_batch_s=engine.realtime_batch_seconds if config.real_time else None,
        batches=len(batches),
        batch_p50_ms=_median(batches) or 0.0,
        batch_max_ms=max(batches, default=0.0),
        state_rows=max(kept["state_rows"], default=None),
        state_bytes=max(kept["state_bytes"], default=None),
        checkpoints=len(checkpoints),
        checkpoint_p50_ms=_median(checkpoints),
        checkpoint_max_ms=max(checkpoints, default=None),
        rejected=rejected,
        settings=settings,
    )


def _median(lengths_ms: Sequence[float]) -> float | None:
    return nearest_rank((np.array(lengths_ms) * 1000).astype(np.int64), 50) / 1000 if lengths_ms else None


def _is_count(value: object) -> TypeGuard[float]:
    """Whether an engine said a number that something may amount to; 0 is one."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
