import duckdb
import numpy as np
import pytest

from tests.unit.synthetic_run import NOW_NS, scheduled, small_config
from windowbench.judge.truth.closing import closing_times
from windowbench.judge.truth.oracle import NOTHING_SEEN, Evidence
from windowbench.judge.truth.replay import UNSENT, ScheduledEvents, scheduled_events
from windowbench.load.schedule import plan
from windowbench.workloads.ad_ctr.oracle import TruthBuilder
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES

MS = 1_000_000
NEVER = np.iinfo(np.int64).max

SQL = """
with instants as (
    select *, event_time // 1000000 as ms from events
), memberships as (
    select e.*, unnest(range(ms // $slide * $slide - $size + $slide, ms // $slide * $slide + 1, $slide)) as window_start
    from instants e
), windows as (
    select window_start,
           (select min(due) from instants where ms >= window_start + $size + $delay - 1) as closes
    from (select distinct window_start from memberships)
), judged as (
    select m.*, closes, (closes is null or due + 500 * 1000000 < closes) as must
    from memberships m join windows using (window_start)
)
select window_start, campaign,
       count(*) filter (must and kind = 'view'), count(*) filter (must and kind = 'click'),
       count(*) filter (must and kind = 'purchase'), count(*) filter (not must),
       max(sent // 1000000) filter (must), max(event_time) filter (must),
       max(due) filter (must), arg_max(sent, due) filter (must), any_value(closes)
from judged group by window_start, campaign order by window_start, campaign
"""


def truth_of(config, sent_late_ns=500_000, **how):
    """Return the truth of a load of which every event was sent the same time after it was due."""
    schedule = plan(config, NOW_NS)
    closing = closing_times(config, schedule, scheduled_events(config, schedule))
    builder = TruthBuilder(config, closing, Evidence(**how))
    for block in scheduled_events(config, schedule):
        builder.add(sent(block, block.due_ns + sent_late_ns))
    return schedule, builder.finish()


def sent(block, sent_ns):
    columns = {name: getattr(block, name) for name in ScheduledEvents.__dataclass_fields__}
    return ScheduledEvents(**{**columns, "sent_ns": sent_ns})


@pytest.mark.parametrize("seed", [11, 12, 13, 14])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"slide_sec": 0.5, "out_of_order_share": 0.4, "out_of_order_extent_ms": 500},
        {"slide_sec": 1.0, "too_late_share": 0.1, "late_guard_seconds": 2.0, "out_of_order_share": 0.2,
         "out_of_order_extent_ms": 300, "data_generator": "mmpp", "num_producers": 3},
        {"watermark_delay_sec": 0.2, "campaign_skew": 1.5, "event_type_weights": (0.1, 0.5, 0.4)},
    ],
)  # fmt: skip
def test_truth_equals_a_database_query_over_the_same_events(seed, settings):
    config = small_config(seed=seed, duration_seconds=10.0, rate=80.0, **settings)
    schedule, truth = truth_of(config)
    events = scheduled(config, schedule)
    connection = duckdb.connect()
    columns = {
        "due": np.array([e.due for e in events]),
        "event_time": np.array([e.time for e in events]),
        "sent": np.array([e.sent for e in events]),
        "kind": np.array([EVENT_TYPES.index(e.kind) for e in events]),
        "campaign": np.array([e.campaign for e in events]),
    }
    connection.register("coded", columns)
    connection.execute(
        "create table events as select due, event_time, sent, campaign,"
        " case kind when 0 then 'view' when 1 then 'click' else 'purchase' end as kind from coded"
    )
    windows = config.windows
    rows = connection.execute(
        SQL, {"size": windows.size_ms, "slide": windows.slide_ms, "delay": windows.delay_ms}
    ).fetchall()
    closing = truth.cells.closing
    seen = np.zeros(truth.cells.count, dtype=bool)
    for start, campaign, views, clicks, purchases, late, produce, time, due, sent_ns, closes in rows:
        window = (start - closing.starts_ms[0]) // windows.slide_ms
        cell = window * truth.cells.keys + campaign
        seen[cell] = True
        assert truth.tallied.must[:, cell].tolist() == [views, clicks, purchases]
        assert truth.tallied.maybe[:, cell].sum() == late
        assert closing.by_end[window] == (closes is None)
        if closes is not None:
            assert closing.closing_ns[window] == closes
        if views + clicks + purchases:
            assert truth.greatest_produce_ms[cell] == produce
            assert truth.event_time_ns.low[cell] == time
            assert (truth.last_due_ns[cell], truth.last_sent_ns[cell]) == (due, sent_ns)
    assert (truth.possible == seen).all()
    assert seen.sum() > 15


def late_events(config):
    """Return the truth without knowledge of the results, and which cells have events in between."""
    _, truth = truth_of(config)
    assert not truth.settled
    return truth, np.flatnonzero(truth.undecidable)


def too_late(**settings):
    return small_config(too_late_share=0.1, late_guard_seconds=2.0, **settings)


def test_an_event_produced_after_the_append_of_its_row_must_not_count():
    config = too_late()
    free, cells = late_events(config)
    earliest = np.full(free.cells.count, NEVER)
    earliest[cells] = 0
    _, bound = truth_of(config, answered_ms=earliest)
    assert bound.settled
    assert (bound.tallied.must == free.tallied.must).all()


@pytest.mark.parametrize(("shift_ms", "may_count"), [(0, True), (-1, False)])
def test_an_event_produced_in_the_ms_of_the_append_may_count_and_one_a_ms_later_must_not(shift_ms, may_count):
    config = too_late(rate=30.0)
    free, cells = late_events(config)
    cell = cells[0]
    appended = np.full(free.cells.count, NEVER)
    newest = free.tallied.produce_ms.high[cell]
    assert newest > free.greatest_produce_ms[cell]
    appended[cell] = newest + shift_ms
    _, bound = truth_of(config, answered_ms=appended)
    assert (bound.tallied.produce_ms.high[cell] == newest) == may_count


def test_unsent_and_withheld_events_still_must_count_and_are_excused():
    config = small_config()
    schedule = plan(config, NOW_NS)
    closing = closing_times(config, schedule, scheduled_events(config, schedule))
    whole = truth_of(config)[1]
    builder = TruthBuilder(config, closing, Evidence(withheld={1: np.array([7, 9])}))
    for block in scheduled_events(config, schedule):
        times = block.due_ns + 1
        if block.producer == 0 and block.first == 0:
            times[[3, 4, 5]] = UNSENT
        builder.add(sent(block, times))
    truth = builder.finish()
    assert (truth.tallied.must == whole.tallied.must).all()
    assert truth.tallied.excused.sum() == 5
    assert whole.tallied.excused.sum() == 0


@pytest.mark.parametrize(("ack_ms", "excused"), [(0.0, False), (1500.0, True)])
def test_events_that_became_visible_only_when_the_window_might_have_closed_are_excused(ack_ms, excused):
    _, truth = truth_of(small_config(), greatest_ack_ms=ack_ms)
    assert truth.tallied.excused.any() == excused


def test_when_more_events_are_withheld_than_are_named_any_may_be():
    _, truth = truth_of(small_config(), withheld_unnamed=True)
    assert (truth.tallied.excused == truth.tallied.must).all()
    assert truth.absence_explained[truth.required].all()


def test_windows_that_only_end_closes_count_every_event():
    config = small_config(watermark_delay_sec=1.0)
    _, truth = truth_of(config)
    by_end = np.flatnonzero(truth.cells.closing.by_end)
    assert len(by_end)
    assert truth.settled


def test_memory_of_the_truth_depends_on_windows_and_campaigns_not_on_events():
    sizes = []
    for rate in (20.0, 400.0):
        _, truth = truth_of(small_config(rate=rate))
        sizes.append(truth.tallied.must.nbytes + truth.last_due_ns.nbytes)
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_last_send_time_is_that_of_the_event_due_last_not_of_the_one_sent_last(order):
    config = small_config(num_campaigns=1)
    schedule = plan(config, NOW_NS)
    closing = closing_times(config, schedule, scheduled_events(config, schedule))
    start = schedule.base_time_ns
    due, sent_ns = np.array([start + 100, start + 200]), np.array([start + 900, start + 300])
    builder = TruthBuilder(config, closing, NOTHING_SEEN)
    for i in order:
        builder.add(
            ScheduledEvents(
                producer=i,
                first=0,
                due_ns=due[[i]],
                event_time_ns=due[[i]],
                sent_ns=sent_ns[[i]],
                partition=np.zeros(1, dtype=np.int32),
                contents={name: np.zeros(1, dtype=np.uint8) for name in ("event_type", "campaign_id")},
            )
        )
    truth = builder.finish()
    cell = -closing.first_id
    assert (truth.last_due_ns[cell], truth.last_sent_ns[cell]) == (start + 200, start + 300)
