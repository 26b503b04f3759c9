"""The verdict on a run: valid, invalid, unsustainable or unknown, every reason with the party at fault. Pure.

Reasons are weighed in the order generator, host, broker, engine: a row error that the generator's lateness
explains is the generator's, and is not charged to the engine. All reasons are named, not only the first.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from config import MUST_COUNT_MARGIN_MS, Config
from windowbench.errors import ExitCode
from windowbench.judge.measures.latency import Impossible
from windowbench.judge.measures.steady_state import GROWTH_LIMIT_MS_PER_S, Slope, grows
from windowbench.judge.verdict.generator import GeneratorFigures, TopicFigures
from windowbench.judge.verdict.host import ClockOffset, HostFigures
from windowbench.load.schedule import NS_PER_MS

COUNT_TOLERANCE = 0.005
"""Events sent may differ from events scheduled by this share."""
CLOCK_STEP_LIMIT_MS = 5.0
CLOCK_BOUND_LIMIT_MS = 5.0
STEAL_WARNING = 0.02
HARNESS_CPU_LIMIT = 0.25
"""Cores that the harness itself, producers apart, may take in the measured phase."""
LEAST_DRAIN_LIMIT_S = 5.0
MOST_DRAIN_SHARE = 0.25
"""Of the measured phase. Batches grow with the backlog and must not excuse it: where a quarter of the phase does not
hold two of them, it holds too few to say that they have stopped growing."""


class Status(enum.StrEnum):
    """What a run is worth."""

    VALID = "valid"
    INVALID = "invalid"
    UNSUSTAINABLE = "unsustainable"
    UNKNOWN = "unknown"


class Party(enum.StrEnum):
    """Who is at fault."""

    GENERATOR = "generator"
    HOST = "host"
    HARNESS = "harness"
    BROKER = "broker"
    ENGINE = "engine"
    JUDGE = "judge"


_EXIT_CODES = {
    Status.VALID: ExitCode.OK,
    Status.INVALID: ExitCode.RUN_INVALID,
    Status.UNKNOWN: ExitCode.VERDICT_UNKNOWN,
    Status.UNSUSTAINABLE: ExitCode.UNSUSTAINABLE,
}


def exit_code_of(verdict: str) -> ExitCode:
    """Return the exit code that a verdict stands for; a word that is no verdict is an unknown one."""
    return _EXIT_CODES[Status(verdict)] if verdict in tuple(Status) else ExitCode.VERDICT_UNKNOWN


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why a run is not valid: a stable code, the party at fault, and a sentence with the figures."""

    code: str
    party: Party
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The verdict on a run.

    Attributes
    ----------
    status : Status
    reasons : tuple of Reason
        Everything that speaks against the run; empty for a valid one.
    warnings : tuple of str
        What a reader should know and what does not count against the run.
    """

    status: Status
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of a program that ends with this verdict."""
        return _EXIT_CODES[self.status]

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as ``verdict.json`` holds it."""
        return {
            "verdict": str(self.status),
            "reasons": [{"code": r.code, "party": str(r.party), "text": r.text} for r in self.reasons],
            "warnings": list(self.warnings),
        }


def unknown(code: str, text: str, warnings: Sequence[str] = ()) -> Verdict:
    """Return the verdict of a run that could not be judged."""
    reason = Reason(code=code, party=Party.JUDGE, text=text)
    return Verdict(status=Status.UNKNOWN, reasons=(reason,), warnings=tuple(warnings))


@dataclass(frozen=True, kw_only=True, slots=True)
class RowFigures:
    """How many rows are in error, over all windows from warm-up to cool-down.

    Attributes
    ----------
    wrong, missing, conflicting, backwards, unexpected, duplicate, undecidable, foreign : int
        Rows by class; `missing` counts expected rows that are not there.
    wrong_explained, missing_explained, conflicting_explained : int
        Those of them that what the generator sent late, or not at all, explains.
    not_log_append_time : int
        Rows of this run that the broker did not stamp.
    impossible : Impossible
        Latencies that cannot be.
    """

    wrong: int = 0
    wrong_explained: int = 0
    missing: int = 0
    missing_explained: int = 0
    conflicting: int = 0
    conflicting_explained: int = 0
    backwards: int = 0
    unexpected: int = 0
    duplicate: int = 0
    undecidable: int = 0
    foreign: int = 0
    not_log_append_time: int = 0
    impossible: Impossible = field(default_factory=Impossible)


@dataclass(frozen=True, kw_only=True, slots=True)
class SustainFigures:
    """Whether the engine kept up.

    Attributes
    ----------
    slope : Slope or None
        In ms per s; None where there are too few points or the load is bursty.
    slope_of : str
        Of which latency: ``excess`` per window, or ``freshness`` per second.
    results_lag_s : float or None
        How long the results took after the end of load to reach the last event that must count.
    longest_trigger_s : float
        Longest micro-batch of the measured phase; 0 where the engine reports none.
    trigger_interval_s : float
        Time between micro-batches that was asked for.
    measured_s : float
        Length of the measured phase.
    """

    slope: Slope | None = None
    slope_of: str = "excess"
    results_lag_s: float | None = None
    longest_trigger_s: float = 0.0
    trigger_interval_s: float = 0.0
    measured_s: float = 0.0

    @property
    def lag_limit_s(self) -> float:
        """How long the results may lag behind the end of load."""
        # The last event comes with the batch after the one under way, so two batches are in order.
        two_batches = min(2 * self.longest_trigger_s, MOST_DRAIN_SHARE * self.measured_s)
        return max(LEAST_DRAIN_LIMIT_S, 2 * self.trigger_interval_s, two_batches)


def generator_reasons(figures: GeneratorFigures, topic: TopicFigures, config: Config) -> list[Reason]:
    """Return what speaks against the generator."""
    found: list[Reason] = []

    def charge(code: str, text: str) -> None:
        found.append(Reason(code=code, party=Party.GENERATOR, text=text))

    scheduled, sent = figures.scheduled_measured, figures.sent_measured
    if abs(sent - scheduled) > COUNT_TOLERANCE * scheduled:
        charge("sent_differs_from_schedule", f"{sent} events were sent in the measured phase, {scheduled} scheduled")
    limit = config.judge.max_lateness_p99_ms
    if figures.lateness_p99_ms is not None and figures.lateness_p99_ms > limit:
        charge("lateness_p99", f"P99 of send lateness is {figures.lateness_p99_ms:.1f} ms, above {limit:g} ms")
    if figures.early:
        charge("sent_early", f"{figures.early} events were sent before they were due")
    bound = config.windows.delay_ms - MUST_COUNT_MARGIN_MS
    if figures.lateness_max_ms is not None and figures.lateness_max_ms >= bound:
        charge(
            "lateness_exceeds_watermark",
            f"greatest send lateness is {figures.lateness_max_ms:.1f} ms, not below watermark delay - M = {bound} ms",
        )
    if topic.missing:
        charge("acknowledged_missing", f"{topic.missing} acknowledged events are missing from the events topic")
    if topic.duplicated:
        charge("events_duplicated", f"{topic.duplicated} events are in the events topic more than once")
    if topic.time_mismatch:
        charge("produce_time_mismatch", f"{topic.time_mismatch} events carry another produce time than was recorded")
    return found


def host_reasons(figures: HostFigures, clock: ClockOffset, config: Config) -> list[Reason]:
    """Return what speaks against the machine, the harness on it and the clock of an external broker."""
    found: list[Reason] = []
    if abs(figures.greatest_step_ms) > CLOCK_STEP_LIMIT_MS:
        text = f"the wall clock stepped by {figures.greatest_step_ms:+.1f} ms within a second"
        found.append(Reason(code="clock_step", party=Party.HOST, text=text))
    for code, words, share in (
        ("cpu_steal", "stolen", figures.steal),
        ("cpu_throttled", "throttled", figures.throttled),
    ):
        if share > config.judge.max_steal:
            text = f"{share:.1%} of CPU time was {words} in the measured phase, above {config.judge.max_steal:.0%}"
            found.append(Reason(code=code, party=Party.HOST, text=text))
    if figures.cpu_harness > HARNESS_CPU_LIMIT:
        text = f"the harness took {figures.cpu_harness:.0%} of a core, above {HARNESS_CPU_LIMIT:.0%}"
        found.append(Reason(code="harness_cpu", party=Party.HARNESS, text=text))
    if clock.bound_ns > CLOCK_BOUND_LIMIT_MS * NS_PER_MS:
        text = f"the broker's clock is known to within {clock.bound_ns / NS_PER_MS:.1f} ms only, not 5 ms"
        found.append(Reason(code="external_clock", party=Party.BROKER, text=text))
    return found


def row_reasons(rows: RowFigures, *, sent_early: bool) -> list[Reason]:
    """Return what speaks against the rows; the generator's share of the errors is charged to the generator.

    Parameters
    ----------
    rows : RowFigures
    sent_early : bool
        Whether the generator sent events before they were due, which lets windows close early.
    """
    found: list[Reason] = []
    explained = (
        ("rows_wrong_explained", rows.wrong_explained, "hold a wrong value"),
        ("rows_missing_explained", rows.missing_explained, "are missing"),
        ("rows_conflicting_explained", rows.conflicting_explained, "conflict"),
    )
    for code, count, words in explained:
        if count:
            text = f"{count} rows {words}; events sent late or not at all explain it"
            found.append(Reason(code=code, party=Party.GENERATOR, text=text))
    if rows.not_log_append_time:
        text = (
            f"{rows.not_log_append_time} results were not stamped by the broker (timestamp type is not LogAppendTime)"
        )
        found.append(Reason(code="not_log_append_time", party=Party.BROKER, text=text))
    engine = (
        ("rows_wrong", rows.wrong - rows.wrong_explained, "rows hold a wrong value"),
        ("rows_missing", rows.missing - rows.missing_explained, "expected rows are missing"),
        ("rows_conflicting", rows.conflicting - rows.conflicting_explained, "rows conflict with the row of their key"),
        ("rows_backwards", rows.backwards, "rows count fewer events than a row of their key before them"),
        ("rows_unexpected", rows.unexpected, "rows have a key of which no row is expected"),
    )
    found += [Reason(code=code, party=Party.ENGINE, text=f"{count} {words}") for code, count, words in engine if count]
    # A row with the right value cannot have been appended before its events were produced: a clock is wrong.
    impossible = (
        ("e2e_negative", Party.HOST, rows.impossible.e2e_negative, "before their last event was produced"),
        ("freshness_negative", Party.HOST, rows.impossible.freshness_negative, "before an event they count"),
        (
            "excess_too_low",
            Party.GENERATOR if sent_early else Party.ENGINE,
            rows.impossible.excess_too_low,
            "before their window could close",
        ),
    )
    found += [
        Reason(code=code, party=party, text=f"{count} rows were appended {words}")
        for code, party, count, words in impossible
        if count
    ]
    return found


def sustain_reasons(figures: SustainFigures) -> list[Reason]:
    """Return what says that the engine did not keep up."""
    found: list[Reason] = []
    if figures.slope is not None and grows(figures.slope):
        text = (
            f"{figures.slope_of} grows by {figures.slope.estimate:.1f} ms per s (95 % lower bound"
            f" {figures.slope.low:.1f}, limit {GROWTH_LIMIT_MS_PER_S:g})"
        )
        found.append(Reason(code=f"{figures.slope_of}_grows", party=Party.ENGINE, text=text))
    lag = figures.results_lag_s
    if lag is not None and lag > figures.lag_limit_s:
        text = (
            f"after the end of load the results took {lag:.1f} s to reach the last event,"
            f" limit {figures.lag_limit_s:.1f} s"
        )
        found.append(Reason(code="results_lag", party=Party.ENGINE, text=text))
    return found


def warnings_of(
    generator: GeneratorFigures, topic: TopicFigures, host: HostFigures, rows: RowFigures, config: Config
) -> list[str]:
    """Return what a reader should know although it does not count against the run."""
    found: list[str] = []
    for share, words in ((host.steal, "stolen"), (host.throttled, "throttled")):
        if STEAL_WARNING < share <= config.judge.max_steal:
            found.append(f"{share:.1%} of CPU time was {words} in the measured phase")
    if host.samples == 0:
        found.append("the machine was not sampled in the measured phase")
    if topic.foreign:
        found.append(f"{topic.foreign} records of others are in the events topic")
    if rows.foreign:
        found.append(f"{rows.foreign} records of others are in the results topic")
    if rows.duplicate:
        found.append(f"{rows.duplicate} rows are repeated with equal values")
    if rows.undecidable:
        found.append(f"{rows.undecidable} rows cannot be decided: late events may or may not have been counted")
    if topic.failed:
        found.append(f"{topic.failed} events could not be delivered")
    visible_ms = (generator.lateness_max_all_ms or 0.0) + (generator.ack_max_ms or 0.0)
    if visible_ms > MUST_COUNT_MARGIN_MS:
        found.append(
            f"lateness and acknowledgement reached {visible_ms:.0f} ms together, beyond the margin of"
            f" {MUST_COUNT_MARGIN_MS} ms by which events must count"
        )
    return found


def decide(reasons: Sequence[Reason], unsustainable: Sequence[Reason], warnings: Sequence[str]) -> Verdict:
    """Weigh reasons: anything that makes a run invalid outweighs that it was unsustainable."""
    if reasons:
        status = Status.INVALID
    elif unsustainable:
        status = Status.UNSUSTAINABLE
    else:
        status = Status.VALID
    return Verdict(status=status, reasons=(*reasons, *unsustainable), warnings=tuple(warnings))
