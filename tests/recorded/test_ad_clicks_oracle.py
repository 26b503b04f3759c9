"""The truth of ad_clicks against SQL over the topics, and the reference engine's rows against the truth."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from tests.unit.ads_load import records_of, small_config, tables_of, truth_of
from tests.unit.any_load import MS, NOW_NS, as_results, compared, judged
from windowbench.engines.reference.counts import Forwarded
from windowbench.judge.truth.comparison import RowClass
from windowbench.load.schedule import plan
from windowbench.workloads.ad_clicks import reference
from windowbench.workloads.ad_clicks.settings import DEVICES

TABLES = """
create table shown as select *, event_time_ns // 1000000 as ms, ms // $size * $size as start from impressions;
create table clicked as select *, event_time_ns // 1000000 as ms from clicks;
create table attributed as
    select s.campaign_id, s.device_type, s.start, c.* from clicked c join shown s using (impression_id)
    where c.ms between s.ms and s.ms + $attribution;
create table finals as
    select start, (select min(due) from (select ms, due from shown union all select ms, due from clicked)
                   where ms >= start + $size + $attribution + $delay - 1) as final
    from (select distinct start from shown);
create table counted as
    select start, campaign_id, device_type, user_id, cost, 1 as impressions, 0 as clicks, due, produce_time from shown
    union all
    select start, campaign_id, device_type, null, 0, 0, 1, due, produce_time
    from (select *, row_number() over (partition by click_id order by due) as place from attributed) where place = 1;
create table judged as select c.*, final is null or due + 500000000 < final as must
                       from counted c join finals using (start);
create table campaigns as
    select start, campaign_id, sum(impressions) as impressions, sum(clicks) as clicks, sum(cost) as cost,
           max(produce_time) as produced, max(due) as due
    from judged where must group by all;
create table devices as
    select start, device_type, sum(impressions) as impressions, sum(clicks) as clicks,
           count(distinct user_id) as users, max(produce_time) as produced, max(due) as due
    from judged where must group by all;
create table rated as
    select *, clicks::double / impressions as ctr, count(*) over past as known, avg(ctr) over past as expected,
           case when min(ctr) over past = max(ctr) over past then 0 else stddev_samp(ctr) over past end as spread
    from campaigns
    window past as (partition by campaign_id order by start rows between $history preceding and 1 preceding);
"""
LATE = {"too_late_share": 0.05, "late_guard_seconds": 2.0}
DISORDERED = {"out_of_order_share": 0.3, "out_of_order_extent_ms": 400}
SPARSE = {"rate": 6.0, "num_campaigns": 7, "duration_seconds": 60.0}
CASES = [{}, LATE, {**LATE, **DISORDERED, "num_producers": 3}, SPARSE, {"click_ratio": 1e-9}]
NAMES = ["plain", "too late", "disordered", "sparse", "no clicks"]


def database(config, schedule):
    connection = duckdb.connect()
    for name, table in zip(("impressions", "clicks"), tables_of(config, schedule), strict=True):
        arrow = pa.table(
            {
                n: pa.array(c, pa.string() if n.endswith(("_id", "_type")) and n != "campaign_id" else pa.int64())
                for n, c in table.items()
            }
        )
        connection.register(f"{name}_read", arrow)
        connection.execute(f"create table {name} as select * from {name}_read")
    own = config.workload
    values = {
        "size": config.windows.size_ms,
        "delay": config.windows.delay_ms,
        "attribution": own.attribution_ms,
        "history": own.history_windows,
    }
    statements = TABLES
    for name, value in values.items():
        statements = statements.replace(f"${name}", str(value))
    connection.execute(statements)
    return connection


@pytest.mark.parametrize("seed", [21, 22, 23, 24, 25])
@pytest.mark.parametrize("settings", CASES, ids=NAMES)
def test_truth_equals_a_database_query_over_the_topics(seed, settings):
    config = small_config(seed=seed, **settings)
    schedule = plan(config, NOW_NS)
    connection = database(config, schedule)
    campaigns, devices, anomalies = truth_of(config, schedule).parts
    starts = campaigns.cells.closing.starts_ms.tolist()
    columns = "impressions, clicks, {}, produced, due"
    for part, table, key, total in (
        (campaigns, "campaigns", "campaign_id", "cost"),
        (devices, "devices", "device_type", "users"),
    ):
        rows = connection.execute(f"select start, {key}, {columns.format(total)} from {table}").fetchall()
        assert len(rows) == np.count_nonzero(part.required) > 20
        for start, name, impressions, clicks, sum_, produced, due in rows:
            number = DEVICES.index(name) if key == "device_type" else name
            cell = starts.index(start) * part.cells.keys + number
            found = (part.impressions.low[cell], part.clicks.low[cell], part.total.low[cell])
            assert found == (impressions, clicks, sum_)
            assert (part.greatest_produce_ms[cell], part.last_due_ns[cell]) == (produced, due)
    own, seen = config.workload, set()
    for start, campaign, ctr, known, expected, spread in connection.execute(
        "select start, campaign_id, ctr, known, expected, spread from rated"
    ).fetchall():
        cell = starts.index(start) * campaigns.cells.keys + campaign
        assert anomalies.has_history[cell] == (known >= own.least_history_windows)
        if known < own.least_history_windows:
            continue
        far = abs(ctr - expected)
        limit = own.anomaly_deviations * spread if spread else 1e-9
        if abs(far - limit) > 1e-9:
            assert anomalies.required[cell] == anomalies.possible[cell] == (far > limit)
        assert anomalies.expected[cell] == pytest.approx(expected, rel=1e-12)
        assert anomalies.spread[cell] == pytest.approx(spread, rel=1e-9)
        seen.add(bool(anomalies.required[cell]))
    assert seen == ({False} if settings.get("click_ratio") == 1e-9 else {False, True})


def reference_rows(config, schedule):
    """Return the rows of the reference engine that reads records one by one as they are sent, and when each came."""
    reads, windows, counts = reference.EventReader(config.run.run_id), reference.QUERY.windows(config), Forwarded()
    watermark, rows = -(2**63), []
    for sent, topic, value, _ in records_of(config, schedule):
        event = reads.read(value, sent // MS, topic)
        counts.add(event)
        watermark = max(watermark, event[2] // MS * MS - config.windows.delay_ms * MS)
        windows.add(counts.take())
        rows += [(sent // MS + 1, row) for row in windows.close(watermark)]
    rows += [(schedule.load_end_ns // MS + 5, row) for row in windows.close(reference.END[2])]
    assert len(windows) == 0
    return rows, windows


@pytest.mark.parametrize("seed", [31, 32, 33, 34, 35])
@pytest.mark.parametrize("settings", CASES, ids=NAMES)
def test_the_reference_engine_agrees(seed, settings):
    config = small_config(seed=seed, **settings)
    schedule = plan(config, NOW_NS)
    rows, windows = reference_rows(config, schedule)
    truth, found = judged(config, rows, schedule)
    assert {RowClass(c) for c in found.classes} == {RowClass.EXACT}
    assert len(found.missing) == 0
    assert (found.row_of_cell[truth.required] >= 0).all()
    # A duplicate that comes after the attribution belongs to nobody.
    assert windows.orphans + windows.duplicates == truth.clicks["orphan"] + truth.clicks["duplicate"]
    assert windows.orphans >= truth.clicks["orphan"]


def test_where_late_events_may_count_or_not_neither_rows_nor_what_follows_from_them_are_settled():
    config = small_config(seed=43, **LATE)
    schedule = plan(config, NOW_NS)
    rows, _ = reference_rows(config, schedule)
    truth = truth_of(config, schedule, answered_ms=None)
    campaigns, devices, anomalies = truth.parts
    assert not truth.settled
    for part in (campaigns, devices):
        late = part.impressions.low < part.impressions.high
        assert late.any()
        assert (part.undecidable == late).all()
    assert (anomalies.undecidable.sum() > campaigns.undecidable.sum()).all()
    found = compared(config, as_results(config, rows), truth)
    assert {RowClass(c) for c in found.classes} == {RowClass.EXACT, RowClass.UNDECIDABLE}
    assert len(found.missing) == 0


def test_planted_anomalies_are_found_and_nothing_else_is():
    settings = {"anomaly_share": 0.05, "anomaly_deviations": 5.0, "least_history_windows": 5}
    config = small_config(rate=2000.0, duration_seconds=60.0, num_campaigns=8, **settings)
    schedule = plan(config, NOW_NS)
    rows, _ = reference_rows(config, schedule)
    truth, found = judged(config, rows, schedule)
    remarks = truth.remarks(found, as_results(config, rows).parsed)
    assert remarks["planted anomalies"] >= 4
    # Another one in the history of an anomaly hides it.
    assert remarks["planted anomalies reported"] >= remarks["planted anomalies"] / 2
    assert remarks["windows of campaigns without a planted anomaly"] > 100
    assert remarks["of which reported"] == 0


def with_users_off(rows):
    """Return rows with the users of every device type too many or too few by a tenth, rounded up."""
    found = []
    for place, (at, row) in enumerate(rows):
        by = -(-row.get("users", 0) // 10) * (-1) ** place
        found.append((at, {**row, "users": max(row["users"] + by, 1)} if row["metric"] == "device" else row))
    return found


def test_of_an_approximate_count_of_users_the_error_is_told_and_any_row_is_exact():
    exact, approximate = (small_config(seed=44, distinct_users=how) for how in ("exact", "approximate"))
    schedule = plan(exact, NOW_NS)
    right, _ = reference_rows(exact, schedule)
    off = with_users_off(right)
    truth, found = judged(exact, off, schedule)
    devices = sum(row["metric"] == "device" for _, row in right)
    assert found.count(RowClass.WRONG_VALUE) > devices / 2
    assert not [name for name in truth.remarks(found, as_results(exact, off).parsed) if "approximate" in name]
    for rows, least in ((right, 0.0), (off, 10.0)):
        truth, found = judged(approximate, rows, schedule)
        assert {RowClass(c) for c in found.classes} == {RowClass.EXACT}
        assert len(found.missing) == 0
        remarks = truth.remarks(found, as_results(approximate, rows).parsed)
        assert remarks["approximate users: rows"] == devices
        pairs = [
            (row["users"], true["users"]) for (_, row), (_, true) in zip(rows, right, strict=True) if "users" in row
        ]
        errors = [100 * (one - true) / true for one, true in pairs]
        assert remarks["approximate users: error max, %"] == pytest.approx(max(map(abs, errors)))
        assert remarks["approximate users: bias (mean signed error), %"] == pytest.approx(np.mean(errors))
        assert remarks["approximate users: error P50, %"] >= least
        assert "planted anomalies" in remarks


@pytest.mark.parametrize(
    ("metric", "change"),
    [
        ("device", {"users": 0}),
        ("device", {"users": -3}),
        ("device", {"users": 10**6}),
        ("device", {"impressions": 10**6}),
        ("device", {"max_produce_time": 1}),
        ("campaign", {"cost": 1}),
    ],
)
def test_beside_an_approximate_count_everything_else_is_exact_and_no_row_counts_nobody(metric, change):
    config = small_config(seed=45, distinct_users="approximate")
    schedule = plan(config, NOW_NS)
    rows, _ = reference_rows(config, schedule)
    rows = with_users_off(rows)
    place = next(i for i, (_, row) in enumerate(rows) if row["metric"] == metric)
    at, row = rows[place]
    rows[place] = (at, {**row, **change})
    truth, found = judged(config, rows, schedule)
    assert found.classes[place] == RowClass.WRONG_VALUE
    assert found.count(RowClass.WRONG_VALUE) == 1
    devices = sum(row["metric"] == "device" for _, row in rows)
    told = truth.remarks(found, as_results(config, rows).parsed)["approximate users: rows"]
    assert told == devices - (metric == "device"), "a wrong row does not count"


def test_an_approximate_count_leaves_unsettled_what_late_events_unsettle_and_no_more():
    exact, approximate = (small_config(seed=46, distinct_users=how, **LATE) for how in ("exact", "approximate"))
    schedule = plan(exact, NOW_NS)
    rows, _ = reference_rows(exact, schedule)
    truths = [truth_of(config, schedule, answered_ms=None) for config in (exact, approximate)]
    for one, other in zip(truths[0].parts, truths[1].parts, strict=True):
        assert one.undecidable.any()
        assert np.array_equal(one.undecidable, other.undecidable)
    results = as_results(approximate, with_users_off(rows))
    found = compared(approximate, results, truths[1])
    assert {RowClass(c) for c in found.classes} == {RowClass.EXACT, RowClass.UNDECIDABLE}
    devices = truths[1].parts[1]
    told = truths[1].remarks(found, results.parsed)["approximate users: rows"]
    known = devices.required & (devices.total.low == devices.total.high)
    assert told == np.count_nonzero(known) < np.count_nonzero(devices.required)


@pytest.mark.parametrize(
    ("metric", "change"),
    [
        ("campaign", {"clicks": 1}),
        ("campaign", {"cost": 1}),
        ("campaign", {"max_produce_time": 1}),
        ("device", {"users": -1}),
        ("device", {"window_end": 1}),
        ("anomaly", {"expected_ctr": 1e-6}),
        ("anomaly", {"score": 1e-3}),
        ("anomaly", {"standard_deviation": 1e-6}),
    ],
)
def test_a_field_that_is_off_is_found(metric, change):
    config = small_config(seed=41)
    schedule = plan(config, NOW_NS)
    rows, _ = reference_rows(config, schedule)
    place = next(i for i, (_, row) in enumerate(rows) if row["metric"] == metric and row.get("score", 0) is not None)
    (name, by), (at, row) = *change.items(), rows[place]
    rows[place] = (at, {**row, name: row[name] + by})
    _, found = judged(config, rows, schedule)
    assert found.count(RowClass.WRONG_VALUE) == 1


def test_an_anomaly_that_is_none_is_unexpected_and_one_left_out_is_missing():
    config = small_config(seed=42)
    schedule = plan(config, NOW_NS)
    rows, _ = reference_rows(config, schedule)
    place = next(i for i, (_, row) in enumerate(rows) if row["metric"] == "anomaly")
    _, found = judged(config, rows[:place] + rows[place + 1 :], schedule)
    assert len(found.missing) == 1
    anomalous = {(row["window_start"], row["campaign_id"]) for _, row in rows if row["metric"] == "anomaly"}
    other = next(
        row for _, row in rows
        if row["metric"] == "campaign" and (row["window_start"], row["campaign_id"]) not in anomalous
    )  # fmt: skip
    extra = {**rows[place][1], "window_start": other["window_start"], "campaign_id": other["campaign_id"]}
    _, found = judged(config, [*rows, (rows[-1][0], extra)], schedule)
    assert found.count(RowClass.UNEXPECTED) == 1
