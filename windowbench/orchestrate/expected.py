"""Which rows a run must show before its drain is over: from configuration and seed, not from what was seen.

The judge computes its truth again, from what was recorded, and takes nothing from here: what the live side believes
must not decide a verdict.
"""

from __future__ import annotations

import numpy as np

from config import Config
from windowbench.judge.truth.oracle import NOTHING_SEEN, Oracle
from windowbench.judge.truth.replay import scheduled_events
from windowbench.load.schedule import Schedule
from windowbench.orchestrate.live import Expected

_ANY = 1 << 62


def expected_counts(config: Config, schedule: Schedule) -> Expected:
    """Return least and greatest right ``events`` count of every key that must have a row."""
    outline = Oracle.of(config.engine.workload).outline(config, schedule, scheduled_events(config, schedule))
    builder = outline.builder(NOTHING_SEEN)
    for events in scheduled_events(config, schedule):
        builder.add(events)
    truth = builder.finish()
    cells = np.flatnonzero(truth.required)
    least = truth.least_events(cells).tolist()
    # Within the bounds of the truth, an engine may count any of the events that were placed too late.
    greatest = least if truth.settled else [_ANY] * len(least)
    return dict(zip(truth.cells.live_keys(cells), zip(least, greatest, strict=True), strict=True))
