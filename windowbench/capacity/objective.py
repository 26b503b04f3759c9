"""Service level objectives: bounds that the latencies of a run must keep, such as ``excess_p90_ms<=1500``. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from windowbench.judge.measures.statistic import LatencyStatistic, latency_statistic
from windowbench.runs.files.summary import Summary
from windowbench.settings.knobs import ConfigError

_FORM = re.compile(r"\s*(?P<name>\w+)\s*(?P<sign><=?)\s*(?P<bound>[^\s<]+)\s*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Objective:
    """One bound in ms, `strict` where the value must stay below it."""

    statistic: LatencyStatistic
    bound_ms: float
    strict: bool = False

    def __str__(self) -> str:
        return f"{self.statistic.name}{'<' if self.strict else '<='}{self.bound_ms:g}"

    def met_by(self, summary: Summary) -> bool:
        """Whether a run keeps the bound; one without the figure does not."""
        value = self.statistic.of(summary)
        if value is None:
            return False
        return value < self.bound_ms if self.strict else value <= self.bound_ms


def parse_objective(text: str) -> Objective:
    """Return the objective that a text such as ``excess_p90_ms<=1500`` names.

    Raises
    ------
    ConfigError
        When it is malformed, names no known statistic, or bounds it by nothing a latency could keep.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        msg = f"an objective is STATISTIC<=MILLISECONDS, such as excess_p90_ms<=1500, not {text!r}"
        raise ConfigError(msg)
    try:
        bound = float(found["bound"])
    except ValueError:
        bound = math.nan
    if not (math.isfinite(bound) and bound > 0):
        msg = f"the bound of an objective is a number of ms above 0, not {found['bound']!r} (in {text!r})"
        raise ConfigError(msg)
    return Objective(statistic=latency_statistic(found["name"]), bound_ms=bound, strict=found["sign"] == "<")
