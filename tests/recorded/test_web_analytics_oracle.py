"""The truth of web_analytics against SQL over the same events, and the reference engine's rows against the truth."""

import duckdb
import numpy as np
import pytest

from data_generation import event_blocks
from tests.unit.any_load import (
    MS,
    NOW_NS,
    SENT_LATE_NS,
    as_results,
    compared,
    events_of,
    judged,
    never,
    outline_of,
    truth_of,
)
from tests.unit.web_load import small_config
from windowbench.engines.reference.counts import Forwarded
from windowbench.judge.truth.comparison import RowClass
from windowbench.judge.truth.oracle import NOTHING_SEEN
from windowbench.judge.truth.replay import scheduled_events
from windowbench.load.arrivals import arrival_offsets
from windowbench.load.schedule import plan
from windowbench.workloads.web_analytics import model, reference
from windowbench.workloads.web_analytics.events import COUNTRIES, country_of, page_urls
from windowbench.workloads.web_analytics.payload import PayloadEncoder, user_ids
from windowbench.workloads.web_analytics.settings import LONGEST_PATH

EVENTS = """
create table e as
select c.*, event_time // 1000000 as ms, sent // 1000000 as produced, age_ns, url, user_id, country
from coded c join pages using (page_index) join people using (visitor)
"""
FIXED = """
with members as (
    select e.*, (ms // $slide - k) * $slide as window_start from e cross join range($size // $slide) t(k)
), closings as (
    select window_start, (select min(due) from e where ms >= window_start + $size + $delay - 1) as closes
    from (select distinct window_start from members)
), counted as (
    select members.* from members join closings using (window_start)
    where closes is null or due + 500 * 1000000 < closes
)
"""
SUMS = "count(*) as events, max(produced) as max_produce_time"
TRAFFIC = f"""{FIXED}
select window_start, {SUMS}, count(*) filter (event_type = 0) as page_views, count(distinct visitor) as active_users,
       count(*) filter (event_type = 2) as sessions_ended,
       count(*) filter (event_type = 2 and views_before = 1) as bounces,
       coalesce(sum(ms - (event_time - age_ns) // 1000000) filter (event_type = 2), 0)::bigint as duration_ms
from counted group by window_start"""
CONVERSION = f"""{FIXED}
select window_start, {SUMS}, count(distinct visitor) as active_users, count(*) filter (event_type = 1) as sessions,
       count(*) filter (event_type = 3) as conversions, sum(revenue_cents)::bigint as revenue_cents
from counted group by window_start"""
COUNTRY = f"""{FIXED}
select window_start, country, {SUMS}, count(*) filter (event_type = 1) as sessions,
       sum(revenue_cents)::bigint as revenue_cents
from counted group by window_start, country"""
TOP_PAGE = f"""{FIXED}
select * exclude (events), events as page_views,
       row_number() over (partition by window_start order by events desc, url) as rank
from (select window_start, url, {SUMS} from counted where event_type = 0 group by window_start, url)
qualify rank <= 10"""
BOUNCE = f"""{FIXED}
select window_start, user_id, 1 as page_views, any_value(url) as url, max(produced) as max_produce_time
from counted where event_type = 0 group by window_start, user_id having count(*) = 1"""
SESSIONS = f"""
with new as (
    select *, coalesce(ms - lag(ms) over (partition by visitor order by event_time) > $gap, true) as begins from e
), numbered as (
    select *, sum(begins::int) over (partition by visitor order by event_time) as number from new
), spans as (
    select visitor, number, min(ms) as window_start, max(ms) + $gap as window_end from numbered group by all
), closings as (
    select *, (select min(due) from e where ms >= window_end + $delay - 1) as closes from spans
), counted as (
    select * from numbered join closings using (visitor, number)
    where closes is null or due + 500 * 1000000 < closes
)
select user_id, window_start, window_end, {SUMS}, count(*) filter (event_type = 0) as page_views,
       max(ms) - min(ms) as duration_ms, sum(revenue_cents)::bigint as revenue_cents,
       max(case when event_type = 3 then 4 when event_type <> 0 then 0 when url = '/cart' then 3
                when url like '/product/%' then 2 else 1 end) as funnel_step,
       coalesce(array_to_string(
           (list(url order by event_time, url) filter (event_type = 0))[1:{LONGEST_PATH}], '>'), '') as path,
       case when count(*) filter (event_type = 3) > 0 then 'converted' else 'abandoned' end as outcome,
       min(ms) filter (event_type = 0 and url = '/cart') as cart_time, min(ms) filter (event_type = 3) as converted_at
from counted group by user_id, window_start, window_end"""

LATE = {"too_late_share": 0.05, "late_guard_seconds": 2.0}
DISORDERED = {"out_of_order_share": 0.3, "out_of_order_extent_ms": 400}
CASES = {
    "on time": {},
    "too late": LATE,
    "disordered": {**LATE, **DISORDERED, "num_producers": 3, "slide_sec": 0.5},
    "on the bounds of windows": {"data_generator": "uniform", "rate": 200.0, "num_producers": 1, "think_time_sec": 0.5},
    "mostly empty": {"rate": 3.0, "think_time_sec": 2.0, "endless_visitors": 0},
}
of_cases = pytest.mark.parametrize("settings", CASES.values(), ids=CASES)


def frames_of(config, schedule):
    """Return a database of the events, and of the names of pages and users."""
    events = events_of(config, schedule)
    users = np.unique(events["visitor"]).astype(np.int32)
    urls = page_urls(config.workload.num_products)
    connection = duckdb.connect()
    people = {
        "visitor": users,
        "user_id": [user.decode() for user in user_ids(users).tolist()],
        "country": [COUNTRIES[i] for i in country_of(users, config.run.seed).tolist()],
    }
    for name, columns in (
        ("coded", events),
        ("pages", {"page_index": np.arange(len(urls)), "url": urls}),
        ("people", people),
    ):
        connection.register(name, {key: np.asarray(values) for key, values in columns.items()})
    connection.execute(EVENTS)
    return connection


def rows_by_sql(config, schedule):
    """Return the rows of all types that a database finds, in the order of no engine."""
    connection, own, windows = frames_of(config, schedule), config.workload, config.windows
    rows = []

    def ask(metric, query, size_ms=None, slide_ms=None, **further):
        parameters = {"size": size_ms, "slide": slide_ms, "delay": windows.delay_ms, **further}
        given = {name: value for name, value in parameters.items() if value is not None}
        found = connection.execute(query, given)
        names = [column[0] for column in found.description]
        for values in found.fetchall():
            row = {"run_id": config.run.run_id, "metric": metric, **dict(zip(names, values, strict=True))}
            rows.append({"window_end": row["window_start"] + (size_ms or 0), **row})

    ask("traffic", TRAFFIC, windows.size_ms, windows.slide_ms)
    for metric, query in (("conversion", CONVERSION), ("country", COUNTRY), ("top_page", TOP_PAGE)):
        ask(metric, query, own.behaviour_ms, own.behaviour_slide_ms)
    ask("high_bounce_rate", BOUNCE, own.bounce_ms, own.bounce_ms)
    ask("session", SESSIONS, gap=own.gap_ms)
    for row in [row for row in rows if row["metric"] == "session"]:
        cart, bought = row.pop("cart_time"), row.pop("converted_at")
        if cart is not None and (bought is None or bought > cart + own.cart_timeout_ms):
            rows.append({**row, "metric": "abandoned_cart", "cart_time": cart})
    for row in rows:
        if row["metric"] == "traffic":
            ended = row["sessions_ended"]
            row["page_views_per_second"] = row["page_views"] * 1000 / windows.size_ms
            row["bounce_rate"] = row["bounces"] / ended if ended else None
            row["mean_duration_ms"] = row["duration_ms"] / ended if ended else None
        if row["metric"] == "conversion":
            row["conversion_rate"] = row["conversions"] / row["sessions"] if row["sessions"] else None
            row["revenue_per_user"] = row["revenue_cents"] / (100 * row["active_users"])
    return rows


@pytest.mark.parametrize("seed", [21, 22, 23, 24, 25])
@of_cases
def test_truth_equals_database_queries_over_the_same_events(seed, settings):
    config = small_config(seed=seed, **settings)
    schedule = plan(config, NOW_NS // 10**9 * 10**9)
    rows = rows_by_sql(config, schedule)
    truth = truth_of(config, schedule, answered_ms=never(config, schedule))
    assert truth.settled
    found = compared(config, as_results(config, [(0, row) for row in rows]), truth)
    assert {RowClass(c) for c in found.classes} == {RowClass.EXACT}
    assert len(found.missing) == 0
    assert {row["metric"] for row in rows} == set(model.MODEL.metrics)
    may = truth_of(config, schedule)
    assert may.settled == (config.events.too_late_share == 0)
    assert (may.possible >= may.required).all()


def reference_rows(config, schedule):
    """Return the rows of the reference engine that reads events one by one as they are sent, and when each came."""
    encoder, reads = PayloadEncoder(config), reference.EventReader(config.run.run_id)
    sent = []
    for producer in range(config.load.num_producers):
        for block in event_blocks(config, producer, arrival_offsets(config, producer), schedule.load_length_ns):
            sent_ns = block.due_offset_ns + schedule.epoch_ns + SENT_LATE_NS
            sent += zip(sent_ns.tolist(), encoder.encode(block, schedule), strict=True)
    windows, counts = reference.QUERY.windows(config), Forwarded()
    watermark, rows = -(2**63), []
    for sent_ns, value in sorted(sent, key=lambda event: event[0]):
        event = reads.read(value + b"%d}" % (sent_ns // MS), sent_ns // MS)
        counts.add(event)
        watermark = max(watermark, event[2] // MS * MS - config.windows.delay_ms * MS)
        windows.add(counts.take())
        rows += [(sent_ns // MS + 1, row) for row in windows.close(watermark)]
    rows += [(schedule.load_end_ns // MS + 5, row) for row in windows.close(reference.END[2])]
    assert len(windows) == 0
    return rows


@pytest.mark.parametrize("seed", [31, 32])
@of_cases
def test_the_reference_engine_agrees_on_a_mixed_load(seed, settings):
    config = small_config(seed=seed, **settings)
    schedule = plan(config, NOW_NS)
    came = reference_rows(config, schedule)
    rows = as_results(config, came)
    truth, found = judged(config, came, schedule)
    assert {RowClass(c) for c in found.classes} == {RowClass.EXACT}
    assert len(found.missing) == 0
    after_earliest = rows.append_ms[found.row_of_cell[truth.required]] * MS - truth.earliest_ns[truth.required]
    assert after_earliest.min() >= 0


def judged_at_once(config, schedule, rows):
    """Return the truth where no late event counts, the comparison of rows with it, and their values."""
    truth = truth_of(config, schedule, answered_ms=never(config, schedule))
    results = as_results(config, [(0, row) for row in rows])
    return truth, compared(config, results, truth), results.parsed


def with_users_off(rows):
    """Return rows with the active users of `traffic` too many or too few by a tenth, rounded up."""
    by = [-(-row.get("active_users", 0) // 10) * (-1) ** place for place, row in enumerate(rows)]
    return [
        {**row, "active_users": max(row["active_users"] + off, 1)} if row["metric"] == "traffic" else row
        for off, row in zip(by, rows, strict=True)
    ]


def test_of_an_approximate_count_of_users_the_error_is_told_and_any_row_is_exact():
    exact, approximate = (small_config(seed=26, distinct_users=how) for how in ("exact", "approximate"))
    schedule = plan(exact, NOW_NS // 10**9 * 10**9)
    right = rows_by_sql(exact, schedule)
    off = with_users_off(right)
    truth, found, parsed = judged_at_once(exact, schedule, off)
    windows = sum(row["metric"] == "traffic" for row in right)
    assert found.count(RowClass.WRONG_VALUE) > windows / 2
    assert truth.remarks(found, parsed) == {}
    for rows, least in ((right, 0.0), (off, 10.0)):
        truth, found, parsed = judged_at_once(approximate, schedule, rows)
        assert {RowClass(c) for c in found.classes} == {RowClass.EXACT}
        assert len(found.missing) == 0
        remarks = truth.remarks(found, parsed)
        assert remarks["approximate active_users: rows"] == windows
        errors = [
            100 * (row["active_users"] - true["active_users"]) / true["active_users"]
            for row, true in zip(rows, right, strict=True)
            if row["metric"] == "traffic"
        ]
        assert remarks["approximate active_users: error max, %"] == pytest.approx(max(map(abs, errors)))
        assert remarks["approximate active_users: bias (mean signed error), %"] == pytest.approx(np.mean(errors))
        assert remarks["approximate active_users: error P50, %"] >= least


@pytest.mark.parametrize(
    ("metric", "name", "change"),
    [
        ("traffic", "active_users", lambda _: 0),
        ("traffic", "active_users", lambda true: -true),
        ("traffic", "active_users", lambda true: true + max(true // 4, 1) + 10),
        ("traffic", "events", lambda true: true + 1),
        ("traffic", "page_views_per_second", lambda true: true + 1),
        ("conversion", "active_users", lambda true: true + 1),
    ],
)
def test_beside_an_approximate_count_everything_else_is_exact_and_no_row_counts_nobody(metric, name, change):
    config = small_config(seed=27, distinct_users="approximate")
    schedule = plan(config, NOW_NS // 10**9 * 10**9)
    rows = with_users_off(rows_by_sql(config, schedule))
    place = next(i for i, row in enumerate(rows) if row["metric"] == metric)
    rows[place] = {**rows[place], name: change(rows[place][name])}
    truth, found, parsed = judged_at_once(config, schedule, rows)
    assert found.classes[place] == RowClass.WRONG_VALUE
    assert found.count(RowClass.WRONG_VALUE) == 1
    windows = sum(row["metric"] == "traffic" for row in rows)
    told = truth.remarks(found, parsed)["approximate active_users: rows"]
    assert told == windows - (metric == "traffic"), "a wrong row does not count"


def test_of_a_silent_topic_no_row_is_expected_and_any_is_too_much():
    config = small_config(rate=0.001)
    schedule = plan(config, NOW_NS)
    assert len(list(scheduled_events(config, schedule))) == 0
    truth = outline_of(config, schedule).builder(NOTHING_SEEN).finish()
    row = {"run_id": config.run.run_id, "metric": "high_bounce_rate", "window_start": 0, "window_end": 2_000}
    row |= {"max_produce_time": 1, "user_id": "user-0000000001", "url": "/", "page_views": 1}
    found = compared(config, as_results(config, [(0, row)]), truth)
    assert [RowClass(c) for c in found.classes] == [RowClass.UNEXPECTED]
    assert len(found.missing) == 0
