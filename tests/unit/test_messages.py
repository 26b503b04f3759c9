"""Messages of programs and engines: what counts as one, and what a field that is wrong is worth."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.engines.protocol import page_of, progress_of, settings_of
from windowbench.processes.messages import Message, message_of, parsed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def said(**fields):
    message = message_of({"type": "progress", **fields})
    assert message is not None
    return message


def test_a_line_that_is_an_object_with_a_type_is_a_message():
    assert parsed('{"type": "ready", "port": 7}') == Message("ready", {"type": "ready", "port": 7})


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ready",
        "[1]",
        "{",
        '{"type": 7}',
        '{"no": "type"}',
        '{"type": "progress", "batch_ms": NaN}',
        '{"type": "progress", "batch_ms": Infinity}',
        '{"type": "progress", "batch_ms": 1e999}',
        '{"type": "progress", "position": {"0": -1e999}}',
        '{"type": "x", "a": ' + "9" * 5000 + "}",
        '{"type": "x", "a": ' + "[" * 9 + "]" * 9 + "}",
        '{"type": "x", "a": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"type": "x", "a": ' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}",
    ],
    ids=lambda line: line[:40],
)
def test_any_other_line_is_log(line):
    assert parsed(line) is None


def test_what_is_nested_as_deep_as_a_message_may_be_is_one():
    assert parsed('{"type": "x", "a": ' + "[" * 7 + "]" * 7 + "}") is not None


@given(JSON)
def test_no_value_of_any_field_breaks_whoever_asks_for_it(value):
    message = said(batch_ms=value, position=value, state_rows=value, rejected=value, effective=value, address=value)
    progress = progress_of(message)
    assert progress.batch_ms is None or isinstance(progress.batch_ms, float)
    assert progress.rejected is None or progress.rejected >= 0
    assert all(isinstance(offset, int) and offset >= 0 for offset in progress.position.values())
    assert all(isinstance(text, str) for text in settings_of(message).values())
    assert page_of(message) is None
    assert json.loads(json.dumps(message.fields)) == message.fields


@pytest.mark.parametrize(
    ("position", "found"),
    [
        ({"0": 7, "11": 0}, {0: 7, 11: 0}),
        ({"0": -1}, {}),
        ({"0": 1.5}, {}),
        ({"0": True}, {}),
        ({"0": 2**63}, {}),
        ({"x": 1}, {}),
        ({"-1": 1}, {}),
        ({"0": 7, "1": "8"}, {}),
        ([7], {}),
    ],
)
def test_a_position_is_said_right_as_a_whole_or_not_at_all(position, found):
    assert progress_of(said(position=position)).position == found


@pytest.mark.parametrize(
    ("value", "count"), [(0, 0), (7, 7), (7.9, 7), (-1, None), (True, None), ("7", None), (10**400, None)]
)
def test_a_count_is_a_number_of_zero_or_more(value, count):
    assert progress_of(said(rejected=value)).rejected == count
