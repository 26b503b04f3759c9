"""A small load of impressions and clicks of every kind, for tests of the workload ad_clicks."""

import json

from config import Config
from data_generation import encoder_of, event_blocks
from tests.unit import any_load
from tests.unit.any_load import MS, SENT_LATE_NS
from windowbench.load.arrivals import arrival_offsets


def small_config(**settings):
    values = {
        "run_id": "ads",
        "rate": 150.0,
        "events_per_producer": None,
        "duration_seconds": 24.0,
        "warmup_seconds": 3.0,
        "cooldown_seconds": 4.0,
        "window_size_sec": 2.0,
        "watermark_delay_sec": 1.0,
        "attribution_sec": 2.0,
        "num_campaigns": 4,
        "num_users": 50,
        "click_ratio": 0.4,
        "orphan_share": 0.1,
        "duplicate_share": 0.1,
        "anomaly_share": 0.1,
        "history_windows": 6,
        "least_history_windows": 3,
        "anomaly_deviations": 2.0,
    }
    return Config().replace(workload="ad_clicks").replace(**{**values, **settings})


def records_of(config, schedule):
    """Return every record of the load in the order of sending, half a millisecond after it was due.

    A record is (sent in ns, number of the topic, value, due in ns).
    """
    encoder, records = encoder_of(config), []
    for producer in range(config.load.num_producers):
        offsets = arrival_offsets(config, producer)
        for block in event_blocks(config, producer, offsets, schedule.load_length_ns):
            due = (block.due_offset_ns + schedule.epoch_ns).tolist()
            topics = (block.partition // config.kafka.partitions).tolist()
            for payload, topic, at in zip(encoder.encode(block, schedule), topics, due, strict=True):
                sent = at + SENT_LATE_NS
                records.append((sent, topic, payload + b"%d}" % (sent // MS), at))
    return sorted(records)


def tables_of(config, schedule):
    """Return the events of each topic as they were read, in columns, with their due times."""
    numbers = ("event_time_ns", "produce_time", "due")
    names = (
        ("impression_id", "user_id", "device_type", "campaign_id", "cost", *numbers),
        ("click_id", "impression_id", "user_id", *numbers),
    )
    tables = tuple({name: [] for name in those} for those in names)
    for _, topic, value, due in records_of(config, schedule):
        event = {**json.loads(value), "due": due}
        for name, column in tables[topic].items():
            column.append(event[name])
    return tables


def truth_of(config, schedule, **how):
    """Return the truth; where nothing is said of when rows came, all came before any event that need not count."""
    return any_load.truth_of(config, schedule, **{"answered_ms": any_load.never(config, schedule), **how})
