"""A small load of visits, for tests of the workload web_analytics."""

from collections import defaultdict

import numpy as np

from config import Config
from windowbench.judge.truth.replay import scheduled_events
from windowbench.workloads.web_analytics import oracle

MS = 1_000_000
NOW_NS = 1_760_000_000_123_456_789
SENT_LATE_NS = 500_000


def small_config(**settings):
    values = {
        "run_id": "visits",
        "rate": 150.0,
        "events_per_producer": None,
        "duration_seconds": 14.0,
        "warmup_seconds": 3.0,
        "cooldown_seconds": 3.0,
        "window_size_sec": 1.0,
        "watermark_delay_sec": 1.0,
        "partitions": 4,
        "num_products": 20,
        "think_time_sec": 0.4,
        "behaviour_window_sec": 3.0,
        "behaviour_slide_sec": 1.5,
        "session_gap_sec": 1.0,
        "bounce_window_sec": 2.0,
        "cart_timeout_sec": 0.7,
    }
    return Config().replace(workload="web_analytics").replace(**{**values, **settings})


def events_of(config, schedule):
    """Return every event of the load as one dictionary of columns, sent half a millisecond after it was due."""
    columns = defaultdict(list)
    for block in scheduled_events(config, schedule):
        columns["due"].append(block.due_ns)
        columns["event_time"].append(block.event_time_ns)
        columns["partition"].append(block.partition)
        columns["producer"].append(np.full(len(block.due_ns), block.producer))
        for name, column in block.contents.items():
            columns[name].append(column)
    found = {name: np.concatenate(parts).astype(np.int64) for name, parts in columns.items()}
    return {**found, "sent": found["due"] + SENT_LATE_NS}


def truth_of(config, schedule, **how):
    closing = oracle.closing_of(config, schedule, scheduled_events(config, schedule))
    builder = oracle.TruthBuilder(config, closing, **how)
    sent = {}
    for i in range(config.load.num_producers):
        due = [block.due_ns for block in scheduled_events(config, schedule) if block.producer == i]
        sent[i] = np.concatenate(due) + SENT_LATE_NS
    for block in scheduled_events(config, schedule, lambda i: iter([sent[i]])):
        builder.add(block)
    return builder.finish()
