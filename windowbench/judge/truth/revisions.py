"""What the rows of a key mean together where late events revise a result. Pure.

An engine with allowed lateness writes the first value of a window once the watermark has passed it, and a further row
whenever late events have changed it. Engines may gather late events, so how many revisions there are is their affair.
In the order of appending:

* the first value counts every event that had to be in time, and none that came after it;
* each revision counts more events than the one before it, never more than there are, and its number is one higher;
* the last of them is the final value.

Classes are those of :mod:`windowbench.judge.truth.updates`, where a first value or a revision on the way is
*intermediate*. A row whose number is not the next one, or that may not be first and is, is a wrong value; a
row that repeats the one before it, number and all, is a duplicate.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from windowbench.judge.truth.comparison import Classified, Index, RowClass, Rules, ValueJudgement, groups_of
from windowbench.judge.truth.rows import ParsedRows
from windowbench.judge.truth.updates import update_rows

_IN_CHAIN = (RowClass.EXACT, RowClass.UNDECIDABLE, RowClass.INTERMEDIATE)


def revised_rows(number: str) -> Rules:
    """Return the rules of rows that carry the number of their revision, 0 for the first, in the column `number`."""

    def classify(parsed: ParsedRows, order: Index, cells: Index, judged: ValueJudgement) -> Classified:
        found = update_rows(parsed, order, cells, judged)
        in_chain = np.isin(found.classes, _IN_CHAIN)
        group, starts = groups_of(cells)
        before: Index = np.cumsum(in_chain) - in_chain
        place: Index = before - before[starts][group]
        broken = in_chain & (parsed.integers[number][order] != place)
        if judged.first is not None:
            broken |= in_chain & (place == 0) & ~judged.first
        classes = np.where(broken, RowClass.WRONG_VALUE, found.classes).astype(np.uint8)
        return dataclasses.replace(
            found, classes=classes, counts=found.counts & ~broken, answers=found.answers & ~broken
        )

    return classify
