"""Visits of a website: what an event holds, how sessions hang together, which settings are refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import Config, ConfigError
from data_generation import encoder_of, event_blocks
from tests.unit.any_load import MS, NOW_NS, events_of
from tests.unit.web_load import small_config
from windowbench.kafka.admin import planned_topics
from windowbench.load.arrivals import arrival_offsets
from windowbench.load.schedule import plan
from windowbench.workloads.web_analytics import flink, model, reference
from windowbench.workloads.web_analytics.events import (
    CONVERSION,
    COUNTRIES,
    LATE_USERS,
    START,
    STOP,
    VIEW,
    country_of,
    page_urls,
)
from windowbench.workloads.web_analytics.sessions import FirstPast
from windowbench.workloads.web_analytics.settings import EVENT_TYPES

LONG = {"duration_seconds": 120.0, "rate": 400.0, "num_products": 200}


def load_of(**settings):
    config = small_config(**settings)
    return config, events_of(config, plan(config, NOW_NS))


def test_kinds_come_in_the_shares_that_are_asked_for_from_the_first_second_on():
    _, events = load_of(**LONG, endless_visitors=0)
    first = events["due"] < events["due"].min() + 10_000 * MS
    for some in (first, ~first):
        shares = np.bincount(events["event_type"][some], minlength=4) / some.sum()
        assert np.allclose(shares, [0.70, 0.15, 0.10, 0.05], atol=0.02)


def visits_of(events):
    """Yield the events of each visit of each user, which a start or the silence after an end divides."""
    order = np.lexsort((events["due"], events["visitor"]))
    visit = []
    for i in order.tolist():
        over = visit and (
            events["visitor"][i] != events["visitor"][visit[-1]]
            or events["event_type"][i] == START
            or events["event_type"][visit[-1]] == STOP
        )
        if over:
            yield visit
            visit = []
        visit.append(i)
    yield visit


def test_a_visit_begins_with_its_start_counts_its_views_and_ends_with_its_end():
    config, events = load_of(**LONG, endless_visitors=0)
    urls, whole = page_urls(config.workload.num_products), 0
    for visit in visits_of(events):
        kinds = events["event_type"][visit].tolist()
        if kinds[0] != START:
            continue  # it began before the load
        whole += 1
        views = [i for i, kind in zip(visit, kinds, strict=True) if kind == VIEW]
        assert kinds.count(START) == 1
        assert STOP not in kinds[:-1]
        assert events["views_before"][visit].tolist() == np.cumsum([0, *(k == VIEW for k in kinds[:-1])]).tolist()
        start = events["event_time"][visit[0]]
        assert (events["event_time"][visit] - events["age_ns"][visit] == start).all()
        seen = [urls[page] for page in events["page_index"][views]]
        if CONVERSION in kinds:
            assert seen[-3:-1] == [seen[-3], "/cart"]
            assert seen[-3].startswith("/product/")
        revenue = events["revenue_cents"][visit]
        assert (revenue[np.array(kinds) == CONVERSION] >= 500).all()
        assert (revenue[np.array(kinds) != CONVERSION] == 0).all()
    assert whole > 3_000


def test_a_user_comes_back_after_the_gap_or_at_once_and_stays_in_one_partition():
    config, events = load_of(**LONG, endless_visitors=0)
    assert (events["partition"] == events["visitor"] % 4).all()
    ends, silent = {}, []
    for visit in visits_of(events):
        user = int(events["visitor"][visit[0]])
        if user in ends:
            silent.append((events["due"][visit[0]] - ends[user]) / MS)
        ends[user] = events["due"][visit[-1]]
    silent = np.array(silent)
    at_once = silent < config.workload.gap_ms
    assert 0.02 < at_once.mean() < 0.2
    assert silent[~at_once].min() > config.workload.gap_ms + 1_000
    assert (~at_once).sum() > 1_000


def test_an_endless_visitor_acts_on_and_on_and_starts_once():
    config, events = load_of(endless_visitors=2)
    for user in (0, 1):
        kinds = events["event_type"][events["visitor"] == user].tolist()
        assert kinds == [START] + [VIEW] * (len(kinds) - 1)
        assert len(kinds) > 0.8 * 18 / config.workload.think_time_sec


def test_what_comes_too_late_is_a_view_of_a_stranger_far_behind_every_window():
    config, events = load_of(too_late_share=0.1, late_guard_seconds=2.0)
    late = events["visitor"] >= LATE_USERS
    assert 0.03 < late.mean() < 0.12
    assert (events["event_type"][late] == VIEW).all()
    _, often = np.unique(events["visitor"][late], return_counts=True)
    assert (often == 1).all()
    behind = (events["due"] - events["event_time"])[late]
    assert behind.min() > (2_000 + 1_000 + config.workload.longest_ms) * MS


def test_the_same_seed_gives_the_same_visits_and_another_one_others():
    (_, one), (_, same), (_, other) = load_of(seed=3), load_of(seed=3), load_of(seed=4)
    for name in one:
        assert np.array_equal(one[name], same[name])
    assert not np.array_equal(one["page_index"][:500], other["page_index"][:500])


def test_a_payload_is_an_event_of_a_kilobyte_that_the_reference_reads_and_its_name_is_found_in_it():
    config = small_config(too_late_share=0.1, late_guard_seconds=2.0, duration_seconds=40.0)
    schedule = plan(config, NOW_NS)
    encoder, reads = encoder_of(config), reference.EventReader(config.run.run_id)
    urls = page_urls(config.workload.num_products)
    seen = set()
    for block in event_blocks(config, 1, arrival_offsets(config, 1), schedule.load_length_ns):
        at = (block.event_offset_ns + schedule.epoch_ns).tolist()
        country = country_of(block.visitor, config.run.seed).tolist()
        for i, (key, payload) in enumerate(zip(encoder.keys(block), encoder.encode(block, schedule), strict=True)):
            value = payload + b"%d}" % (at[i] // MS)
            fields, event = json.loads(value), reads.read(value, at[i] // MS)
            kind, user = int(block.event_type[i]), fields["user_id"]
            began = (at[i] - int(block.age_ns[i])) // MS
            assert event == (
                kind, user, at[i], at[i] // MS, urls[block.page_index[i]], COUNTRIES[country[i]],
                int(block.revenue_cents[i]), began, int(block.views_before[i]),
            )  # fmt: skip
            assert fields["event_type"] == EVENT_TYPES[kind]
            number = int(user[-10:]) + (LATE_USERS if user.startswith("late-") else 0)
            assert number == block.visitor[i]
            assert encoder.name_of(key, value) == b"1:%d" % (block.first + i)
            assert key == user.encode()
            assert len(value) == 1000
            seen.add(user[:5])
    assert seen == {"user-", "late-"}


def test_an_event_with_a_text_of_any_length_or_a_page_that_would_break_a_path_is_rejected():
    good = {
        "event_type": "PAGE_VIEW", "user_id": "u", "url": "/", "country": "DE", "revenue_cents": 0, "session_start": 1,
        "page_views": 0, "event_time_ns": NOW_NS, "produce_time": NOW_NS // MS,
    }  # fmt: skip
    reads = reference.EventReader(small_config().run.run_id)
    assert reads.read(json.dumps(good).encode(), NOW_NS // MS) is not None
    for name, value in (
        ("user_id", "u" * 900_000), ("user_id", ""), ("user_id", None), ("user_id", 7), ("url", "/a>b"), ("url", ""),
        ("country", "x" * 65), ("revenue_cents", -1), ("revenue_cents", 1.5), ("session_start", None),
        ("page_views", -1), ("event_type", "SCROLL"), ("event_time_ns", NOW_NS + 10 * 10**9), ("produce_time", "1"),
    ):  # fmt: skip
        assert reads.read(json.dumps({**good, name: value}).encode(), NOW_NS // MS) is None, name


def test_flink_writes_the_fields_of_each_type_of_row():
    views = " ".join(flink.views("events", Config().replace(workload="web_analytics")))
    for row_type in model.ROWS.types:
        assert f"CREATE TEMPORARY VIEW {row_type.name} AS" in views
        nulls = flink.rows_query([row_type], "r").count("CAST(NULL AS")
        assert nulls == len(flink.FIELDS) - len(row_type.fields)
        kinds = {"BIGINT": row_type.integers, "STRING": row_type.texts, "DOUBLE": row_type.doubles}
        for kind, names in kinds.items():
            assert all(flink.FIELDS[name] == kind for name in names)


def test_results_are_compacted_after_a_day_and_alerts_are_kept():
    config = Config().replace(workload="web_analytics")
    plans = {plan.name: plan for plan in planned_topics(config)}
    assert plans["website-analytics-events"].partitions == 12
    assert plans["processed-metrics"].settings["cleanup.policy"] == "compact"
    assert plans["processed-metrics"].settings["min.compaction.lag.ms"] == "86400000"
    assert plans["cep-alerts"].settings["cleanup.policy"] == "delete"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"behaviour_slide_sec": 2.0}, "must be a multiple of behaviour_slide_sec: 3.0 is not a multiple of 2.0"),
        ({"cart_timeout_sec": 1.1}, "must be above 0 and at most session_gap_sec"),
        ({"cart_timeout_sec": 0.0}, "must be above 0"),
        ({"session_gap_sec": 1.0005}, "whole number of milliseconds"),
        ({"bounce_window_sec": 0.0}, "bounce_window_sec must be"),
        ({"think_time_sec": 0.0}, "think_time_sec"),
        ({"num_products": 0}, "num_products"),
        ({"endless_visitors": -1}, "endless_visitors"),
        ({"alerts_topic": "processed-metrics"}, "result_topic and alerts_topic must differ"),
        ({"engine": "spark", "spark_mode": "update"}, "spark_mode must be append"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_the_reason(settings, message):
    with pytest.raises(ConfigError, match=message):
        small_config(**settings)


EVENTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 2)), min_size=1, max_size=25)


@given(EVENTS, st.lists(st.integers(0, 70), max_size=8), st.integers(0, 5))
def test_windows_that_events_make_close_with_the_first_event_at_their_last_ms_and_the_delay(events, ends, delay):
    due, time, partition = (np.array(column, dtype=np.int64) for column in zip(*events, strict=True))
    first = FirstPast(due, time, partition, load_end_ns=1_000)
    found = first.windows(np.zeros(len(ends), dtype=np.int64), np.array(ends, dtype=np.int64), delay)

    def earliest(end, some):
        return min((d for d, t, p in events if t >= end + delay - 1 and p in some), default=1_000)

    in_use = set(partition.tolist())
    for i, end in enumerate(ends):
        assert found.closing_ns[i] == earliest(end, in_use)
        assert found.by_end[i] == (time.max() < end + delay - 1)
        slowest = max(earliest(end, {one}) for one in in_use)
        assert found.partition_wait_ns[i] == slowest - found.closing_ns[i]
