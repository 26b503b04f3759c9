"""What the engine said about itself: batches, rejected records, settings. Shown, and hardly ever judged. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from windowbench.metrics.quantiles import nearest_rank
from windowbench.schedule import Schedule


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineFigures:
    """Figures of the engine.

    Attributes
    ----------
    batches : int
        Micro-batches of the measured phase.
    batch_p50_ms, batch_max_ms : float
        Their length; 0 where the engine reports none.
    rejected : int
        Records it could not read or believe.
    settings : dict
        The effective settings it reported.
    """

    batches: int
    batch_p50_ms: float
    batch_max_ms: float
    rejected: int
    settings: dict[str, Any]


def engine_figures(progress: Sequence[dict[str, Any]], schedule: Schedule) -> EngineFigures:
    """Return the figures from the engine's JSON lines; whatever else it said is passed over."""
    batches: list[float] = []
    rejected = 0
    settings: dict[str, Any] = {}
    for line in progress:
        if line.get("type") == "settings" and isinstance(line.get("effective"), dict):
            settings = line["effective"]
        if line.get("type") != "progress":
            continue
        rejected = max(rejected, int(_number(line.get("rejected"))))
        batch_ms, received_ns = _number(line.get("batch_ms")), _number(line.get("received_ns"))
        if batch_ms > 0 and schedule.base_time_ns <= received_ns < schedule.measure_end_ns:
            batches.append(batch_ms)
    lengths_us = (np.array(batches) * 1000).astype(np.int64)
    return EngineFigures(
        batches=len(batches),
        batch_p50_ms=nearest_rank(lengths_us, 50) / 1000 if batches else 0.0,
        batch_max_ms=max(batches, default=0.0),
        rejected=rejected,
        settings=settings,
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
