"""Flink gives the rows of the table, no more and no fewer, and counts the same records."""

from itertools import groupby

import pytest

from tests.parity.cases import CASES, ORIGIN_MS, RUN_ID, STREAM_CASES, Case
from tests.parity.flink_rows import counting, line_of, naming, row_of
from tests.parity.oracle_rows import static_oracle_rows, stream_oracle_rows
from tests.parity.poison import malformed, odd_but_good, out_of_time
from tests.parity.spark_rows import payload, row_dict
from tests.parity.test_static_frame import mixed_load
from windowbench.load.schedule import END_EVENT_TIME_NS, END_EVENT_TYPE

SPREAD = 1_000_000
"""Cases of equal windows share a job; case n has campaigns from n times this on."""
LONG_MS = 90 * 86_400_000
MIXED = [
    Case("mixed", mixed_load(3_000), (), size_ms=size, slide_ms=slide, campaigns=23)
    for size, slide in ((10_000, 10_000), (2_500, 500), (700, 100))
]
LENIENT = {
    "UTF-16",
    "a field again, of another type",
    "byte order mark",
    "a list of events",
    "an event and more",
    "two events",
    "two events with a comma",
    "campaign_id in quotes",
    "event_time_ns in quotes",
    "produce_time in quotes",
    "campaign_id with a fraction",
    "campaign_id with a fraction of zero",
    "produce_time with a fraction",
    "produce_time with a fraction of zero",
}
"""Malformed records that Flink's JSON format takes for events; the load generator writes none of them."""
LENIENT_ON_TWO_LINES = {"two events in lines", "a line break in a string"}
"""Likewise; a file of lines cannot hold them, so a test with a broker shows them."""


def lines(events, shift=0):
    made = [line_of(payload(event) | {"campaign_id": event.campaign + shift}, event.produce_ms) for event in events]
    return b"".join(line + b"\n" for line in made)


def end(run_id):
    return line_of({"event_type": END_EVENT_TYPE, "run_id": run_id, "event_time_ns": END_EVENT_TIME_NS}, ORIGIN_MS)


def windows_of(case):
    return case.size_ms, case.slide


def one_line_each(table):
    """Return those records that a file of lines can hold, by file name."""
    return {name: value for name, value in table.items() if value and b"\n" not in value}


@pytest.fixture(scope="module")
def made(run_jobs):
    numbered = sorted(enumerate(CASES), key=lambda item: windows_of(item[1]))
    jobs, keys = [], []
    for windows, members in groupby(numbered, key=lambda item: windows_of(item[1])):
        # The case months later comes last: nothing is behind the watermark.
        cases = sorted(members, key=lambda item: max((event.at for event in item[1].events), default=0))
        data = b"".join(lines(case.events, number * SPREAD) for number, case in cases)
        jobs.append(counting({"events": data}, *windows, delay_ms=LONG_MS))
        keys.append(("static", windows))
    for number, case in enumerate(MIXED):
        jobs.append(counting({"events": lines(case.events)}, *windows_of(case), delay_ms=LONG_MS))
        keys.append(("mixed", number))
    for case in STREAM_CASES:
        events = [event for batch in case.batches for event in batch]
        data = lines(events) + end("another") + b"\n" + end(RUN_ID) + b"\n"
        jobs.append(counting({"events": data}, *windows_of(case), delay_ms=case.delay_ms))
        keys.append(("stream", case.name))
    table = list(one_line_each({**malformed(), **out_of_time(), **odd_but_good()}).items())
    files = {f"record-{number}": value for number, (_, value) in enumerate(table)}
    jobs.append(naming(files))
    keys.append(("records",))
    answers = dict(zip(keys, run_jobs(jobs), strict=True))
    answers["records",] = [table[int(name.removeprefix("record-"))][0] for (name,) in answers["records",]]
    return answers


def by_key(rows):
    return sorted(rows, key=lambda row: (row["window_start"], row["campaign_id"]))


def without_key(rows):
    rows = [row_of(row) for row in rows]
    for row in rows:
        assert row["key"] == f"{row['campaign_id']}:{row['window_start']}"
    return [{name: value for name, value in row.items() if name != "key"} for row in rows]


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: CASES[number].name)
def test_flink(made, number):
    case = CASES[number]
    mine = [
        row | {"campaign_id": row["campaign_id"] - number * SPREAD}
        for row in without_key(made["static", windows_of(case)])
        if row["campaign_id"] // SPREAD == number
    ]
    assert by_key(mine) == by_key(row_dict(case, row, ORIGIN_MS) for row in case.rows)


@pytest.mark.parametrize("number", range(len(MIXED)), ids=lambda number: str(windows_of(MIXED[number])))
def test_flink_equals_the_oracle_on_a_mixed_load(made, number):
    assert by_key(without_key(made["mixed", number])) == by_key(static_oracle_rows(MIXED[number]))


@pytest.mark.parametrize("case", STREAM_CASES, ids=lambda case: case.name)
def test_flink_drops_what_the_oracle_says_is_late_and_end_leaves_no_row(made, case):
    """Also where Spark differs by design: Flink closes a window 1 ms before its end, as the oracle does."""
    assert by_key(without_key(made["stream", case.name])) == by_key(stream_oracle_rows(case))


def test_records_that_count(made):
    """Flink's reader is more lenient in a few ways, all listed here; none of them stops the job."""
    assert set(made["records",]) == set(one_line_each(odd_but_good())) | LENIENT
