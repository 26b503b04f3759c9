"""Which rate to probe next, and what the probes add up to. Pure.

A search is a fold over its history: :func:`next_step` gets every probe so far and says what to do next, so that it can
be tested without an engine and told from its record why it did what it did. How it goes:

* **Bracket.** From the start rate, up by a factor while rates pass, or down while they fail, until a rate that passed
  lies below one that failed.
* **Bisect** the bracket at its geometric mean until it is as narrow as the tolerance. Where an overloaded probe showed
  how much got through, that figure is tried first, a few times; a cliff makes it useless, so bisection does not rest
  on it.
* **Repeat.** Near the limit chance decides. A failure is no bound of the answer until it failed twice; an inconclusive
  probe is retried once. A failure whose repetition passes is no bound at all, and the search goes on above it.
* **Confirm** the highest rate that passed by a full run, which counts for more than any number of probes: where it
  fails, full runs go down in doubling steps until one passes, and then halve what they have left between them.

The answer is always a rate that passed and that no full run has refuted; the bracket is its uncertainty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from windowbench.runs.files.capacity import Found, Outcome, Plan

_MOST_HINTED = 3
"""Probes that follow a figure of throughput; after them the middle of the bracket decides alone."""
_CONCLUSIVE = 2
"""How often a rate must fail before it bounds the answer, and how often an inconclusive one is tried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """What is known of one attempt at a rate.

    Attributes
    ----------
    rate : float
        Events/s offered.
    full : bool
        Whether it was a full run, with the warm-up and the length of one that is quoted.
    throughput : float or None
        Events/s that got through where they were fewer than offered.
    """

    rate: float
    outcome: Outcome
    full: bool = False
    throughput: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeLeft:
    """What is left of the time for all of it, and what a probe and a full run take of it, in s."""

    left_s: float = math.inf
    probe_s: float = 0.0
    full_s: float = 0.0

    @property
    def allows_probe(self) -> bool:
        """Whether a probe can be made that leaves time for the full run."""
        return self.left_s >= self.probe_s + self.full_s

    @property
    def allows_full(self) -> bool:
        """Whether a full run can be made."""
        return self.left_s >= self.full_s


@dataclass(frozen=True, kw_only=True, slots=True)
class Try:
    """Probe this rate next."""

    rate: float
    full: bool
    why: str


class History:
    """The probes so far, by rate."""

    def __init__(self, probes: Sequence[Probe]) -> None:
        """Keep the probes, in their order."""
        self.probes = probes
        self._at: dict[float, list[Probe]] = {}
        for probe in probes:
            self._at.setdefault(probe.rate, []).append(probe)
        refuted = [rate for rate in self._at if self._full(rate) and not self.passed(rate)]
        self.refuted = min(refuted, default=math.inf)
        """Lowest rate at which a full run failed; probes at or above it have nothing to say any more."""
        passed = [rate for rate in self._at if rate < self.refuted and self.passed(rate)]
        self.low = max([rate for rate in passed if self.confirmed(rate)] or passed, default=None)
        """Highest rate that passed, by a full run where one did."""
        self.high = min((rate for rate in self._at if self._bounds(rate)), default=None)

    def at(self, rate: float, *, full: bool | None = None) -> list[Probe]:
        """Return the probes at a rate, all or only those (not) of full length."""
        return [probe for probe in self._at.get(rate, []) if full is None or probe.full is full]

    def _full(self, rate: float) -> list[Probe]:
        """Return the full runs at a rate that had a result."""
        return [probe for probe in self.at(rate, full=True) if probe.outcome is not Outcome.INCONCLUSIVE]

    def passed(self, rate: float) -> bool:
        """Whether a rate counts as sustained: its latest full run passed, or any of its probes where there is none."""
        full = self._full(rate)
        if full:
            return full[-1].outcome is Outcome.SUSTAINABLE
        return any(probe.outcome is Outcome.SUSTAINABLE for probe in self.at(rate))

    def confirmed(self, rate: float) -> bool:
        """Whether a full run passed at a rate."""
        return any(probe.outcome is Outcome.SUSTAINABLE for probe in self._full(rate))

    def _bounds(self, rate: float) -> bool:
        """Whether a rate bounds the answer from above; a failure below a rate that passed was chance."""
        return not self.passed(rate) and (self.low is None or rate > self.low)

    def is_firm(self, rate: float) -> bool:
        """Whether a rate that failed is certain to bound the answer."""
        return self.refuted <= rate or len(self.at(rate)) >= _CONCLUSIVE

    def limited_by(self, rate: float) -> Outcome:
        """Return what failed at a rate; what was not the engine's comes first."""
        failures = [p.outcome for p in self._full(rate) or self.at(rate) if p.outcome is not Outcome.SUSTAINABLE]
        others = [outcome for outcome in failures if not outcome.is_the_engines]
        named = [outcome for outcome in others if outcome is not Outcome.INCONCLUSIVE]
        return (named or [o for o in failures if o is not Outcome.INCONCLUSIVE] or others)[-1]


def next_step(probes: Sequence[Probe], plan: Plan, time: TimeLeft | None = None) -> Try | Found:
    """Say what to do after these probes.

    Parameters
    ----------
    probes : sequence of Probe
        All so far, in their order.
    time : TimeLeft, optional
        Unlimited when None.

    Notes
    -----
    It ends: bracketing moves by a factor within bounds, each further rate lies strictly within the bracket, no rate
    gets more than two probes, and the number of probes is limited; full runs go down by a factor to the lowest rate.
    """
    time = time or TimeLeft()
    history = History(probes)
    if any(probe.full for probe in probes):
        return _after_confirmation(history, plan, time)
    spent = len(probes) >= plan.most_probes or not time.allows_probe
    wanted = _wanted(history, plan)
    if wanted is not None and not spent:
        return wanted
    if history.low is not None and time.allows_full:
        return Try(rate=history.low, full=True, why="confirm")
    return _found(history, plan)


def _wanted(history: History, plan: Plan) -> Try | None:
    """Return the short probe that would tell most, None where the bracket is narrow enough and firm."""
    last = history.probes[-1] if history.probes else None
    if last is None:
        return Try(rate=plan.start, full=False, why="start")
    if last.outcome is Outcome.INCONCLUSIVE and len(history.at(last.rate)) < _CONCLUSIVE:
        return Try(rate=last.rate, full=False, why="retry")
    low, high = history.low, history.high
    if high is None:
        assert low is not None  # a probe that does not bound from above has passed
        return None if low >= plan.highest else _short(low * plan.factor, plan, "up")
    if low is None:
        if high > plan.lowest:
            return _short(high / plan.factor, plan, "down")
    elif high > low * (1 + plan.tolerance):
        return _between(history, low, high, plan)
    return None if history.is_firm(high) else Try(rate=high, full=False, why="repeat")


def _short(rate: float, plan: Plan, why: str) -> Try:
    return Try(rate=min(max(_rounded(rate), plan.lowest), plan.highest), full=False, why=why)


def _between(history: History, low: float, high: float, plan: Plan) -> Try:
    """Return a rate within the bracket: just below or above what got through, or the middle."""
    hints = [probe.throughput for probe in history.at(high) if probe.throughput is not None]
    failed = sum(1 for probe in history.probes if probe.throughput is not None)
    margin = math.sqrt(1 + plan.tolerance)
    if hints and failed <= _MOST_HINTED:
        for rate in (_rounded(hints[-1] / margin), _rounded(hints[-1] * margin)):
            if low * margin < rate < high / margin:
                return Try(rate=rate, full=False, why="throughput")
    return Try(rate=_middle(low, high), full=False, why="bisect")


def _middle(low: float, high: float) -> float:
    """Return the geometric mean, of three significant digits where that is within."""
    middle = math.sqrt(low * high)
    rounded = _rounded(middle)
    return rounded if low < rounded < high else middle


def _rounded(rate: float) -> float:
    """Return a rate of three significant digits, which is easier to quote and to give again."""
    return float(f"{rate:.3g}")


def _after_confirmation(history: History, plan: Plan, time: TimeLeft) -> Try | Found:
    """Go on from a full run: to lower ones until one passes, then into the bracket that full runs have left."""
    last = history.probes[-1]
    full = [probe for probe in history.probes if probe.full]
    if not time.allows_full or len(full) >= plan.most_full:
        return _found(history, plan)
    if last.outcome is Outcome.INCONCLUSIVE:
        again = len(history.at(last.rate, full=True)) < _CONCLUSIVE
        return Try(rate=last.rate, full=True, why="retry") if again else _found(history, plan)
    low, refuted = history.low, history.refuted
    if low is not None and history.confirmed(low):
        if refuted == math.inf or refuted <= low * (1 + plan.tolerance):
            return _found(history, plan)
        return Try(rate=_middle(low, refuted), full=True, why="confirm higher")
    failed = len({probe.rate for probe in full})
    lower = _rounded(refuted / (1 + 2 ** (failed - 1) * plan.tolerance))
    return Try(rate=lower, full=True, why="confirm lower") if lower >= plan.lowest else _found(history, plan)


def _found(history: History, plan: Plan) -> Found:
    low, high = history.low, history.high
    narrow = low is not None and (low >= plan.highest if high is None else high <= low * (1 + plan.tolerance))
    return Found.of(
        rate=low,
        confirmed=low is not None and history.confirmed(low),
        bound=high,
        limited_by=None if high is None else history.limited_by(high),
        converged=narrow,
    )
