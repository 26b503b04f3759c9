"""Which rows a run must show before its drain is over: from configuration and seed, not from what was seen.

The judge computes its truth again, from what was recorded, and takes nothing from here: what the live side believes
must not decide a verdict.
"""

from __future__ import annotations

import numpy as np

from config import Config
from windowbench.oracle.closing import closing_times
from windowbench.oracle.replay import scheduled_events
from windowbench.orchestration.drain import Expected
from windowbench.schedule import Schedule
from windowbench.workloads import workload_oracle

_ANY = 1 << 62


def expected_counts(config: Config, schedule: Schedule) -> Expected:
    """Return least and greatest right ``events`` count of every (window start ms, campaign) that must have a row."""
    closing = closing_times(config, schedule, scheduled_events(config, schedule))
    builder = workload_oracle(config.engine.workload).TruthBuilder(config, closing)
    for events in scheduled_events(config, schedule):
        builder.add(events)
    truth = builder.finish()
    cells = np.flatnonzero(truth.required)
    least = truth.must.events[cells].tolist()
    starts = closing.starts_ms[truth.cells.window_index(cells)].tolist()
    campaigns = truth.cells.campaign_ids(cells).tolist()
    # Which of the events placed too late an engine counts is its own affair within the truth's bounds.
    settled = config.events.too_late_share == 0
    return {
        (start, campaign): (count, count if settled else _ANY)
        for start, campaign, count in zip(starts, campaigns, least, strict=True)
    }
