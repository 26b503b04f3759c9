"""Rows of several types: how their JSON is read, and what a database gets of them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.judge.truth.rows import RowKind
from windowbench.workloads.kit.row_types import RowType
from windowbench.workloads.kit.typed_rows import COMMON, TypedRows, text_code, text_codes

ROWS = TypedRows(
    (
        RowType(name="boats", integers=("seen",), doubles=("speed",)),
        RowType(name="harbours", key="harbour", integers=("ships",), texts=("harbour",)),
        RowType(name="ranks", key="rank", integers=("rank", "ships"), texts=("flag",)),
    )
)
BOAT = {"run_id": "r", "metric": "boats", "window_start": 10, "window_end": 20, "max_produce_time": 19, "seen": 3}
HARBOUR = {**BOAT, "metric": "harbours", "harbour": "Kiel", "ships": 4}
RANK = {**BOAT, "metric": "ranks", "rank": 2, "ships": 9, "flag": "red"}


def own_fields(row):
    """Return the fields of a row that are of its type; a test's row may have others."""
    row_type = ROWS.types[ROWS.metrics.index(row["metric"])]
    return {name: row[name] for name in ("run_id", "metric", *COMMON, *row_type.integers, *row_type.texts)}


def parsed(*rows):
    return ROWS.parse([json.dumps(row).encode() for row in rows], "r")


def test_each_row_has_its_own_fields_and_nothing_in_those_of_other_types():
    found = parsed({**BOAT, "speed": 1.5}, HARBOUR, RANK)
    assert found.kind.tolist() == [RowKind.SOUND] * 3
    assert found.integers["metric"].tolist() == [0, 1, 2]
    assert found.integers["key"].tolist() == [0, text_code("Kiel"), 2]
    assert found.integers["seen"].tolist() == [3, 0, 0]
    assert found.integers["ships"].tolist() == [0, 4, 9]
    assert found.integers["flag"].tolist() == [0, 0, text_code("red")]
    np.testing.assert_array_equal(found.doubles["speed"], [1.5, np.nan, np.nan])
    assert {*found.integers} == {"metric", "key", *COMMON, "seen", "ships", "rank", "harbour", "flag"}


@pytest.mark.parametrize(
    "damage",
    [
        {"seen": None}, {"seen": 1.0}, {"seen": True}, {"seen": 2**63}, {"window_end": "20"}, {"speed": "fast"},
        {"metric": "ships"}, {"metric": ["boats"]}, {"metric": None}, {"max_produce_time": None},
    ],
)  # fmt: skip
def test_a_row_of_this_run_with_a_field_of_another_kind_is_malformed(damage):
    found = parsed({**BOAT, **damage}, BOAT)
    assert found.kind.tolist() == [RowKind.MALFORMED, RowKind.SOUND]


@pytest.mark.parametrize("text", [None, 3, ["Kiel"]])
def test_a_text_must_be_one(text):
    assert parsed({**HARBOUR, "harbour": text}).kind.tolist() == [RowKind.MALFORMED]


@pytest.mark.parametrize("value", [None, b"", b"{", b"[1]", b'{"run_id":"s"}', b"\xff"])
def test_what_is_no_row_of_this_run_is_foreign(value):
    assert ROWS.parse([value], "r").kind.tolist() == [RowKind.FOREIGN]


def test_a_double_may_be_null_or_left_out():
    found = parsed({**BOAT, "speed": None}, BOAT, {**BOAT, "speed": 2})
    assert found.kind.tolist() == [RowKind.SOUND] * 3
    np.testing.assert_array_equal(found.doubles["speed"], [np.nan, np.nan, 2.0])


@given(st.lists(st.text(max_size=5), unique=True, max_size=50))
def test_texts_keep_apart_and_equal_ones_together(texts):
    codes = text_codes(texts)
    assert len(set(codes.tolist())) == len(texts)
    assert codes.tolist() == text_codes(list(texts)).tolist()


def test_a_live_row_is_known_by_type_window_and_key():
    assert ROWS.live_row(HARBOUR).key == (1, 10, text_code("Kiel"))
    assert ROWS.live_row(BOAT).key == (0, 10, 0)
    assert ROWS.live_row(RANK)[1:] == (10, 20, 1, 19)
    for broken in ({**BOAT, "metric": "ships"}, {"metric": "boats"}):
        with pytest.raises(KeyError):
            ROWS.live_row(broken)


def test_a_database_gets_a_value_for_each_of_its_columns():
    for row, key in ((BOAT, ""), (HARBOUR, "Kiel"), (RANK, "2")):
        run_id, words, numbers = ROWS.sound(json.dumps(row).encode())
        columns = list(ROWS.table_columns)
        stored = dict(zip(columns, (run_id, *words, *numbers), strict=False))
        assert len(columns) - 3 == 1 + len(words) + len(numbers)  # less partition, offset and time
        assert {name: value for name, value in stored.items() if value is not None} == {
            **own_fields(row),
            "row_key": key,
        }


@pytest.mark.parametrize("damage", [{"harbour": "a\0b"}, {"harbour": 4}, {"run_id": 5}, {"metric": "ships"}])
def test_what_no_database_takes_is_no_row_for_it(damage):
    assert ROWS.sound(json.dumps({**HARBOUR, **damage}).encode()) is None


def test_a_key_of_any_length_fits_an_index():
    _, words, _ = ROWS.sound(json.dumps({**HARBOUR, "harbour": "x" * 900_000}).encode())
    assert len(words[1]) < 20


def test_a_key_is_one_of_the_fields():
    with pytest.raises(ValueError, match="harbour"):
        RowType(name="boats", key="harbour")
