"""Impressions and clicks: what an event holds, where it goes, which settings are refused."""

import json

import numpy as np
import pytest

from config import Config, ConfigError
from data_generation import encoder_of, event_blocks
from tests.unit.ads_load import records_of, small_config
from tests.unit.any_load import MS, NOW_NS
from windowbench.load.arrivals import arrival_offsets
from windowbench.load.schedule import plan
from windowbench.workloads.ad_clicks import events, model, reference
from windowbench.workloads.ad_clicks.settings import BROWSERS, DEVICES, KINDS
from windowbench.workloads.kit.typed_rows import text_code

DISORDERED = {"out_of_order_share": 0.3, "out_of_order_extent_ms": 400}
LATE = {"too_late_share": 0.05, "late_guard_seconds": 2.0}


def blocks_of(config, producer=0):
    schedule = plan(config, NOW_NS)
    return list(event_blocks(config, producer, arrival_offsets(config, producer), schedule.load_length_ns))


def column(blocks, name):
    return np.concatenate([getattr(block, name) for block in blocks])


@pytest.mark.parametrize("settings", [{}, DISORDERED, {**DISORDERED, **LATE}], ids=["plain", "disordered", "too late"])
def test_a_click_names_an_earlier_impression_within_the_attribution_and_comes_long_before_that_is_final(settings):
    config = small_config(rate=2000.0, **settings)
    blocks = blocks_of(config)
    kind, due, event = (column(blocks, name) for name in ("event_kind", "due_offset_ns", "event_offset_ns"))
    shown = column(blocks, "shown")
    clicks = np.flatnonzero(kind == events.CLICK)
    assert clicks.size > 5000
    impressions = shown[clicks]
    assert (kind[impressions] == events.IMPRESSION).all()
    assert (impressions < clicks).all()
    for name in ("campaign_id", "ad", "device_type", "browser", "viewer"):
        values = column(blocks, name)
        assert np.array_equal(values[clicks], values[impressions])
    lag_ms = event[clicks] // MS - event[impressions] // MS
    assert lag_ms.min() >= 0
    assert lag_ms.max() <= config.workload.attribution_ms
    assert np.array_equal(column(blocks, "lag_ns")[clicks], event[clicks] - event[impressions])
    # Nothing before this can make the impression's window final.
    final = event[impressions] + (config.workload.attribution_ms + config.windows.delay_ms) * MS
    assert (due[clicks] + 500 * MS <= final).all()
    extent = config.events.out_of_order_extent_ms * MS
    assert (due[clicks] - event[clicks] <= extent + 1).all()
    assert (due[impressions] - event[impressions] <= extent + 1).all(), "no click on what is too late itself"


def test_a_duplicate_repeats_a_click_and_an_orphan_names_nobody():
    config = small_config(rate=1000.0)
    blocks = blocks_of(config)
    kind, shown, clicked = (column(blocks, name) for name in ("event_kind", "shown", "clicked"))
    clicks = kind == events.CLICK
    number = np.arange(kind.size)
    duplicates = np.flatnonzero(kind == events.DUPLICATE)
    orphans = np.flatnonzero(kind == events.ORPHAN)
    share = clicks.sum() + duplicates.size + orphans.size
    assert abs(duplicates.size / share - 0.1) < 0.02
    assert abs(orphans.size / share - 0.1) < 0.02
    assert clicks[clicked[duplicates]].all()
    assert (clicked[duplicates] < duplicates).all()
    assert np.array_equal(shown[duplicates], shown[clicked[duplicates]])
    assert np.array_equal(clicked[clicks], number[clicks])
    assert not (kind[shown[orphans]] == events.IMPRESSION).any()


def test_a_raised_campaign_is_clicked_so_many_times_as_often():
    config = small_config(rate=20_000.0, anomaly_share=0.3, anomaly_factor=4.0, duplicate_share=0.0)
    blocks = blocks_of(config)
    kind, campaign = column(blocks, "event_kind"), column(blocks, "campaign_id")
    at = column(blocks, "event_offset_ns") - column(blocks, "lag_ns")
    raised = events.is_raised(config, campaign, at)
    shows, clicks = kind == events.IMPRESSION, kind == events.CLICK
    assert 0.1 < raised[shows].mean() < 0.5
    rates = [clicks[where].sum() / shows[where].sum() for where in (raised, ~raised)]
    assert rates[0] / rates[1] == pytest.approx(4.0, rel=0.25)


def test_what_is_late_or_planted_changes_nothing_else():
    plain, late, planted = small_config(anomaly_share=0.0), small_config(**LATE, anomaly_share=0.0), small_config()
    one, two, three = (blocks_of(config) for config in (plain, late, planted))
    for other in (two, three):
        for name in ("due_offset_ns", "partition"):
            assert np.array_equal(column(one, name), column(other, name))
    assert not np.array_equal(column(one, "event_offset_ns"), column(two, "event_offset_ns"))
    assert not np.array_equal(column(one, "shown"), column(three, "shown"))


@pytest.mark.parametrize("seconds", [3, 11])
def test_a_longer_load_begins_with_the_events_of_a_shorter_one(seconds):
    shorter = blocks_of(small_config(duration_seconds=2.0 * seconds))
    longer = blocks_of(small_config(duration_seconds=30.0))
    for name in ("event_kind", "shown", "clicked", "event_offset_ns", "viewer", "cost", "partition"):
        mine = column(shorter, name)
        assert np.array_equal(mine, column(longer, name)[: mine.size])


def test_events_go_to_the_topic_of_their_kind_and_leave_idle_partitions_alone():
    config = small_config(partitions=3, idle_partitions=1)
    blocks = blocks_of(config)
    partition, kind = column(blocks, "partition"), column(blocks, "event_kind")
    assert np.array_equal(partition // 3, (kind != events.IMPRESSION).astype(int))
    assert set((partition % 3).tolist()) == {0, 1}


def test_payloads_are_events_that_the_reference_reads_from_the_topic_of_their_kind_alone():
    config = small_config(payload_bytes=400)
    schedule = plan(config, NOW_NS)
    encoder, reads = encoder_of(config), reference.EventReader(config.run.run_id)
    block = blocks_of(config, 1)[0]
    ids = {}
    payloads = encoder.encode(block, schedule)
    for i, (key, payload) in enumerate(zip(encoder.keys(block), payloads, strict=True)):
        at = int(block.event_offset_ns[i]) + schedule.epoch_ns
        value = payload + b"%d}" % (at // MS)
        topic = int(block.event_kind[i] != events.IMPRESSION)
        fields = json.loads(value)
        read = reads.read(value, at // MS, topic)
        assert read[:4] == (topic, fields["impression_id"], at, at // MS)
        assert reads.read(value, at // MS, 1 - topic) is None
        assert fields["event_type"] == KINDS[topic]
        assert fields["event_timestamp"] == at // MS
        assert encoder.name_of(key, value) == b"1:%d" % i
        assert len(value) == 400
        if topic == 0:
            assert read[4:6] == (int(block.campaign_id[i]), DEVICES[block.device_type[i]])
            assert fields["browser"] == BROWSERS[block.browser[i]]
            assert read[7] == int(block.cost[i]) > 0
            ids[i] = fields["impression_id"]
        else:
            assert read[4] == fields["click_id"]
            assert (int(block.shown[i]) in ids) == (fields["impression_id"] in ids.values())
    assert len(set(ids.values())) == len(ids)


def test_ids_of_different_producers_differ():
    config = small_config()
    schedule = plan(config, NOW_NS)
    found = [json.loads(value)["impression_id"] for _, topic, value, _ in records_of(config, schedule) if topic == 0]
    assert len(set(found)) == len(found) > 1000


GOOD = {
    "event_type": "impression", "impression_id": "i", "user_id": "u", "campaign_id": 1, "device_type": "tv", "cost": 0,
    "event_time_ns": NOW_NS, "produce_time": NOW_NS // MS,
}  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"cost": -1},
        {"cost": 1.5},
        {"user_id": "u" * 900_000},
        {"impression_id": None},
        {"device_type": 7},
        {"campaign_id": "1"},
        {"event_type": "click"},
        {"event_time_ns": NOW_NS + 6_000 * MS},
        {"event_time_ns": NOW_NS - 3_601_000 * MS},
    ],
    ids=str,
)
def test_what_the_reference_rejects(wrong):
    reads = reference.EventReader(small_config().run.run_id)
    assert reads.read(json.dumps(GOOD).encode(), NOW_NS // MS, 0) is not None
    assert reads.read(json.dumps(GOOD | wrong).encode(), NOW_NS // MS, 0) is None


def test_rows_of_each_type_are_read_back():
    common = {"run_id": "r", "window_start": 0, "window_end": 10, "impressions": 4, "clicks": 0, "max_produce_time": 7}
    rows = [
        {**common, "metric": "campaign", "campaign_id": 3, "cost": 5, "ctr": 0.0},
        {**common, "metric": "device", "device_type": "tv", "users": 2, "ctr": 0.0},
        {**common, "metric": "anomaly", "campaign_id": 3, "ctr": 0.0, "expected_ctr": 0.5, "deviation": -0.5,
         "standard_deviation": 0.0, "score": None},
    ]  # fmt: skip
    parsed = model.MODEL.parse([json.dumps(row).encode() for row in rows], "r")
    assert parsed.kind.tolist() == [0, 0, 0]
    assert parsed.integers["key"].tolist() == [3, text_code("tv"), 3]
    assert np.isnan(parsed.doubles["cost_per_click"][0])
    assert np.isnan(parsed.doubles["score"][2])
    assert parsed.doubles["expected_ctr"][2] == 0.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"attribution_sec": 0.5}, "attribution_sec must be 1 to 86400"),
        ({"attribution_sec": 1.0005}, "whole number of milliseconds"),
        ({"click_ratio": 0.0}, "click_ratio must be above 0"),
        ({"orphan_share": 0.7, "duplicate_share": 0.7}, "must not exceed 1"),
        ({"least_history_windows": 1}, "of one there is no deviation"),
        ({"history_windows": 2}, "history_windows must be least_history_windows to 1000"),
        ({"clicks_topic": "clicks on things"}, "clicks_topic 'clicks on things' may hold"),
        ({"engine": "spark", "spark_mode": "update"}, "spark_mode must be append"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_the_reason(settings, message):
    with pytest.raises(ConfigError, match=message):
        small_config(**settings)


def test_the_names_of_its_topics():
    config = Config().replace(workload="ad_clicks")
    assert config.input_topics == ("ad-impressions", "ad-clicks")
    assert config.result_topics == ("ctr-metrics",)
