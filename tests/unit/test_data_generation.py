import hashlib
import itertools
import json
import re
import uuid
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import Config
from data_generation import (
    BLOCK,
    ad_ids,
    create_ad_campaign_mappings,
    end_record,
    event_blocks,
    uniform_offsets,
)
from windowbench.load.arrivals import arrival_offsets, scheduled_offsets
from windowbench.load.disorder import EventTimes
from windowbench.load.events import event_key
from windowbench.load.schedule import END_EVENT_TIME_NS, GUARD_PAST_MS, NS_PER_MS, NS_PER_S, Schedule
from windowbench.load.streams import stream_rng, uuid_texts
from windowbench.workloads.ad_ctr.events import AD_TYPES, AdBlock
from windowbench.workloads.ad_ctr.payload import PayloadEncoder
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES

ARRAYS = (
    "due_offset_ns",
    "event_offset_ns",
    "event_type",
    "campaign_id",
    "partition",
    "ad",
    "ad_type",
    "user",
    "page",
    "ip",
)
FROM_ZERO = Schedule(epoch_ns=0, base_time_ns=10 * NS_PER_S, measure_end_ns=20 * NS_PER_S, load_end_ns=24 * NS_PER_S)


def make_config(**values):
    if "rate" in values:
        values.setdefault("events_per_producer", None)
    return Config().replace(**values)


def events_of(config, producer, until_ns, offsets=None):
    """All events of a producer as one block."""
    blocks = list(event_blocks(config, producer, offsets or arrival_offsets(config, producer), until_ns))
    assert [b.first for b in blocks] == [0, *itertools.accumulate(map(len, blocks))][: len(blocks)]
    arrays = {name: np.concatenate([getattr(b, name) for b in blocks] or [np.empty(0, int)]) for name in ARRAYS}
    return AdBlock(producer=producer, first=0, **arrays)


def assert_same(left, right, count, names=ARRAYS):
    for name in names:
        np.testing.assert_array_equal(getattr(left, name)[:count], getattr(right, name)[:count], err_msg=name)


# --- ads and campaigns ------------------------------------------------------------------------------------------------


def test_the_default_mapping_gives_ten_campaigns_a_hundred_ads_each():
    mapping = create_ad_campaign_mappings()
    assert Counter(mapping.values()) == dict.fromkeys(range(10), 100)


def test_every_ad_is_a_version_4_uuid():
    for ad in create_ad_campaign_mappings(3, 50, seed=1):
        assert str(uuid.UUID(ad)) == ad
        assert uuid.UUID(ad).version == 4
        assert uuid.UUID(ad).variant == uuid.RFC_4122


def test_the_mapping_follows_from_the_seed():
    assert create_ad_campaign_mappings(seed=7) == create_ad_campaign_mappings(seed=7)
    assert not create_ad_campaign_mappings(seed=7).keys() & create_ad_campaign_mappings(seed=8).keys()


def test_more_ids_than_a_chunk_are_distinct_and_begin_like_fewer():
    many = uuid_texts(stream_rng(1, "x"), 10_000)
    assert len(set(many.tolist())) == 10_000
    assert uuid_texts(stream_rng(1, "x"), 4096).tolist() == many[:4096].tolist()


def test_events_use_the_ads_of_the_mapping():
    config = make_config(num_campaigns=7, ads_per_campaign=13, rate=5000.0, seed=3)
    mapping = create_ad_campaign_mappings(7, 13, seed=3)
    events = events_of(config, 0, NS_PER_S)
    ids = ad_ids(7, 13, 3)[events.ad]
    assert [mapping[ad.decode()] for ad in ids] == events.campaign_id.tolist()
    assert len(set(events.ad.tolist())) == 7 * 13


def test_an_ad_always_has_the_same_type():
    events = events_of(make_config(rate=20_000.0, num_producers=1), 0, NS_PER_S)
    types = {}
    for ad, ad_type in zip(events.ad.tolist(), events.ad_type.tolist(), strict=True):
        assert types.setdefault(ad, ad_type) == ad_type
    assert set(types.values()) == set(range(len(AD_TYPES)))


@pytest.mark.parametrize("other", [(2, "ads", 0), (1, "users", 0), (1, "ads", 1), (11, "ads", 0), (1, "ads", 10)])
def test_streams_of_another_seed_role_or_index_differ(other):
    one = stream_rng(1, "ads", 0)
    assert stream_rng(1, "ads", 0).random() == one.random()
    assert stream_rng(*other).random(4).tolist() != stream_rng(1, "ads", 0).random(4).tolist()


# --- uniform arrivals -------------------------------------------------------------------------------------------------


@given(
    rate=st.fractions(min_value=Fraction(1, 1000), max_value=10_000_000, max_denominator=10_000),
    producers=st.integers(1, 64),
    data=st.data(),
)
def test_uniform_producers_together_hold_every_merged_event_at_its_exact_time(rate, producers, data):
    producer = data.draw(st.integers(0, producers - 1))
    offsets = np.concatenate(list(itertools.islice(uniform_offsets(rate, producer, producers), 2))).tolist()
    assert offsets[:300] == [(producer + n * producers) * NS_PER_S // rate for n in range(300)]
    for n in data.draw(st.lists(st.integers(0, len(offsets) - 1), max_size=20)):
        assert offsets[n] == (producer + n * producers) * NS_PER_S // rate


def test_uniform_is_exact_where_event_number_times_a_second_no_longer_fits_64_bits():
    rate, producers, producer = Fraction(99_999_999_999, 10_000), 64, 63
    chunks = uniform_offsets(rate, producer, producers)
    seen = 0
    for chunk in itertools.islice(chunks, 2_000):
        k = producer + (seen + chunk.size - 1) * producers
        assert int(chunk[-1]) == k * NS_PER_S // rate
        seen += chunk.size
    assert k * NS_PER_S * 10_000 > 2**63


def test_uniform_is_exact_for_a_rate_with_a_huge_numerator():
    rate = Fraction(6_047_999_999_999_999, 604_799_999)
    chunk = next(uniform_offsets(rate, 1, 3))
    assert chunk.tolist() == [(1 + 3 * n) * NS_PER_S // rate for n in range(chunk.size)]


def test_merged_uniform_sequence_is_exact():
    producers, rate = 3, Fraction(7000, 3)
    streams = [next(uniform_offsets(rate, i, producers)) for i in range(producers)]
    merged = np.stack(streams, axis=1).ravel().tolist()
    assert merged == [k * NS_PER_S // rate for k in range(len(merged))]


# --- blocks of events -------------------------------------------------------------------------------------------------

configs = st.builds(
    make_config,
    data_generator=st.sampled_from(["uniform", "poisson", "mmpp"]),
    num_producers=st.integers(1, 5),
    rate=st.sampled_from([7.5, 400.0, 3000.0]),
    seed=st.integers(0, 2**70),
    num_campaigns=st.sampled_from([1, 10, 23]),
    ads_per_campaign=st.integers(1, 5),
    campaign_skew=st.sampled_from([0.0, 1.3]),
    partitions=st.integers(3, 5),
    partition_skew=st.sampled_from([0.0, 0.7]),
    idle_partitions=st.integers(0, 2),
    window_size_sec=st.just(2.0),
    watermark_delay_sec=st.just(1.0),
    late_guard_seconds=st.sampled_from([0.001, 0.5, 2.0]),
    too_late_share=st.sampled_from([0.0, 0.1, 0.9]),
).flatmap(
    lambda c: st.sampled_from(
        [c, c.replace(out_of_order_share=0.3, out_of_order_extent_ms=400)],
    )
)


@given(config=configs, until_ns=st.integers(0, 12 * NS_PER_S), data=st.data())
def test_properties_of_every_event(config, until_ns, data):
    producer = data.draw(st.integers(0, config.load.num_producers - 1))
    events = events_of(config, producer, until_ns)
    due = events.due_offset_ns
    assert np.all(np.diff(due) >= 0)
    assert np.all((due >= 0) & (due < until_ns))
    assert np.all((events.event_offset_ns <= due) & (events.event_offset_ns >= 0))
    assert np.all((events.partition >= 0) & (events.partition < config.kafka.partitions - config.kafka.idle_partitions))
    assert np.all((events.campaign_id >= 0) & (events.campaign_id < config.workload.num_campaigns))
    assert np.all(events.ad // config.workload.ads_per_campaign == events.campaign_id)
    assert np.all(events.event_type < len(EVENT_TYPES))


@given(config=configs, cut=st.integers(0, 6 * NS_PER_S), sizes=st.lists(st.integers(0, 3000), min_size=1))
def test_events_do_not_depend_on_where_the_load_ends_or_how_offsets_are_cut(config, cut, sizes):
    whole = events_of(config, 0, 6 * NS_PER_S)

    def recut():
        start = 0
        for size in itertools.cycle([*sizes, 1000]):
            yield whole.due_offset_ns[start : start + size]
            start += size
            if start >= len(whole):
                return

    count = int(np.searchsorted(whole.due_offset_ns, cut))
    short = events_of(config, 0, cut, recut())
    assert len(short) == count
    assert_same(short, whole, count)


def test_an_event_due_at_the_end_of_the_load_is_not_part_of_it():
    offsets = [np.array([5, 9]), np.array([10, 10, 11])]
    assert events_of(make_config(), 0, 10, iter(offsets)).due_offset_ns.tolist() == [5, 9]
    assert events_of(make_config(), 0, 11, iter(offsets)).due_offset_ns.tolist() == [5, 9, 10, 10]


def test_offsets_are_taken_no_further_than_the_end_of_the_load():
    taken = []

    def offsets():
        for start in itertools.count(0, 100):
            taken.append(start)
            yield np.arange(start, start + 100)

    assert len(events_of(make_config(), 0, 250, offsets())) == 250
    assert taken == [0, 100, 200]


def test_large_payloads_come_in_small_blocks_of_the_same_events():
    plain, large = make_config(rate=4000.0), make_config(rate=4000.0, payload_bytes=500_000)
    blocks = list(event_blocks(large, 0, arrival_offsets(large, 0), NS_PER_S))
    assert max(map(len, blocks)) * 500_000 <= 4_000_000
    assert_same(events_of(large, 0, NS_PER_S), events_of(plain, 0, NS_PER_S), None)


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"out_of_order_share": 0.5, "out_of_order_extent_ms": 1000}, "event_offset_ns"),
        ({"too_late_share": 0.1, "late_guard_seconds": 1.0, "window_size_sec": 2.0}, "event_offset_ns"),
        ({"partition_skew": 1.0}, "partition"),
    ],
)
def test_disorder_and_partition_skew_change_nothing_else(change, changed):
    plain, other = make_config(rate=2000.0), make_config(rate=2000.0, **change)
    left, right = events_of(plain, 1, 20 * NS_PER_S), events_of(other, 1, 20 * NS_PER_S)
    assert_same(left, right, None, [name for name in ARRAYS if name != changed])
    assert np.any(getattr(left, changed) != getattr(right, changed))


def test_producers_draw_different_events():
    config = make_config(rate=2000.0, data_generator="uniform")
    left, right = events_of(config, 0, NS_PER_S), events_of(config, 1, NS_PER_S)
    for name in ("user", "ad", "page", "ip"):
        assert np.mean(getattr(left, name) == getattr(right, name)) < 0.05


def shares_fit(observed, expected_shares):
    """Tell whether counts are within 4.5 standard errors of their shares."""
    total = sum(observed)
    return all(
        abs(seen - total * share) <= 4.5 * (total * share * (1 - share)) ** 0.5 + 1e-9
        for seen, share in zip(observed, expected_shares, strict=True)
    )


def test_event_types_and_campaigns_come_by_weight():
    config = make_config(rate=50_000.0, num_producers=1, event_type_weights=(6.0, 0.0, 2.0), campaign_skew=1.2)
    events = events_of(config, 0, 2 * NS_PER_S)
    assert shares_fit(np.bincount(events.event_type, minlength=3), [0.75, 0.0, 0.25])
    zipf = [(rank + 1) ** -1.2 for rank in range(10)]
    assert shares_fit(np.bincount(events.campaign_id, minlength=10), [z / sum(zipf) for z in zipf])


def test_campaigns_are_even_without_skew():
    events = events_of(make_config(rate=50_000.0, num_producers=1), 0, 2 * NS_PER_S)
    assert shares_fit(np.bincount(events.campaign_id, minlength=10), [0.1] * 10)


@pytest.mark.parametrize("weights", [(0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1e-300, 0.0)])
def test_a_type_without_weight_never_comes(weights):
    events = events_of(make_config(rate=20_000.0, event_type_weights=weights), 0, NS_PER_S)
    assert {weights[t] > 0 for t in events.event_type.tolist()} == {True}


def test_events_are_dealt_to_partitions_in_turn_and_idle_ones_get_none():
    events = events_of(make_config(rate=9000.0, partitions=5, idle_partitions=2), 1, NS_PER_S)
    assert events.partition.tolist() == [n % 3 for n in range(len(events))]


def test_partition_skew_is_zipf_over_the_partitions_in_use():
    config = make_config(rate=50_000.0, num_producers=1, partitions=4, idle_partitions=1, partition_skew=1.0)
    events = events_of(config, 0, NS_PER_S)
    assert shares_fit(np.bincount(events.partition, minlength=4), [6 / 11, 3 / 11, 2 / 11, 0.0])


# --- event times ------------------------------------------------------------------------------------------------------


def test_without_disorder_events_happen_when_they_are_due():
    events = events_of(make_config(rate=2000.0), 0, 5 * NS_PER_S)
    np.testing.assert_array_equal(events.event_offset_ns, events.due_offset_ns)


def test_out_of_order_events_lie_within_the_extent_and_never_before_the_epoch():
    config = make_config(rate=4000.0, num_producers=1, out_of_order_share=0.25, out_of_order_extent_ms=1500)
    events = events_of(config, 0, 20 * NS_PER_S)
    back = events.due_offset_ns - events.event_offset_ns
    assert back.max() <= 1500 * NS_PER_MS
    assert back.max() > 1480 * NS_PER_MS
    assert events.event_offset_ns.min() >= 0
    later = back[events.due_offset_ns > 1500 * NS_PER_MS]
    assert shares_fit([np.count_nonzero(later), np.count_nonzero(later == 0)], [0.25, 0.75])


def closing_offsets(due, event, ends_ns, delay_ns):
    """C of measurement.md by brute force: for each end, the first due time with a great enough event time, in ms."""
    order = np.argsort(due, kind="stable")
    newest = np.maximum.accumulate(event[order] // NS_PER_MS * NS_PER_MS)
    at = np.searchsorted(newest, ends_ns + delay_ns - NS_PER_MS)
    return np.append(due[order], np.iinfo(np.int64).max)[at]


@pytest.mark.parametrize("generator", ["uniform", "poisson", "mmpp"])
@pytest.mark.parametrize("slide", [None, 0.5])
@pytest.mark.parametrize("rate", [4.0, 900.0])
def test_too_late_events_lie_in_windows_that_closed_the_guard_before_they_are_due(generator, slide, rate):
    """At few events a second, and through silent states of many seconds, the gap to the closing event is long."""
    config = make_config(
        data_generator=generator,
        rate=rate,
        window_size_sec=2.0,
        slide_sec=slide,
        watermark_delay_sec=1.5,
        out_of_order_share=0.2,
        out_of_order_extent_ms=1000,
        too_late_share=0.2,
        late_guard_seconds=3.0,
        mmpp_sojourn_seconds=(8.0, 2.0),
        mmpp_multipliers=(0.0, 1.0),
    )
    parts = [events_of(config, i, 200 * NS_PER_S) for i in range(2)]
    due = np.concatenate([p.due_offset_ns for p in parts])
    event = np.concatenate([p.event_offset_ns for p in parts])
    too_late = due - event > 1000 * NS_PER_MS
    slide_ns = config.windows.slide_ms * NS_PER_MS
    last_window_end = event // slide_ns * slide_ns + 2 * NS_PER_S  # windows begin at multiples of the slide from 0
    closed = closing_offsets(due, event, last_window_end, 1500 * NS_PER_MS)
    assert np.all(closed[too_late] + 3 * NS_PER_S <= due[too_late])
    assert np.all(due[too_late] - event[too_late] >= (2.0 + 1.5 + 3.0) * NS_PER_S)
    assert event.min() >= 0
    possible = due > 60 * NS_PER_S
    share = np.mean(too_late[possible])
    assert 0.12 < share < 0.28


def test_too_late_events_lie_in_closed_windows_even_where_every_witness_is_out_of_order_itself():
    config = make_config(
        rate=3.0,
        num_producers=1,
        window_size_sec=2.0,
        slide_sec=0.1,
        out_of_order_share=1.0,
        out_of_order_extent_ms=2500,
        too_late_share=0.3,
        late_guard_seconds=1.0,
    )
    events = events_of(config, 0, 3000 * NS_PER_S)
    due, event = events.due_offset_ns, events.event_offset_ns
    too_late = due - event > 2500 * NS_PER_MS
    slide_ns = 100 * NS_PER_MS
    closed = closing_offsets(due, event, event // slide_ns * slide_ns + 2 * NS_PER_S, 3 * NS_PER_S)
    assert np.all(closed[too_late] + NS_PER_S <= due[too_late])
    assert np.count_nonzero(too_late) > 2000


def test_an_event_that_cannot_be_placed_after_the_epoch_stays_on_time():
    config = make_config(rate=1000.0, too_late_share=0.9, late_guard_seconds=2.0, window_size_sec=2.0)
    events = events_of(config, 0, 9 * NS_PER_S)
    early = events.due_offset_ns < (2 + 3 + 2) * NS_PER_S
    np.testing.assert_array_equal(events.event_offset_ns[early], events.due_offset_ns[early])
    assert np.any(events.event_offset_ns[~early] != events.due_offset_ns[~early])


def test_no_event_is_placed_so_far_back_that_engines_take_it_for_damaged():
    config = make_config(rate=0.01, num_producers=1, duration_seconds=10_000.0, too_late_share=0.5)
    config = config.replace(late_guard_seconds=3400.0)
    events = events_of(config, 0, 10_000_000 * NS_PER_S)
    back = events.due_offset_ns - events.event_offset_ns
    assert 3400 * NS_PER_S < back.max() < GUARD_PAST_MS * NS_PER_MS


def test_remembering_witnesses_takes_no_more_memory_at_a_higher_rate():
    config = make_config(rate=1e6, num_producers=1, too_late_share=0.1, late_guard_seconds=0.5)
    times = EventTimes(config, 0)
    for start in range(0, 2_000_000_000, 1_024_000):
        times(np.arange(start, start + 1_024_000, 1000))
    assert 490 < times._witnesses.size < 510


# --- the whole stream -------------------------------------------------------------------------------------------------

PINNED = {
    "uniform": "3d0c333fc10e6614821dbc5d2ee5a7a9077ed2777266868f658ae92ffa5bf7dc",
    "poisson": "20761d2b4bf5ce575721bb0b928b4ca7b8f484681c5f5ba30ab87ca30b764dd0",
    "mmpp": "56f5784bad311db115e4b8ca80a0415744376408be726236bb2afc761aac2c90",
}
"""SHA-256 of every payload of every producer. A change here means that old seeds give new loads: say so in the notes
of a release. NumPy may change its distributions between versions; requirements pin one."""


def stream_hash(config, schedule, stop_after=None):
    encoder, digest = PayloadEncoder(config), hashlib.sha256()
    for producer in range(config.load.num_producers):
        blocks = event_blocks(config, producer, arrival_offsets(config, producer), schedule.load_length_ns)
        events = 0
        for block in blocks:
            for payload, due in zip(encoder.encode(block, schedule), block.due_offset_ns.tolist(), strict=True):
                events += 1
                if stop_after is None or due < stop_after:
                    digest.update(payload)
                    digest.update(b"\n")
        assert events > BLOCK
    return digest.hexdigest()


@pytest.mark.parametrize("generator", sorted(PINNED))
def test_the_same_seed_gives_the_same_bytes_however_far_one_goes(generator):
    config = make_config(
        data_generator=generator,
        rate=1000.0,
        seed=7,
        window_size_sec=2.0,
        out_of_order_share=0.1,
        out_of_order_extent_ms=900,
        too_late_share=0.05,
        late_guard_seconds=1.0,
        campaign_skew=0.8,
        payload_bytes=400,
    )
    hashed = stream_hash(config, FROM_ZERO)
    longer = Schedule(epoch_ns=0, base_time_ns=10 * NS_PER_S, measure_end_ns=20 * NS_PER_S, load_end_ns=31 * NS_PER_S)
    assert stream_hash(config, longer, stop_after=FROM_ZERO.load_end_ns) == hashed
    assert stream_hash(config.replace(seed=8), FROM_ZERO) != hashed
    assert hashed == PINNED[generator]


# --- keys and the end record ------------------------------------------------------------------------------------------


def test_the_key_names_producer_and_number():
    assert event_key(3, 12_345) == b"3:12345"


def test_the_keys_of_a_block_are_those_of_its_events():
    config = Config().replace(num_producers=2)
    encoder = PayloadEncoder(config)
    block = next(event_blocks(config, 1, arrival_offsets(config, 1), NS_PER_S))
    assert encoder.keys(block) == [event_key(1, n) for n in range(len(block))]
    assert encoder.keys(block.part(7, 9)) == [b"1:7", b"1:8"]


def test_the_example_of_the_document_gives_the_load_of_its_seed(capsys):
    text = (Path(__file__).resolve().parents[2] / "docs" / "programs.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    names = {}
    exec(example, names)
    due = scheduled_offsets(names["config"], 0, NS_PER_S).tolist()
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.partition(" ")[0]) for line in lines] == due
    assert due
    assert all(line.endswith('"produce_time":\'') for line in lines)
    assert len(names["campaign_of_ad"]) == 1000


def test_the_end_record_names_its_run_and_lies_beyond_every_window():
    record = json.loads(end_record("run-1", 1_760_000_000_000))
    assert record == {
        "event_type": "END",
        "run_id": "run-1",
        "event_time_ns": END_EVENT_TIME_NS,
        "produce_time": 1_760_000_000_000,
    }
