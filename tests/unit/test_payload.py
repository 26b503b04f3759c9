import functools
import ipaddress
import json
import uuid
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import Config
from data_generation import create_ad_campaign_mappings, event_blocks, uniform_offsets
from windowbench.load.draws import user_ids
from windowbench.load.schedule import NS_PER_MS, NS_PER_S, Schedule, plan
from windowbench.workloads.ad_ctr.events import AD_TYPES, AdBlock, ip_addresses, page_ids
from windowbench.workloads.ad_ctr.payload import PayloadEncoder
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES

PRODUCE_MS = 1_760_000_000_000
SEED = Config().run.seed
FIELDS = (
    "user_id", "page_id", "ad_id", "ad_type", "event_type", "event_time_ns", "window_id", "ip_address", "campaign_id",
    "produce_time",
)  # fmt: skip
USERS, PAGES, ADDRESSES = user_ids(SEED), page_ids(SEED), ip_addresses(SEED)


def a_block(times_ns, config=None, first=0):
    """Events at given offsets from the epoch, with attributes that vary."""
    config = config or Config()
    n = len(times_ns)
    index = np.arange(first, first + n)
    campaign = (index % config.workload.num_campaigns).astype(np.int32)
    return AdBlock(
        producer=0,
        first=first,
        due_offset_ns=np.array(times_ns, dtype=np.int64),
        event_offset_ns=np.array(times_ns, dtype=np.int64),
        event_type=(index % 3).astype(np.uint8),
        campaign_id=campaign,
        partition=np.zeros(n, dtype=np.int32),
        ad=campaign * config.workload.ads_per_campaign,
        ad_type=(index % len(AD_TYPES)).astype(np.uint8),
        user=(index % 1000).astype(np.uint16),
        page=(index % 1000).astype(np.uint16),
        ip=(index % 1000).astype(np.uint16),
    )


def a_schedule(epoch_ns, base_ns):
    return Schedule(epoch_ns=epoch_ns, base_time_ns=base_ns, measure_end_ns=base_ns + 1, load_end_ns=base_ns + 2)


CASES = [(0.5, 1, 0), (2.5, 10, 317), (10.0, 11, 345), (10.0, 300, 2000)]
"""Slide in seconds, campaigns, payload bytes."""


@functools.cache
def prepared(slide_sec, num_campaigns, payload_bytes):
    config = Config().replace(
        num_campaigns=num_campaigns, ads_per_campaign=2, slide_sec=slide_sec, payload_bytes=payload_bytes
    )
    return config, PayloadEncoder(config), list(create_ad_campaign_mappings(num_campaigns, 2, SEED))


def sent(prefix, produce_ms=PRODUCE_MS):
    return prefix + b"%d}" % produce_ms


@given(
    epoch_ns=st.integers(0, 9 * 10**18),
    times_ns=st.lists(st.integers(0, 10**13), min_size=1, max_size=50).map(sorted),
    base_after_ns=st.integers(0, 10**12),
    case=st.sampled_from(CASES),
    produce_ms=st.integers(10**12, 10**13 - 1),
)
def test_every_payload_is_json_with_the_fields_in_order_and_the_values_of_its_event(
    epoch_ns, times_ns, base_after_ns, case, produce_ms
):
    slide_sec, _, payload_bytes = case
    config, encoder, ads = prepared(*case)
    block, base_ns = a_block(times_ns, config), epoch_ns + base_after_ns
    prefixes = encoder.encode(block, a_schedule(epoch_ns, base_ns))
    assert len(prefixes) == len(block)
    for i, prefix in enumerate(prefixes):
        payload = sent(prefix, produce_ms)
        assert prefix.endswith(b'"produce_time":')
        assert len(payload) >= payload_bytes
        event = json.loads(payload)
        names = list(event)
        if "padding" in event:
            assert names.pop(-2) == "padding"
        assert tuple(names) == FIELDS
        time_ns = epoch_ns + times_ns[i]
        assert event["user_id"].encode() == USERS[block.user[i]]
        assert event["page_id"].encode() == PAGES[block.page[i]]
        assert event["ad_id"] == ads[block.ad[i]]
        assert event["ad_type"] == AD_TYPES[block.ad_type[i]]
        assert event["event_type"] == EVENT_TYPES[block.event_type[i]]
        assert event["event_time_ns"] == time_ns
        assert event["window_id"] == (time_ns - base_ns) // round(slide_sec * NS_PER_S)
        assert event["ip_address"].encode() == ADDRESSES[block.ip[i]]
        assert event["campaign_id"] == block.campaign_id[i]
        assert event["produce_time"] == produce_ms


def test_values_have_the_form_their_names_promise():
    config = Config()
    for prefix in PayloadEncoder(config).encode(a_block(range(500)), a_schedule(PRODUCE_MS * NS_PER_MS, 0)):
        event = json.loads(sent(prefix))
        for name in ("user_id", "page_id", "ad_id"):
            assert str(uuid.UUID(event[name])) == event[name]
        assert str(ipaddress.IPv4Address(event["ip_address"])) == event["ip_address"]
        assert type(event["campaign_id"]) is int
        assert type(event["window_id"]) is int


@pytest.mark.parametrize(("offset_ns", "window_id"), [(-1, -1), (0, 0), (10 * NS_PER_S - 1, 0), (10 * NS_PER_S, 1)])
def test_window_id_at_the_base_time_and_one_tick_before_each_window(offset_ns, window_id):
    epoch = PRODUCE_MS * NS_PER_MS
    schedule = a_schedule(epoch, epoch + 30 * NS_PER_S)
    (prefix,) = PayloadEncoder(Config()).encode(a_block([30 * NS_PER_S + offset_ns]), schedule)
    assert json.loads(sent(prefix))["window_id"] == window_id


@pytest.mark.parametrize("epoch_ns", [10**18 - 3, 10**18 - 1, 10**18, 2 * 10**18 - 2])
def test_event_times_around_the_number_of_digits_that_is_written_fast(epoch_ns):
    prefixes = PayloadEncoder(Config()).encode(a_block([0, 1, 2, 3, 10**16]), a_schedule(epoch_ns, epoch_ns))
    times = [json.loads(sent(prefix))["event_time_ns"] - epoch_ns for prefix in prefixes]
    assert times == [0, 1, 2, 3, 10**16]


def test_a_payload_does_not_depend_on_the_blocks_around_it():
    config = Config().replace(payload_bytes=700)
    encoder, schedule = PayloadEncoder(config), plan(config, PRODUCE_MS * NS_PER_MS)
    blocks = event_blocks(config, 0, uniform_offsets(config.load.total_rate, 0, 2), 10 * NS_PER_S)
    whole = list(blocks)
    payloads = [encoder.encode(block, schedule) for block in whole]
    fresh = PayloadEncoder(config)
    for block, expected in reversed(list(zip(whole, payloads, strict=True))):
        cut = len(block) // 3
        pieces = [fresh.encode(block.part(a, b), schedule) for a, b in ((0, 1), (1, cut), (cut, len(block)))]
        assert [payload for piece in pieces for payload in piece] == expected


def test_a_part_keeps_the_numbers_of_its_events():
    part = a_block([10, 11, 12, 13], first=7).part(1, 3)
    assert (part.first, len(part), part.due_offset_ns.tolist()) == (8, 2, [11, 12])


def test_an_empty_block_gives_no_payload():
    assert PayloadEncoder(Config()).encode(a_block([]), a_schedule(0, 0)) == []


@pytest.mark.parametrize("surplus", [-1, 0, 1, 13, 14, 15, 40])
def test_payloads_are_padded_to_the_configured_size_and_hardly_more(surplus):
    schedule = a_schedule(PRODUCE_MS * NS_PER_MS, PRODUCE_MS * NS_PER_MS)
    plain = len(sent(PayloadEncoder(Config()).encode(a_block([0]), schedule)[0]))
    wanted = plain + surplus
    (prefix,) = PayloadEncoder(Config().replace(payload_bytes=wanted)).encode(a_block([0]), schedule)
    size = len(sent(prefix))
    assert wanted <= size <= max(wanted, plain + len(',"padding":"x"'))


def test_padding_is_not_trivially_compressible():
    config = Config().replace(payload_bytes=3_000)
    prefixes = PayloadEncoder(config).encode(a_block(range(100)), a_schedule(PRODUCE_MS * NS_PER_MS, 0))
    pads = [json.loads(sent(prefix))["padding"].encode() for prefix in prefixes]
    assert len(zlib.compress(b"".join(pads))) > 0.74 * sum(map(len, pads))


def test_a_window_id_too_long_for_its_column_is_an_error_not_a_wrong_number():
    config = Config().replace(window_size_sec=0.001, watermark_delay_sec=0.0)
    with pytest.raises(OverflowError, match="window id"):
        PayloadEncoder(config).encode(a_block([0]), a_schedule(0, 9 * 10**18))
