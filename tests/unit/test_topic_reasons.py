"""What topics say against a run, and who else than the engine may have spoilt its rows."""

import dataclasses

import pytest

from windowbench.judge.verdict.reasons import Party, ReasonCode, charge
from windowbench.judge.verdict.topics import came_in_transactions, shared_blame, strangers, topic_reasons
from windowbench.runs.files.load import TopicFigures
from windowbench.runs.files.topics import FoundTopic, LogAccount, PreparedTopic, TopicsFile

CLEAN = LogAccount(
    begin=0, end=20, begins_at=0, committed=20, in_transactions=0, aborted=0, markers=0, unfinished=0, removed=0
)


def topics(*, gone=(), ids=None, **fields):
    """Return a run's two topics; what is said of the fields of an account is said of the results."""
    account = dataclasses.replace(CLEAN, **fields)
    found = {
        "events": FoundTopic(id="e", partitions={"0": CLEAN, "1": CLEAN}),
        "rows": FoundTopic(id="r", partitions={"0": account}),
    }
    found = {
        name: dataclasses.replace(topic, id=(ids or {}).get(name, topic.id))
        for name, topic in found.items()
        if name not in gone
    }
    prepared = {
        "events": PreparedTopic(id="e", begins={"0": 0, "1": 0}),
        "rows": PreparedTopic(id="r", begins={"0": 0}),
    }
    return TopicsFile(events=("events",), results=("rows",), prepared=prepared, found=found)


def codes(reasons):
    return [(reason.party, reason.code) for reason in reasons]


def test_topics_that_were_left_alone_say_nothing():
    assert topic_reasons(topics(), rows_read=20) == []


def test_records_that_were_removed_make_a_run_invalid_by_name():
    (reason,) = topic_reasons(topics(removed=3, committed=17), rows_read=17)
    assert (reason.party, reason.code) == (Party.OUTSIDE, ReasonCode.RECORDS_REMOVED)
    assert "3 records of topic rows" in reason.text


@pytest.mark.parametrize("name", ["events", "rows"])
def test_a_topic_that_was_made_anew_or_is_gone_makes_a_run_invalid(name):
    for found, word in ((topics(ids={name: "x"}), "made anew"), (topics(gone=[name]), "gone")):
        (reason,) = topic_reasons(found, rows_read=20)
        assert (reason.party, reason.code) == (Party.OUTSIDE, ReasonCode.TOPIC_REPLACED)
        assert name in reason.text
        assert word in reason.text


def test_rows_that_are_committed_and_were_not_read_are_the_harness_s_fault():
    (reason,) = topic_reasons(topics(), rows_read=19)
    assert (reason.party, reason.code) == (Party.HARNESS, ReasonCode.RECORDS_UNREAD)


def test_a_transaction_that_nobody_ended_hides_what_follows_it_from_every_reader():
    assert topic_reasons(topics(unfinished=2, committed=18), rows_read=10) == []


def test_transactions_are_found_in_the_log_of_the_results():
    assert came_in_transactions(topics(in_transactions=1))
    assert not came_in_transactions(topics())
    assert not came_in_transactions(None)


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        (TopicFigures(end_records=2), []),
        (TopicFigures(foreign=1, end_records=2), [ReasonCode.EVENTS_FOREIGN]),
        (TopicFigures(end_records=3), [ReasonCode.END_FOREIGN]),
        (TopicFigures(foreign=1, end_records=4), [ReasonCode.EVENTS_FOREIGN, ReasonCode.END_FOREIGN]),
    ],
)
def test_records_of_strangers_and_an_end_too_many_are_told(load, expected):
    assert [code for _, code in codes(strangers(load, partitions=2))] == expected


WRONG = charge(Party.ENGINE, ReasonCode.ROWS_WRONG, "3 rows hold a wrong value")
LATE = charge(Party.GENERATOR, ReasonCode.ROWS_MISSING_EXPLAINED, "1 rows are missing")


def test_an_engine_whose_rows_are_wrong_beside_records_of_strangers_is_not_charged_alone():
    others = strangers(TopicFigures(foreign=500, end_records=4), partitions=2)
    found = shared_blame([LATE, WRONG], others)
    assert codes(found) == [
        (Party.OUTSIDE, ReasonCode.EVENTS_FOREIGN),
        (Party.OUTSIDE, ReasonCode.END_FOREIGN),
        (Party.GENERATOR, ReasonCode.ROWS_MISSING_EXPLAINED),
        (Party.OUTSIDE, ReasonCode.ROWS_WRONG),
    ]
    assert found[-1].text == "3 rows hold a wrong value; the engine or events_foreign or end_foreign explains it"


def test_where_every_row_is_right_strangers_did_no_harm():
    others = strangers(TopicFigures(foreign=500), partitions=2)
    assert shared_blame([LATE], others) == [LATE]


def test_an_engine_whose_rows_are_wrong_with_nobody_else_about_is_charged_alone():
    assert shared_blame([WRONG], []) == [WRONG]
