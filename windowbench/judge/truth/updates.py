"""What the rows of a key mean together where they are updates. Pure.

An engine in update mode writes the row of a key again whenever it has counted more events. Such rows may be many, and
each replaces the one before it. In the order of appending they must count more and more events, never more than there
are, until one holds the final value:

===================  =================================================================================
class                meaning
===================  =================================================================================
exact, undecidable   the final row: the first that holds the final value
intermediate         an update before it: consistent in itself, lacking events, nothing above the truth
backwards            counts fewer events than an update before it
duplicate            repeats the update before it
conflicting          counts as many events as the update before it, but others; or goes on after the final row
wrong value          no update: above the truth, or not consistent in itself
===================  =================================================================================

The final value is the truth. Where late events make it a set, it is the value in the set that counts most events. A
key whose updates stop short of it is missing.
"""

from __future__ import annotations

import numpy as np

from config import OutputMode
from windowbench.judge.truth.comparison import (
    Classified,
    Flags,
    Index,
    RowClass,
    Rules,
    ValueJudgement,
    equal_values,
    groups_of,
    single_rows,
)
from windowbench.judge.truth.rows import ParsedRows

_GROUP = 1 << 32
"""More than the events of any cell."""


def rules_of(mode: OutputMode) -> Rules:
    """Return what the rows of one key mean together in an output mode."""
    return update_rows if mode == "update" else single_rows


def update_rows(parsed: ParsedRows, order: Index, cells: Index, judged: ValueJudgement) -> Classified:
    """Classify rows that are updates."""
    group, starts = groups_of(cells)
    possible = judged.right | judged.partial
    events = np.where(possible, judged.events, 0)
    most = _most_before(group, starts, events)
    goes_back = possible & (events < most)
    stands = possible & (events == most) & (most > 0)
    positions = np.arange(len(order))
    final = _final_positions(group, starts, events, judged.right)

    classes = np.where(possible, RowClass.INTERMEDIATE, RowClass.WRONG_VALUE).astype(np.uint8)
    classes[possible & (positions > final)] = RowClass.CONFLICTING
    classes[goes_back] = RowClass.BACKWARDS
    repeats = np.flatnonzero(stands)
    same = equal_values(parsed, order[repeats], order[_last_before(possible & (events > most))[repeats]])
    classes[repeats] = np.where(same, RowClass.DUPLICATE, RowClass.CONFLICTING)
    is_final = positions == final
    classes[is_final] = np.where(judged.undecidable[is_final], RowClass.UNDECIDABLE, RowClass.EXACT)

    is_last = np.concatenate((cells[1:] != cells[:-1], [True]))
    return Classified(
        classes=classes,
        counts=is_final,
        answers=is_final,
        explained=np.zeros(len(order), dtype=np.bool_),
        explains_absence=is_last & judged.explained,
    )


def _most_before(group: Index, starts: Index, events: Index) -> Index:
    """Return for each row the most events that a row before it in its group counts, 0 for the first."""
    running = np.maximum.accumulate(group * _GROUP + events) - group * _GROUP
    before = np.concatenate(([0], running[:-1]))
    before[starts] = 0
    return before


def _final_positions(group: Index, starts: Index, events: Index, right: Flags) -> Index:
    """Return for each row where the final row of its group is, a position beyond all rows where there is none."""
    counted = np.where(right, events, -1)
    most = np.maximum.reduceat(counted, starts)[group]
    positions = np.where(right & (counted == most), np.arange(len(events)), len(events))
    return np.asarray(np.minimum.reduceat(positions, starts)[group])


def _last_before(flags: Flags) -> Index:
    """Return for each row the position of the last flagged row before it, in whatever group."""
    latest = np.maximum.accumulate(np.where(flags, np.arange(len(flags)), 0))
    return np.concatenate(([0], latest[:-1]))
