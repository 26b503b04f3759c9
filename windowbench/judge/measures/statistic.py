"""Statistics of a run by their names, such as ``excess_p90_ms``: what thresholds and objectives are about. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from windowbench.judge.measures.latency import LATENCIES
from windowbench.runs.files.summary import Summary
from windowbench.settings.knobs import ConfigError, nearest

VISIBLE = "visible_"
"""Begins the names of latencies until a consumer of committed records has the row."""
PERCENTS = ("p50", "p90", "p95", "p99", "max")


@dataclass(frozen=True, kw_only=True, slots=True)
class LatencyStatistic:
    """A percentile of a latency over the rows of measured windows, in ms."""

    latency: str
    percent: str

    @property
    def is_visible(self) -> bool:
        """Whether only a run has it that observes when rows become visible."""
        return self.latency.startswith(VISIBLE)

    @property
    def name(self) -> str:
        """The name that :func:`latency_statistic` reads."""
        return f"{self.latency}_{self.percent}_ms"

    def of(self, summary: Summary) -> float | None:
        """Return its value, None where the run has no such rows."""
        latency = summary.latencies_ms.get(self.latency)
        value: float | None = None if latency is None else getattr(latency, self.percent)
        return value


STATISTICS = {
    statistic.name: statistic
    for statistic in (
        LatencyStatistic(latency=f"{until}{latency}", percent=percent)
        for until in ("", VISIBLE)
        for latency in LATENCIES
        for percent in PERCENTS
    )
}


def latency_statistic(name: str) -> LatencyStatistic:
    """Return the statistic of a name.

    Raises
    ------
    ConfigError
        When there is none; the message names the nearest.
    """
    if name not in STATISTICS:
        msg = f"there is no statistic {name!r}{nearest(name, STATISTICS)}"
        raise ConfigError(msg)
    return STATISTICS[name]
