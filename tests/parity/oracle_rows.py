"""What the oracle says a case's rows are."""

import numpy as np

from config import Config
from tests.parity.cases import ORIGIN_MS, RUN_ID
from windowbench.judge.truth.oracle import Evidence, Oracle
from windowbench.judge.truth.replay import ScheduledEvents
from windowbench.load.schedule import NS_PER_MS, NS_PER_S, Schedule
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES

BATCH_NS = 100 * NS_PER_S


def case_config(case, delay_ms):
    return Config().replace(
        run_id=RUN_ID,
        window_size_sec=case.size_ms / 1000,
        slide_sec=case.slide / 1000,
        watermark_delay_sec=delay_ms / 1000,
        num_campaigns=case.campaigns,
        ads_per_campaign=1,
    )


def truth_at_once(config, schedule, block):
    """Return the truth of some events where every row came before any event that need not count."""
    outline = Oracle.of(config.engine.workload).outline(config, schedule, [block])
    builder = outline.builder(Evidence(answered_ms=np.full(outline.cells.count, -(2**63), dtype=np.int64)))
    builder.add(block)
    return builder.finish()


def static_oracle_rows(case):
    """Return the rows of a case whose events all count: a day of delay, and no watermark comes anywhere near."""
    config = case_config(case, delay_ms=86_400_000)
    return _rows(config, case, [(event, 0) for event in case.events])


def stream_oracle_rows(case):
    """Return the rows of batches read one after the other, each window closed by the batch that can close it."""
    config = case_config(case, case.delay_ms)
    placed = [
        (event, number * BATCH_NS + place * NS_PER_S)
        for number, batch in enumerate(case.batches)
        for place, event in enumerate(batch)
    ]
    return _rows(config, case, placed)


def _rows(config, case, placed):
    base_ms = ORIGIN_MS // case.size_ms * case.size_ms
    end_ns = max((due for _, due in placed), default=0) + NS_PER_S
    schedule = Schedule(epoch_ns=0, base_time_ns=base_ms * NS_PER_MS, measure_end_ns=end_ns, load_end_ns=end_ns)
    events = [event for event, _ in placed]
    block = ScheduledEvents(
        producer=0,
        first=0,
        due_ns=np.array([due for _, due in placed], dtype=np.int64),
        event_time_ns=np.array([event.event_time_ns for event in events], dtype=np.int64),
        sent_ns=np.array([event.produce_ms * NS_PER_MS for event in events], dtype=np.int64),
        partition=np.zeros(len(events), dtype=np.int32),
        contents={
            "event_type": np.array([EVENT_TYPES.index(event.kind) for event in events], dtype=np.uint8),
            "campaign_id": np.array([event.campaign for event in events], dtype=np.int32),
        },
    )
    truth = truth_at_once(config, schedule, block)
    assert truth.settled
    return list(_rows_of(truth))


def _rows_of(truth):
    for cell in np.flatnonzero(truth.required):
        window = int(truth.cells.window_index(cell))
        views, clicks, purchases = (int(truth.tallied.must[kind, cell]) for kind in range(3))
        yield {
            "run_id": RUN_ID,
            "campaign_id": int(truth.cells.keys_of(cell)),
            "window_start": int(truth.cells.closing.starts_ms[window]),
            "window_end": int(truth.cells.closing.ends_ms[window]),
            "views": views,
            "clicks": clicks,
            "purchases": purchases,
            "events": views + clicks + purchases,
            "max_produce_time": int(truth.greatest_produce_ms[cell]),
            "max_event_time_ns": int(truth.event_time_ns.low[cell]),
            "ctr": clicks / views if views else None,
            "ctr_smoothed": clicks / (views + 1),
        }
