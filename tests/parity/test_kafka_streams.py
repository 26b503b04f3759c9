"""Kafka Streams against the tables of cases, with its stores as they come and as they are tuned."""

import json

import pytest

from tests.parity import revision_rows
from tests.parity.cases import CASES, ORIGIN_MS, PARTITION_CASES, STREAM_CASES, S, StreamCase, view
from tests.parity.kafka_streams_rows import NOW_MS, end, record, record_of, replay
from tests.parity.oracle_rows import case_config
from tests.parity.poison import good_event, malformed, odd_but_good, out_of_time
from tests.parity.revision_cases import REVISION_CASES, RevisionCase, click, impression, in_order
from tests.parity.spark_rows import row_dict
from windowbench.engines.kafka_streams.given import REFUSED, WORKLOADS, check_workload
from windowbench.settings.knobs import ConfigError
from windowbench.workloads import WORKLOADS as ALL_WORKLOADS
from windowbench.workloads.product_ctr.settings import KINDS

pytestmark = pytest.mark.timeout(300)

PRESETS = ("stock", "tuned")
WHOLE = StreamCase("whole", (), (), delay_ms=0)
DAY_MS = 86_400_000


def named(case):
    return case.name


def by_key(rows):
    return sorted(rows, key=lambda row: (row["window_start"], row["campaign_id"]))


def product_record(event):
    return record(json.dumps(event.payload).encode(), event.produce_ms, KINDS.index(event.kind))


def product_job(case):
    batches = [[product_record(event) for event in batch] for batch in case.batches]
    return revision_rows.case_config(case), [*batches, [end(topic=topic) for topic in range(len(KINDS))]]


@pytest.fixture(scope="module", params=PRESETS)
def answers(request, java_home, tmp_path_factory):
    """Give what comes of every case, by the table and its name."""
    jobs = {
        ("static", case.name): (case_config(case, DAY_MS), [[*map(record_of, case.events)], [end()]]) for case in CASES
    }
    for case in STREAM_CASES:
        batches = [[*map(record_of, batch)] for batch in case.batches]
        jobs["stream", case.name] = case_config(case, case.delay_ms), [*batches, [end()]]
    for case in PARTITION_CASES:
        batches = [[record_of(event) for _, event in batch] for batch in case.batches]
        jobs["partitions", case.name] = case_config(case, case.delay_ms), [*batches, [end()]]
    for case in REVISION_CASES:
        jobs["revisions", case.name] = product_job(case)
    directory = tmp_path_factory.mktemp(f"kafka-streams-{request.param}")
    outcomes = replay(java_home, directory, jobs.values(), preset=request.param)
    return dict(zip(jobs, outcomes, strict=True))


@pytest.fixture(scope="module")
def run(java_home, tmp_path_factory):
    """Run batches of one configuration."""

    def run_one(config, *batches, **options):
        return replay(java_home, tmp_path_factory.mktemp("kafka-streams"), [(config, batches)], **options)[0]

    return run_one


@pytest.mark.parametrize("case", CASES, ids=named)
def test_rows_of_events_that_all_count(answers, case):
    outcome = answers["static", case.name]
    wanted = by_key(row_dict(case, row, ORIGIN_MS) for row in case.rows)
    assert by_key(row for _, row in outcome.rows) == wanted
    assert all(key == f"{row['campaign_id']}:{row['window_start']}" for key, row in outcome.rows)
    assert (outcome.rejected, outcome.position) == (0, {"0": len(case.events) + 1})


@pytest.mark.parametrize("case", STREAM_CASES, ids=named)
def test_what_a_watermark_leaves(answers, case):
    outcome = answers["stream", case.name]
    assert by_key(row for _, row in outcome.rows) == by_key(row_dict(case, row, ORIGIN_MS) for row in case.rows)


@pytest.mark.parametrize("case", PARTITION_CASES, ids=named)
def test_stream_time_is_the_greatest_event_time_of_all_partitions(answers, case):
    outcome = answers["partitions", case.name]
    wanted = by_key(row_dict(case, row, ORIGIN_MS) for row in case.greatest_rows)
    assert by_key(row for _, row in outcome.rows) == wanted


@pytest.mark.parametrize("case", REVISION_CASES, ids=named)
def test_first_values_and_revisions(answers, case):
    outcome = answers["revisions", case.name]
    assert sorted((row for _, row in outcome.rows), key=in_order) == case.rows
    assert all(key == f"{row['product_id']}:{row['window_start']}" for key, row in outcome.rows)


def test_a_first_value_comes_with_the_watermark_and_a_revision_with_its_event(run):
    case = RevisionCase(
        "in turn", ((impression(1, 4 * S),), (impression(1, 13 * S),), (click(1, 9 * S), click(1, 8 * S))), ()
    )
    config, batches = product_job(case)
    came = [[row["revision"] for _, row in batch] for batch in run(config, *batches).batches]
    assert came == [[], [0], [1, 2], [0]]


def test_every_poison_record_is_rejected_and_every_odd_one_counts(run):
    values = [*malformed().values(), *out_of_time().values(), *odd_but_good().values()]
    outcome = run(case_config(WHOLE, DAY_MS), [record(value, ORIGIN_MS) for value in values], [end()])
    assert outcome.rejected == len(malformed()) + len(out_of_time())
    assert sum(row["events"] for _, row in outcome.rows) == len(odd_but_good())
    assert outcome.position == {"0": len(values) + 1}


def test_each_poison_record_is_told_from_the_odd_ones_by_name(run):
    table = {**malformed(), **out_of_time(), **odd_but_good()}
    values = []
    for number, value in enumerate(table.values()):
        changed = None if value is None else value.replace(b'"campaign_id": 3', b'"campaign_id": %d' % (100 + number))
        values.append(record(changed, ORIGIN_MS))
    outcome = run(case_config(WHOLE, DAY_MS), values, [end()])
    names = list(table)
    counted = {names[row["campaign_id"] - 100] for _, row in outcome.rows if row["campaign_id"] >= 100}
    assert counted - set(odd_but_good()) == set()


def test_the_last_window_appears_with_end_and_only_with_the_end_of_this_run(run):
    config = case_config(WHOLE, 3_000)
    first = [record_of(view(1, 4 * S)), record_of(view(2, 5 * S))]
    foreign = [end("another-run"), end(event_time_ns=4_102_444_799 * S)]
    outcome = run(config, first, foreign, [end(), end()], [record_of(view(1, 6 * S))])
    assert [{row["campaign_id"] for _, row in batch} for batch in outcome.batches] == [set(), set(), {1, 2}, set()]
    assert outcome.rejected == 2


def test_windows_close_only_when_end_of_every_source_has_come(run):
    case = RevisionCase("ends", (), ())
    events = [product_record(impression(1, 4 * S)), product_record(click(1, 5 * S))]
    outcome = run(revision_rows.case_config(case), events, [end(topic=0)], [end(topic=0)], [end(topic=1)])
    assert [len(batch) for batch in outcome.batches] == [0, 0, 0, 1]
    assert outcome.position == {"0": 3, "1": 2}


def test_a_source_that_is_read_faster_closes_no_window_of_one_that_is_slower(run):
    config = revision_rows.case_config(RevisionCase("ahead", (), ()))
    batches = [
        [product_record(event) for event in batch]
        for batch in (
            (impression(1, 1 * S), click(1, 1 * S)),
            (impression(1, 20 * S),),
            (click(1, 5 * S),),
            (click(1, 20 * S),),
        )
    ]
    outcome = run(config, *batches, [end(topic=0), end(topic=1)], idle_ms=0)
    came = [[(row["impressions"], row["clicks"], row["revision"]) for _, row in batch] for batch in outcome.batches]
    assert came == [[], [], [], [(1, 2, 0)], [(1, 1, 0)]]
    assert outcome.position == {"0": 3, "1": 4}


def test_what_waits_for_a_slower_source_is_not_said_to_be_counted(run):
    config = revision_rows.case_config(RevisionCase("waits", (), ()))
    first = [product_record(impression(1, 1 * S)), product_record(click(1, 1 * S))]
    outcome = run(config, first, [product_record(impression(1, 20 * S))], idle_ms=0)
    assert outcome.position == {"0": 1, "1": 1}
    assert run(config, first, [product_record(impression(1, 20 * S))]).position == {"0": 2, "1": 1}


def test_an_event_in_the_topic_of_the_other_kind_is_rejected(run):
    case = RevisionCase("kinds", (), ())
    values = [
        record(json.dumps(event.payload).encode(), event.produce_ms, topic)
        for event in (impression(1, 4 * S), click(1, 5 * S))
        for topic in range(len(KINDS))
    ]
    outcome = run(revision_rows.case_config(case), values, [end(topic=0), end(topic=1)])
    assert outcome.rejected == 2
    assert [(row["impressions"], row["clicks"]) for _, row in outcome.rows] == [(1, 1)]


def test_records_that_are_no_events_move_the_position_all_the_same(run):
    outcome = run(case_config(WHOLE, 0), [record(b"nonsense", NOW_MS)] * 3)
    assert (outcome.rejected, outcome.position) == (3, {"0": 3})


def test_a_run_id_is_quoted_in_rows(run):
    config = case_config(WHOLE, 0).replace(run_id="a-b.c_d")
    outcome = run(config, [record(json.dumps(good_event()).encode(), ORIGIN_MS)], [end("a-b.c_d")])
    assert [row["run_id"] for _, row in outcome.rows] == ["a-b.c_d"]


def test_every_workload_is_done_or_refused_with_its_reason():
    assert set(WORKLOADS) | set(REFUSED) == set(ALL_WORKLOADS)
    for workload, reason in REFUSED.items():
        with pytest.raises(ConfigError, match=f"{workload}.*{reason}"):
            check_workload(workload)
