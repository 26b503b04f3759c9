"""The truth of one type of row: bounds of its integers, its texts, and the doubles that follow from them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from windowbench.judge.truth.comparison import Flags, Index, ValueJudgement, within_one_ulp
from windowbench.judge.truth.rows import ParsedRows
from windowbench.workloads.kit.json_rows import NEWEST_PRODUCE
from windowbench.workloads.kit.tally import Bounds
from windowbench.workloads.kit.truth import TalliedTruth, judged_once, ratio

Doubles = Callable[[Mapping[str, Index]], dict[str, NDArray[np.float64]]]


def no_doubles(row: Mapping[str, Index]) -> dict[str, NDArray[np.float64]]:
    """Return those of a type that has none."""
    del row
    return {}


@dataclass(frozen=True, kw_only=True)
class PartTruth(TalliedTruth):
    """Expected rows of one type: bounds of integers, codes of texts, and what gives doubles from integers.

    Where the truth is a set, any text is right. Of ranks, which events of any may change, `undecided` says it.
    """

    integers: Mapping[str, Bounds]
    texts: Mapping[str, Index] = field(default_factory=dict)
    doubles: Doubles = no_doubles
    undecided: Flags | None = None

    @property
    def undecidable(self) -> Flags:
        """Cells whose truth is a set."""
        return super().undecidable if self.undecided is None else self.undecided

    def judge(self, rows: ParsedRows, index: Index, cells: Index) -> ValueJudgement:
        """Compare the rows at `index` with the truth of their `cells`; every column exactly, doubles within 1 ulp."""
        found = {name: rows.integers[name][index] for name in (*self.integers, *self.texts)}
        undecidable = self.undecidable[cells]
        right = self.ends_fit(rows, index, cells)
        for name, bounds in self.integers.items():
            right &= self.approximated.get(name, bounds).hold(found[name], cells)
        for name, code in self.texts.items():
            right &= undecidable | (found[name] == code[cells])
        for name, expected in self.doubles(found).items():
            right &= within_one_ulp(rows.doubles[name][index], expected)
        produce, known = rows.integers[NEWEST_PRODUCE][index], self.tallied.produce_ms
        right &= np.where(undecidable, produce <= known.high[cells], produce == known.low[cells])
        excused = self.tallied.excused[:, cells].any(axis=0)
        return judged_once(right, undecidable=undecidable, explained=~right & excused)


def rates_of_traffic(size_ms: int, row: Mapping[str, Index]) -> dict[str, NDArray[np.float64]]:
    """Return the rates of traffic, of windows of that length."""
    return {
        "page_views_per_second": row["page_views"] * 1000 / size_ms,
        "bounce_rate": ratio(row["bounces"], row["sessions_ended"]),
        "mean_duration_ms": ratio(row["duration_ms"], row["sessions_ended"]),
    }


def rates_of_conversion(row: Mapping[str, Index]) -> dict[str, NDArray[np.float64]]:
    """Return the rates of conversion."""
    return {
        "conversion_rate": ratio(row["conversions"], row["sessions"]),
        "revenue_per_user": ratio(row["revenue_cents"], row["active_users"] * 100),
    }
