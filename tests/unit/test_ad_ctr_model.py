import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.truth.rows import RowKind
from windowbench.workloads.ad_ctr.model import MODEL
from windowbench.workloads.ad_ctr.pair import BARE_TOPICS
from windowbench.workloads.kit import json_rows

GOOD = {
    "run_id": "r",
    "campaign_id": 3,
    "window_start": 1000,
    "window_end": 2000,
    "views": 4,
    "clicks": 1,
    "purchases": 2,
    "events": 7,
    "max_produce_time": 1999,
    "max_event_time_ns": 1_999_000_001,
    "ctr": 0.25,
    "ctr_smoothed": 0.2,
}


def row(**changes):
    return json.dumps({**GOOD, **changes}).encode()


def without(name):
    return json.dumps({k: v for k, v in GOOD.items() if k != name}).encode()


def kinds(*values):
    return [RowKind(kind) for kind in MODEL.parse(values, "r").kind]


def test_a_sound_row_is_read_field_by_field():
    parsed = MODEL.parse([row()], "r")
    assert {name: int(column[0]) for name, column in parsed.integers.items()} == {n: GOOD[n] for n in MODEL.integers}
    assert {name: float(column[0]) for name, column in parsed.doubles.items()} == {n: GOOD[n] for n in MODEL.doubles}


@pytest.mark.parametrize("value", [row(ctr=None), without("ctr")], ids=["null", "absent"])
def test_null_and_absent_doubles_are_the_same(value):
    parsed = MODEL.parse([value], "r")
    assert parsed.kind[0] == RowKind.SOUND
    assert np.isnan(parsed.doubles["ctr"][0])


@pytest.mark.parametrize(
    "value",
    [None, b"", b"null", b"[]", b"1", b'"text"', b"{", b"\xff\xfe", b"[" * 5000, row(run_id="other"),
     row(run_id=5), row(run_id=["r"]), without("run_id"), b"x" * 900_000],
)  # fmt: skip
def test_what_is_no_json_object_of_this_run_is_foreign(value):
    assert kinds(value) == [RowKind.FOREIGN]
    assert kinds(row(), value, row()) == [RowKind.SOUND, RowKind.FOREIGN, RowKind.SOUND]


@pytest.mark.parametrize(
    "value", [b'{"run_id":"r"', row().replace(b"0.25", b"NaN"), b"\xef\xbb\xbf" + row(), row() + row()]
)
def test_what_names_this_run_and_is_no_json_is_malformed_not_a_record_of_others(value):
    assert kinds(value) == [RowKind.MALFORMED]
    assert kinds(row(), value, row()) == [RowKind.SOUND, RowKind.MALFORMED, RowKind.SOUND]


@pytest.mark.parametrize(
    "value",
    [row(views=4.0), row(views="4"), row(views=True), row(views=None), without("views"), row(views=[4]),
     row(views=2**63), row(campaign_id="3"), row(ctr="0.25"), row(ctr=True), row(ctr={}), row(views=-(2**63) - 1)],
)  # fmt: skip
def test_a_field_of_the_wrong_type_makes_a_row_of_this_run_malformed(value):
    assert kinds(value) == [RowKind.MALFORMED]
    assert kinds(row(), value, row()) == [RowKind.SOUND, RowKind.MALFORMED, RowKind.SOUND]


@pytest.mark.parametrize(
    "values",
    [[row() + row(), b""], [row() + b"\n" + row(), b" "], [row()[:-1], b"," + row()[1:]], [row() + b" " + row()],
     [row().replace(b"0.25", b"Infinity")], [row().replace(b"0.25", b"-inf")], [row() + b"x"], [b"\n" + row() + b"}"]],
)  # fmt: skip
def test_rows_are_told_apart_by_their_records_and_read_as_json_alone(values):
    broken = [RowKind.MALFORMED if b'"r"' in value else RowKind.FOREIGN for value in values]
    assert kinds(row(), *values, row()) == [RowKind.SOUND, *broken, RowKind.SOUND]


def test_of_a_field_that_is_there_twice_the_last_one_counts():
    twice = row()[:-1] + b',"views":5}'
    parsed = MODEL.parse([row(), twice, row()], "r")
    assert parsed.kind.tolist() == [RowKind.SOUND] * 3
    assert parsed.integers["views"].tolist() == [4, 5, 4]


def test_further_fields_of_a_row_are_ignored():
    assert kinds(row(), row(note="x", nested={"views": [1]}), row()) == [RowKind.SOUND] * 3


def test_malformed_row_keeps_its_key_so_that_it_counts_as_a_wrong_value_of_it():
    parsed = MODEL.parse([row(views="4")], "r")
    assert (parsed.integers["window_start"][0], parsed.integers["campaign_id"][0]) == (1000, 3)


def test_integer_is_a_number_and_so_a_good_double():
    parsed = MODEL.parse([row(ctr=1, ctr_smoothed=0)], "r")
    assert parsed.kind[0] == RowKind.SOUND
    assert parsed.doubles["ctr"][0] == 1.0


def test_rows_beyond_one_chunk_keep_their_order_and_a_broken_one_spoils_no_other(monkeypatch):
    chunk = 1000
    monkeypatch.setattr(json_rows, "PARSED_CHUNK", chunk)
    values = [row(events=n) for n in range(2 * chunk + 5)]
    values[chunk + 1] = b"broken"
    parsed = MODEL.parse(values, "r")
    expected = list(range(len(values)))
    expected[chunk + 1] = 0
    assert parsed.integers["events"].tolist() == expected
    assert np.count_nonzero(parsed.kind == RowKind.FOREIGN) == 1


def test_no_rows_give_an_empty_table_with_all_columns():
    parsed = MODEL.parse([], "r")
    assert len(parsed.kind) == 0
    assert tuple(parsed.integers) == MODEL.integers
    assert tuple(parsed.doubles) == MODEL.doubles


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
json_values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=2), scalars, max_size=2)


@given(
    st.lists(
        st.none() | st.binary() | json_values.map(lambda v: json.dumps(v).encode())
        | st.dictionaries(st.sampled_from(sorted(GOOD)), json_values).map(lambda d: json.dumps({**GOOD, **d}).encode())
    )
)  # fmt: skip
def test_no_value_makes_parsing_fail_and_a_row_reads_the_same_alone_and_among_others(values):
    together = MODEL.parse(values, "r")
    assert len(together.kind) == len(values)
    for i, value in enumerate(values):
        alone = MODEL.parse([value], "r")
        assert alone.kind[0] == together.kind[i]
        if alone.kind[0] == RowKind.SOUND:
            assert all(alone.integers[n][0] == together.integers[n][i] for n in MODEL.integers)


EVENT = {"event_type": "click", "campaign_id": 1, "event_time_ns": 5, "produce_time": 7, "window_id": -1}


def test_events_are_read_and_whatever_is_none_is_left_out():
    none = [{"event_type": "END"}, {"campaign_id": "1"}, {"event_type": ["view"]}, {"event_time_ns": 2**70}]
    events = [EVENT, *({**EVENT, **change} for change in none), {**EVENT, "produce_time": 8}]
    parsed = BARE_TOPICS.parse_events([None, b"{", *(json.dumps(event).encode() for event in events)])
    assert parsed.position.tolist() == [2, 7]
    assert parsed.contents["event_type"].tolist() == [1, 1]
    assert parsed.produce_ms.tolist() == [7, 8]
    assert parsed.window_id.tolist() == [-1, -1]


def test_usual_run_id_is_that_of_most_rows():
    assert (
        BARE_TOPICS.usual_run_id([row(run_id="a"), row(run_id="b"), None, b"{", row(run_id="b"), row(run_id=4)]) == "b"
    )
    assert BARE_TOPICS.usual_run_id([None, b"[]"]) is None
