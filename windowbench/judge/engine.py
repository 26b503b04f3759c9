"""What the engine said about itself: batches, state, checkpoints, rejected records. Shown, hardly ever judged. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from windowbench.judge.measures.quantiles import nearest_rank
from windowbench.load.schedule import Schedule


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineFigures:
    """Figures of the engine.

    Attributes
    ----------
    batches : int
        Micro-batches of the measured phase.
    batch_p50_ms, batch_max_ms : float
        Their length; 0 where the engine reports none.
    state_rows, state_bytes : int or None
        Most that it kept at a time in the measured phase; None where it does not say.
    checkpoints : int
        Those of the measured phase of which it said how long they took.
    checkpoint_p50_ms, checkpoint_max_ms : float or None
        How long; None without any.
    rejected : int
        Records it could not read or believe.
    settings : dict
        The effective settings it reported.
    """

    batches: int
    batch_p50_ms: float
    batch_max_ms: float
    state_rows: int | None
    state_bytes: int | None
    checkpoints: int
    checkpoint_p50_ms: float | None
    checkpoint_max_ms: float | None
    rejected: int
    settings: dict[str, Any]


def engine_figures(progress: Sequence[dict[str, Any]], schedule: Schedule) -> EngineFigures:
    """Return the figures from the engine's JSON lines; whatever else it said is passed over."""
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
    return EngineFigures(
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
