"""The adding up that all truths share, against one event after the other."""

from collections import Counter, defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from config import MUST_COUNT_MARGIN_MS
from windowbench.judge.truth.oracle import Evidence
from windowbench.judge.truth.replay import UNSENT
from windowbench.workloads.kit.joined import ListedWindows
from windowbench.workloads.kit.tally import NEVER, NONE, Sendings, Tally

MS = 1_000_000
CLOSING_MS = [1_000, 1_500, 4_000]
KEYS, KINDS = 2, 2
CELLS = len(CLOSING_MS) * KEYS
WINDOWS = ListedWindows(
    ids=np.arange(3),
    starts_ms=np.zeros(3, dtype=np.int64),
    ends_ms=np.zeros(3, dtype=np.int64),
    closing_ns=np.array(CLOSING_MS, dtype=np.int64) * MS,
    by_end=np.array([False, False, True]),
    partition_wait_ns=np.zeros(3, dtype=np.int64),
)
EVENT = st.fixed_dictionaries(
    {
        "due": st.integers(0, 2_000),
        "late": st.one_of(st.none(), st.integers(0, 900)),
        "unseen": st.booleans(),
        "window": st.integers(0, 2),
        "key": st.integers(0, KEYS - 1),
        "kind": st.integers(0, KINDS - 1),
        "repeats": st.booleans(),
        "cost": st.integers(0, 50),
    }
)


def one_by_one(events, answered_ms, ack_ms, unnamed):
    """Return what events add up to, by the rules as they are in words."""
    found = defaultdict(Counter)
    greatest = {name: [NONE] * CELLS for name in ("must", "all")}
    for event in events:
        window, cell = event["window"], event["window"] * KEYS + event["key"]
        closes = NEVER if window == 2 else CLOSING_MS[window]
        sent = None if event["late"] is None else event["due"] + event["late"]
        must = event["due"] < closes - MUST_COUNT_MARGIN_MS
        seen = sent is not None and not event["unseen"]
        maybe = not must and seen and (answered_ms is None or sent <= answered_ms[cell])
        if must or maybe:
            greatest["all"][cell] = max(greatest["all"][cell], NONE if sent is None else sent)
        if event["repeats"]:
            continue
        for name, holds in (("must", must), ("maybe", maybe)):
            if holds:
                found[name][event["kind"], cell] += 1
                found[name + " cost"][cell] += event["cost"]
        if must:
            greatest["must"][cell] = max(greatest["must"][cell], NONE if sent is None else sent)
            if unnamed or not seen or sent >= closes - ack_ms:
                found["excused"][event["kind"], cell] += 1
    return found, greatest


@given(
    st.lists(EVENT, max_size=30),
    st.one_of(st.none(), st.lists(st.integers(0, 2_900), min_size=CELLS, max_size=CELLS)),
    st.integers(0, 300),
    st.booleans(),
    st.integers(0, 30),
)
def test_events_are_added_up_as_if_one_after_the_other(events, answered_ms, ack_ms, unnamed, cut):
    answered = None if answered_ms is None else np.array(answered_ms, dtype=np.int64)
    evidence = Evidence(answered_ms=answered, greatest_ack_ms=float(ack_ms), withheld_unnamed=unnamed)
    tally = Tally(WINDOWS, CELLS, evidence, kinds=KINDS, sums=("cost",))
    for part in (events[:cut], events[cut:]):

        def column(name, part=part, kind=np.int64):
            return np.array([event[name] for event in part], dtype=kind)

        due, late = column("due"), np.array([-1 if e["late"] is None else e["late"] for e in part], dtype=np.int64)
        sent_ns = np.where(late < 0, UNSENT, (due + late) * MS)
        tally.add(
            Sendings(due * MS, sent_ns, (late < 0) | column("unseen", kind=np.bool_)),
            column("window"),
            column("window") * KEYS + column("key"),
            kinds=column("kind"),
            repeats=column("repeats", kind=np.bool_),
            cost=column("cost"),
        )
    found, greatest = one_by_one(events, answered_ms, ack_ms, unnamed)
    tallied = tally.finish()
    for name, counts in (("must", tallied.must), ("maybe", tallied.maybe), ("excused", tallied.excused)):
        assert {(k, c): n for (k, c), n in np.ndenumerate(counts) if n} == dict(found[name]), name
    costs = tallied.sums["cost"]
    assert costs.low.tolist() == [found["must cost"][cell] for cell in range(CELLS)]
    assert (costs.high - costs.low).tolist() == [found["maybe cost"][cell] for cell in range(CELLS)]
    assert tallied.produce_ms.low.tolist() == greatest["must"]
    assert tallied.produce_ms.high.tolist() == greatest["all"]
