"""What the engine said about itself: batches, state, checkpoints, rejected records. Shown, hardly ever judged. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from config import Config
from windowbench.engines.protocol import PROGRESS, SETTINGS, Progress, progress_of, recorded_messages
from windowbench.judge.measures.quantiles import nearest_rank
from windowbench.load.schedule import Schedule
from windowbench.runs.files.figures import EngineFigures


def engine_figures(config: Config, progress: Sequence[dict[str, Any]], schedule: Schedule) -> EngineFigures:
    """Return how the engine was set up, and the figures from its JSON lines; whatever else it said is passed over."""
    measured: list[Progress] = []
    rejected = 0
    settings: dict[str, Any] = {}
    for message in recorded_messages(progress):
        if message.kind == SETTINGS and message.table("effective"):
            settings = dict(message.table("effective"))
        if message.kind == PROGRESS:
            said = progress_of(message)
            rejected = rejected if said.rejected is None else said.rejected
            if schedule.base_time_ns <= (message.number("received_ns") or 0) < schedule.measure_end_ns:
                measured.append(said)
    batches = [said.batch_ms for said in measured if said.batch_ms is not None and said.batch_ms > 0]
    checkpoints = [said.checkpoint_ms for said in measured if said.checkpoint_ms is not None]
    engine = config.engine
    return EngineFigures(
        name=engine.engine,
        output_mode=config.output_mode,
        preset=engine.chosen_preset,
        approximate=tuple(config.workload.approximate),
        real_time_batch_s=engine.real_time_batch_s,
        batches=len(batches),
        batch_p50_ms=_median(batches) or 0.0,
        batch_max_ms=max(batches, default=0.0),
        state_rows=max((said.state_rows for said in measured if said.state_rows is not None), default=None),
        state_bytes=max((said.state_bytes for said in measured if said.state_bytes is not None), default=None),
        checkpoints=len(checkpoints),
        checkpoint_p50_ms=_median(checkpoints),
        checkpoint_max_ms=max(checkpoints, default=None),
        rejected=rejected,
        settings=settings,
    )


def _median(lengths_ms: Sequence[float]) -> float | None:
    return nearest_rank((np.array(lengths_ms) * 1000).astype(np.int64), 50) / 1000 if lengths_ms else None
