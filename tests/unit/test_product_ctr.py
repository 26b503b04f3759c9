"""Impressions and clicks: what an event holds, where it goes, which settings are refused."""

import json

import numpy as np
import pytest

from config import Config, ConfigError
from data_generation import encoder_of, event_blocks
from tests.unit.any_load import MS, NOW_NS, events_of
from tests.unit.product_load import small_config
from windowbench.load.arrivals import arrival_offsets
from windowbench.load.schedule import plan
from windowbench.workloads.product_ctr import model, reference
from windowbench.workloads.product_ctr.settings import KINDS


def test_events_go_to_the_topic_of_their_kind_and_the_partition_of_their_product():
    config = small_config(partitions=3)
    events = events_of(config, plan(config, NOW_NS))
    assert (events["partition"] // 3 == events["event_kind"]).all()
    assert (events["partition"] % 3 == events["product_id"] % 3).all()
    assert abs((events["event_kind"] == 1).mean() - 1 / 3) < 0.03


@pytest.mark.parametrize("idle", [0, 1])
def test_an_idle_partition_gets_no_event_of_either_topic(idle):
    config = small_config(partitions=3, idle_partitions=idle)
    events = events_of(config, plan(config, NOW_NS))
    assert set((events["partition"] % 3).tolist()) == set(range(3 - idle))


def test_a_revising_event_is_behind_the_watermark_and_its_window_is_not_final_when_it_is_due():
    config = small_config(revising_share=0.5)
    events = events_of(config, plan(config, NOW_NS))
    behind = events["due"] - events["event_time"]
    revising = behind > 0
    assert abs(revising.mean() - 0.5) < 0.05
    delay, extent = config.windows.delay_ms * MS, config.workload.revising_extent_ms * MS
    assert (behind[revising] > delay).all()
    assert (behind[revising] <= delay + extent + 1).all()
    end = (events["event_time"] // (2_000 * MS) + 1) * 2_000 * MS
    final = end + delay + config.workload.lateness_ms * MS
    assert (events["due"] + 500 * MS < final).all()


def test_what_is_late_changes_nothing_else():
    plain, late = small_config(revising_share=0.0), small_config(too_late_share=0.1, late_guard_seconds=2.0)
    one, other = (events_of(config, plan(config, NOW_NS)) for config in (plain, late))
    for name in ("due", "event_kind", "product_id", "partition"):
        assert np.array_equal(one[name], other[name])
    assert not np.array_equal(one["event_time"], other["event_time"])


def test_a_payload_is_an_event_that_the_reference_reads_and_its_name_is_found_in_it():
    config = small_config(payload_bytes=300)
    schedule = plan(config, NOW_NS)
    encoder, reads = encoder_of(config), reference.EventReader(config.run.run_id)
    block = next(event_blocks(config, 1, arrival_offsets(config, 1), schedule.load_length_ns))
    due = (block.event_offset_ns + schedule.epoch_ns).tolist()
    payloads = encoder.encode(block, schedule)
    for i, (key, payload) in enumerate(zip(encoder.keys(block), payloads, strict=True)):
        value = payload + b"%d}" % (due[i] // MS)
        kind = int(block.event_kind[i])
        assert reads.read(value, due[i] // MS, kind) == (kind, int(block.product_id[i]), due[i], due[i] // MS)
        assert reads.read(value, due[i] // MS, 1 - kind) is None, "in the topic of the other kind"
        assert encoder.name_of(key, value) == b"1:%d" % i
        assert json.loads(value)["event_type"] == KINDS[kind]
        assert key == b"%d" % block.product_id[i]
        assert len(value) == 300


def test_a_row_without_impressions_has_no_rate_and_is_read_back():
    row = {"run_id": "r", "product_id": 1, "window_start": 0, "window_end": 10, "impressions": 0, "clicks": 2}
    row |= {"revision": 0, "max_produce_time": 7, "ctr": None}
    parsed = model.MODEL.parse([json.dumps(row).encode()], "r")
    assert np.isnan(parsed.doubles["ctr"][0])
    assert model.MODEL.live(row).events == 2
    assert list(model.RESULT_TABLE.columns)[:9] == list(row)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"revising_extent_ms": 1499}, "must be 1 to 1498, the allowed lateness less 502 ms"),
        ({"click_ratio": 0.0}, "click_ratio must be above 0"),
        ({"allowed_lateness_sec": 0.0}, "allowed_lateness_sec must be above 0"),
        ({"allowed_lateness_sec": 1.0005}, "whole number of milliseconds"),
        ({"num_products": 0}, "num_products"),
        ({"clicks_topic": "clicks on things"}, "clicks_topic 'clicks on things' may hold"),
        ({"clicks_topic": "impressions"}, "events_topic and clicks_topic must differ"),
        ({"engine": "spark", "spark_mode": "update"}, "so spark_mode must be append"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_the_reason(settings, message):
    with pytest.raises(ConfigError, match=message):
        small_config(**settings)


def test_no_extent_is_asked_for_where_nothing_revises():
    config = small_config(revising_share=0.0, revising_extent_ms=0, allowed_lateness_sec=0.1)
    assert config.workload.lateness_ms == 100
    assert Config().replace(workload="product_ctr").input_topics == ("impressions", "clicks")
