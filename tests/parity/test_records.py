"""Which records count: Spark's reader against the table, and against the model's own reader."""

import pytest
from pyspark.sql import Observation

from tests.parity.cases import ORIGIN_MS, RUN_ID
from tests.parity.poison import malformed, odd_but_good, out_of_time
from tests.parity.spark_rows import RAW_SCHEMA, record
from windowbench.workloads.ad_ctr.pair import parse_events
from windowbench.workloads.ad_ctr.spark import guard, parse


@pytest.fixture(scope="module")
def read(spark):
    """Read the whole table at once: names of the records that count, and the number of rejected ones."""
    table = {**malformed(), **out_of_time(), **odd_but_good()}
    rows = [(name, *record(value, ORIGIN_MS)) for name, value in table.items()]
    counts = Observation()
    raw = spark.createDataFrame(rows, f"name string, {RAW_SCHEMA}")
    kept = guard(parse(raw, keep=["name"]), RUN_ID, counts).collect()
    return kept, counts.get["rejected"]


def test_every_poison_record_is_rejected_and_every_odd_one_counts(read):
    kept, rejected = read
    assert {row.name for row in kept} == set(odd_but_good())
    assert rejected == len(malformed()) + len(out_of_time())


def test_a_record_that_counts_is_read_whole(read):
    kept, _ = read
    for row in kept:
        assert (row.event_type, row.campaign_id, row.produce_time) == ("view", 3, ORIGIN_MS), row.name


def test_the_model_reads_the_same_records_as_events():
    table = {**malformed(), **out_of_time(), **odd_but_good()}
    names = list(table)
    found = {names[position] for position in parse_events(list(table.values())).position}
    assert found == {*out_of_time(), *odd_but_good()}
