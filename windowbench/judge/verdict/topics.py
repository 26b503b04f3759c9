"""What the topics themselves say against a run, and what others than the engine may have done to its rows. Pure.

What the harness can see decides. Where a topic was made anew, or records of it are gone, no row can be trusted, however
right the rest is. Records of strangers among the events, or an END that this run did not write, do no harm where every
row is right. Where rows are wrong they may be why, so the engine is not charged alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from windowbench.judge.verdict.reasons import Party, ReasonCode, charge
from windowbench.runs.files.load import TopicFigures
from windowbench.runs.files.topics import TopicsFile
from windowbench.runs.files.verdict import Reason


def topic_reasons(topics: TopicsFile, *, rows_read: int) -> list[Reason]:
    """Return what the topics say against a run, whatever its rows are.

    Parameters
    ----------
    topics : TopicsFile
    rows_read : int
        Records of the topics of results that the run recorded.
    """
    found = []
    for name, before in topics.prepared.items():
        after = topics.found.get(name)
        if after is None or after.id != before.id:
            what = "is gone" if after is None else "was made anew"
            found.append(charge(Party.OUTSIDE, ReasonCode.TOPIC_REPLACED, f"topic {name} {what} during the run"))
        elif removed := after.total("removed"):
            text = f"{removed} records of topic {name} were removed before they were read"
            found.append(charge(Party.OUTSIDE, ReasonCode.RECORDS_REMOVED, text))
    results = [topics.found[name] for name in topics.results if name in topics.found]
    committed = sum(topic.total("committed") for topic in results)
    if not found and committed != rows_read and not any(topic.total("unfinished") for topic in results):
        text = f"{rows_read} records of results were read, {committed} are committed"
        found.append(charge(Party.HARNESS, ReasonCode.RECORDS_UNREAD, text))
    return found


def came_in_transactions(topics: TopicsFile | None) -> bool:
    """Whether rows came in transactions, whatever the engine says of itself."""
    if topics is None:
        return False
    return any(topics.found[name].total("in_transactions") for name in topics.results if name in topics.found)


def strangers(load: TopicFigures, *, partitions: int) -> list[Reason]:
    """Return what others wrote among the events that an engine may have counted.

    Parameters
    ----------
    load : TopicFigures
    partitions : int
        Partitions that hold events; the run writes one END record to each.
    """
    found = []
    if load.foreign:
        text = f"{load.foreign} records in the topics of events are none of this run's"
        found.append(charge(Party.OUTSIDE, ReasonCode.EVENTS_FOREIGN, text))
    if load.end_records > partitions:
        text = f"{load.end_records} END records of this run are there, {partitions} were written"
        found.append(charge(Party.OUTSIDE, ReasonCode.END_FOREIGN, text))
    return found


def shared_blame(rows: Sequence[Reason], others: Sequence[Reason]) -> list[Reason]:
    """Return the reasons of rows with what else may explain them: then the engine is not charged alone."""
    charged = [reason for reason in rows if reason.party is Party.ENGINE]
    if not charged or not others:
        return list(rows)
    named = " or ".join(dict.fromkeys(str(reason.code) for reason in others))
    return [
        *others,
        *(
            dataclasses.replace(reason, party=Party.OUTSIDE, text=f"{reason.text}; the engine or {named} explains it")
            if reason.party is Party.ENGINE
            else reason
            for reason in rows
        ),
    ]
