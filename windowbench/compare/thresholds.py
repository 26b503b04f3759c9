"""``--fail-on 'excess_p90_ms>+5%'``: by how much an arm may be slower than the base. Pure.

A threshold is missed when the whole 95 % interval lies beyond it. Where only the estimate does, more runs are needed
to tell; that is called inconclusive and is no failure.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from config import ConfigError
from windowbench.compare.figures import PERCENTS
from windowbench.compare.ranking import COMMON
from windowbench.errors import ExitCode
from windowbench.runs.files.comparison import ArmDifference, JudgedThreshold, Outcome, ThresholdResult
from windowbench.runs.files.figures import Interval

EXAMPLE = "excess_p90_ms>+5% or since_window_end_p50_ms>+20ms"
_EXPRESSION = re.compile(
    r"\s*(?P<metric>[a-z][a-z0-9_]*)_p(?P<percent>\d+)_ms\s*>\s*(?P<limit>[+-]\d+(\.\d+)?)\s*(?P<unit>%|ms)?\s*"
)


def parse_threshold(expression: str) -> JudgedThreshold:
    """Return the threshold that an expression means, before it has judged anything.

    Raises
    ------
    ConfigError
        When it means none; the message shows an example.
    """
    match = _EXPRESSION.fullmatch(expression)
    if match is None:
        msg = f"--fail-on {expression!r} is no threshold; write METRIC>+N% or METRIC>+Nms, such as {EXAMPLE}"
        raise ConfigError(msg)
    percent = int(match["percent"])
    if percent not in PERCENTS:
        msg = (
            f"--fail-on {expression!r}: only {' and '.join(f'p{p}' for p in PERCENTS)} are compared; such as {EXAMPLE}"
        )
        raise ConfigError(msg)
    return JudgedThreshold(
        expression=expression.strip(),
        metric=f"{match['metric']}_ms",
        percent=percent,
        limit=float(match["limit"]),
        unit=match["unit"] or "ms",
        results=(),
    )


def evaluate(
    threshold: JudgedThreshold, arms: Sequence[str], differences: Sequence[ArmDifference], known: Sequence[str]
) -> JudgedThreshold:
    """Return what a threshold says of each arm but the base, as the comparison holds it; `known` are the metrics.

    Raises
    ------
    ConfigError
        When there is no such metric, it must not be compared between these arms, or there is no percentage of the base.
    """
    if known and threshold.metric not in known:
        names = ", ".join(name.removesuffix("_ms") + "_p90_ms" for name in known)
        msg = f"--fail-on {threshold.expression!r}: these runs have no {threshold.metric}; there are {names}"
        raise ConfigError(msg)
    chosen = {
        entry.arm: entry
        for entry in differences
        if (entry.metric, entry.percent) == (threshold.metric, threshold.percent)
    }
    return dataclasses.replace(threshold, results=tuple(_result(threshold, arm, chosen.get(arm)) for arm in arms))


def _result(threshold: JudgedThreshold, arm: str, difference: ArmDifference | None) -> ThresholdResult:
    if difference is None:
        return _outcome(arm, "undecided", "it has no valid run to compare")
    if not difference.ranks:
        msg = (
            f"--fail-on {threshold.expression!r}: {threshold.metric} does not mean the same for {difference.base}"
            f" and {arm}; compare them by {COMMON}_p{threshold.percent}_ms"
        )
        raise ConfigError(msg)
    if threshold.unit == "%" and difference.base_value_ms <= 0:
        msg = (
            f"--fail-on {threshold.expression!r}: {threshold.metric} of the base {difference.base} is"
            f" {difference.base_value_ms:.1f} ms, and there is no percentage of that; give a limit in ms"
        )
        raise ConfigError(msg)
    found = difference.change_percent if threshold.unit == "%" else difference.difference_ms
    value, interval = found.value, found.interval
    assert value is not None  # there is a base to have a percentage of
    figures = f"{value:+.1f}{threshold.unit}"
    if interval is None:
        return _outcome(arm, "undecided", f"{figures}, {found.note}", value)
    figures = f"{figures} ({interval[0]:+.1f} to {interval[1]:+.1f})"
    if interval[0] > threshold.limit:
        return _outcome(arm, "missed", f"{figures}: beyond the limit", value, interval)
    if value > threshold.limit:
        return _outcome(arm, "inconclusive", f"{figures}: beyond the limit, but not surely", value, interval)
    return _outcome(arm, "kept", figures, value, interval)


def _outcome(
    arm: str, outcome: Outcome, text: str, value: float | None = None, interval: Interval | None = None
) -> ThresholdResult:
    return ThresholdResult(arm=arm, value=value, interval=interval, outcome=outcome, text=text)


def exit_code_of(thresholds: Sequence[JudgedThreshold]) -> ExitCode:
    """Return the exit code that evaluated thresholds ask for."""
    missed = any(result.outcome == "missed" for threshold in thresholds for result in threshold.results)
    return ExitCode.THRESHOLD_MISSED if missed else ExitCode.OK
