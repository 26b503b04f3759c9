"""The verdict on a run: valid, invalid, unsustainable or unknown, every reason with the party at fault. Pure.

Reasons are weighed in the order generator, host, broker, engine: a row error that the generator's lateness
explains is the generator's, and is not charged to the engine. All reasons are named, not only the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from config import MUST_COUNT_MARGIN_MS, Config
from windowbench.judge.measures.steady_state import GROWTH_LIMIT_MS_PER_S, grows
from windowbench.judge.truth.comparison import ErrorFigures, RowClass
from windowbench.judge.verdict.host import ClockOffset
from windowbench.judge.verdict.reasons import Party, ReasonCode, charge
from windowbench.load.schedule import NS_PER_MS
from windowbench.runs.files.figures import HostFigures, Impossible, Slope
from windowbench.runs.files.load import GeneratorFigures
from windowbench.runs.files.verdict import Reason, Status, Verdict

COUNT_TOLERANCE = 0.005
"""Events sent may differ from events scheduled by this share."""
LONGEST_GAP_S = 3.0
"""What the machine did in a longer time without a sample of it, nobody knows."""
CLOCK_STEP_LIMIT_MS = 5.0
CLOCK_BOUND_LIMIT_MS = 5.0
STEAL_WARNING = 0.02
HARNESS_CPU_LIMIT = 0.25
"""Cores that the harness itself, producers apart, may take in the measured phase."""
MEDIAN_ERROR_SHARE = 0.5
"""Of the greatest error of an approximate count, what the median may be. Rows of one run share their users, and with
them the collisions in a sketch, so that all may be off alike: their median need be hardly less than a single error."""
_UNDECIDED = frozenset({ReasonCode.HOST_UNWATCHED})
"""What leaves unknown whether a run is worth something; the others say that it is not."""
_GROWTH = {"excess": ReasonCode.EXCESS_GROWS, "freshness": ReasonCode.FRESHNESS_GROWS}


def unknown(code: ReasonCode, text: str, warnings: Sequence[str] = ()) -> Verdict:
    """Return the verdict of a run that could not be judged."""
    return Verdict(verdict=Status.UNKNOWN, reasons=(charge(Party.JUDGE, code, text),), warnings=tuple(warnings))


@dataclass(frozen=True, kw_only=True, slots=True)
class RowFigures:
    """How many rows are in error, over all windows from warm-up to cool-down.

    Attributes
    ----------
    counts, explained : Counter of RowClass
        Rows by class, and those of them in error that what the generator sent late, or not at all, explains.
    missing, missing_explained : int
        The same of expected rows that are not there.
    not_log_append_time : int
        Rows of this run that the broker did not stamp.
    impossible : Impossible
        Latencies that cannot be.
    """

    counts: Counter[RowClass] = field(default_factory=Counter)
    explained: Counter[RowClass] = field(default_factory=Counter)
    missing: int = 0
    missing_explained: int = 0
    not_log_append_time: int = 0
    impossible: Impossible = field(default_factory=Impossible)


@dataclass(frozen=True, kw_only=True, slots=True)
class SustainFigures:
    """Whether the engine kept up.

    Attributes
    ----------
    slope : Slope or None
        In ms per s; None where there are too few points.
    beyond_bursts : Slope or None
        That of what is left without the wait that bursts imply; None where there are none.
    slope_of : str
        Of which latency: ``excess`` per window, or ``freshness`` per second.
    results_lag_s : float or None
        How long after the end of load the last row came that the load can close.
    limit_ms : float
        How far behind it may be, by the settings of the run; nothing that an engine says extends it.
    """

    slope: Slope | None = None
    beyond_bursts: Slope | None = None
    slope_of: str = "excess"
    results_lag_s: float | None = None
    limit_ms: float


def generator_reasons(figures: GeneratorFigures, config: Config) -> list[Reason]:
    """Return what speaks against the generator."""
    scheduled, sent = figures.scheduled_measured, figures.sent_measured
    limit = config.judge.max_lateness_p99_ms
    bound = config.windows.delay_ms - MUST_COUNT_MARGIN_MS
    p99, greatest = figures.lateness_p99_ms or 0.0, figures.lateness_max_ms
    found: list[tuple[bool, ReasonCode, str]] = [
        (
            abs(sent - scheduled) > COUNT_TOLERANCE * scheduled,
            ReasonCode.SENT_DIFFERS_FROM_SCHEDULE,
            f"{sent} events were sent in the measured phase, {scheduled} scheduled",
        ),
        (p99 > limit, ReasonCode.LATENESS_P99, f"P99 of send lateness is {p99:.1f} ms, above {limit:g} ms"),
        (figures.early > 0, ReasonCode.SENT_EARLY, f"{figures.early} events were sent before they were due"),
        (
            greatest is not None and greatest >= bound,
            ReasonCode.LATENESS_EXCEEDS_WATERMARK,
            f"greatest send lateness is {greatest or 0.0:.1f} ms, not below watermark delay - M = {bound} ms",
        ),
        (
            figures.missing > 0,
            ReasonCode.ACKNOWLEDGED_MISSING,
            f"{figures.missing} acknowledged events are missing from the events topic",
        ),
        (
            figures.duplicated > 0,
            ReasonCode.EVENTS_DUPLICATED,
            f"{figures.duplicated} events are in the events topic more than once",
        ),
        (
            figures.time_mismatch > 0,
            ReasonCode.PRODUCE_TIME_MISMATCH,
            f"{figures.time_mismatch} events carry another produce time than was recorded",
        ),
    ]
    return [charge(Party.GENERATOR, code, text) for holds, code, text in found if holds]


def nothing_measured(*, events: int, windows: int) -> list[Reason]:
    """Return what speaks against a run that measured nothing: events sent, and windows to measure, in its phase."""
    counts = (
        (events, ReasonCode.NO_EVENTS_MEASURED, "no event was sent in the measured phase"),
        (windows, ReasonCode.NO_WINDOWS_MEASURED, "no window of the measured phase has a row to be measured"),
    )
    return [charge(Party.GENERATOR, code, text) for count, code, text in counts if not count]


def host_reasons(figures: HostFigures, clock: ClockOffset, config: Config) -> list[Reason]:
    """Return what speaks against the machine, the harness on it and the clock of an external broker."""
    found: list[Reason] = []
    if figures.longest_gap_s > LONGEST_GAP_S:
        text = (
            f"in the measured phase the machine was not watched for {figures.longest_gap_s:.1f} s,"
            f" more than {LONGEST_GAP_S:g} s"
        )
        found.append(charge(Party.HOST, ReasonCode.HOST_UNWATCHED, text))
    if abs(figures.greatest_step_ms) > CLOCK_STEP_LIMIT_MS:
        text = f"the wall clock stepped by {figures.greatest_step_ms:+.1f} ms between two samples"
        found.append(charge(Party.HOST, ReasonCode.CLOCK_STEP, text))
    for code, words, share in (
        (ReasonCode.CPU_STEAL, "stolen", figures.steal),
        (ReasonCode.CPU_THROTTLED, "throttled", figures.throttled),
    ):
        if share > config.judge.max_steal:
            text = f"{share:.1%} of CPU time was {words} in the measured phase, above {config.judge.max_steal:.0%}"
            found.append(charge(Party.HOST, code, text))
    if figures.cpu_harness > HARNESS_CPU_LIMIT:
        text = f"the harness took {figures.cpu_harness:.0%} of a core, above {HARNESS_CPU_LIMIT:.0%}"
        found.append(charge(Party.HARNESS, ReasonCode.HARNESS_CPU, text))
    if clock.bound_ns > CLOCK_BOUND_LIMIT_MS * NS_PER_MS:
        text = f"the broker's clock is known to within {clock.bound_ns / NS_PER_MS:.1f} ms only, not 5 ms"
        found.append(charge(Party.BROKER, ReasonCode.EXTERNAL_CLOCK, text))
    return found


def row_reasons(rows: RowFigures, *, sent_early: bool, foreign_counts: bool = False) -> list[Reason]:
    """Return what speaks against the rows; the generator's share of the errors is charged to the generator.

    Events that it sent before they were due let windows close early. Records that are no rows of the run count where
    nobody but the engine writes, as in the topics of an embedded broker.
    """
    why = "; events sent late or not at all explain it"
    counts, odd = rows.counts, rows.impossible
    wrong, conflicting = rows.explained[RowClass.WRONG_VALUE], rows.explained[RowClass.CONFLICTING]
    of_generator = [
        (ReasonCode.ROWS_WRONG_EXPLAINED, wrong, f"rows hold a wrong value{why}"),
        (ReasonCode.ROWS_MISSING_EXPLAINED, rows.missing_explained, f"rows are missing{why}"),
        (ReasonCode.ROWS_CONFLICTING_EXPLAINED, conflicting, f"rows conflict{why}"),
    ]
    stamp = "results were not stamped by the broker (timestamp type is not LogAppendTime)"
    differing = counts[RowClass.CONFLICTING] - conflicting
    backwards = "rows count fewer events than a row of their key before them"
    of_engine = [
        (ReasonCode.ROWS_WRONG, counts[RowClass.WRONG_VALUE] - wrong, "rows hold a wrong value"),
        (ReasonCode.ROWS_MISSING, rows.missing - rows.missing_explained, "expected rows are missing"),
        (ReasonCode.ROWS_CONFLICTING, differing, "rows conflict with the row of their key"),
        (ReasonCode.ROWS_BACKWARDS, counts[RowClass.BACKWARDS], backwards),
        (ReasonCode.ROWS_UNEXPECTED, counts[RowClass.UNEXPECTED], "rows have a key of which no row is expected"),
        (ReasonCode.ROWS_MALFORMED, counts[RowClass.MALFORMED], "rows of this run cannot be read"),
        (ReasonCode.ROWS_FOREIGN, counts[RowClass.FOREIGN] if foreign_counts else 0, "records are no rows of this run"),
    ]
    # A row with the right value cannot have been appended before its events were produced: a clock is wrong.
    of_host = [
        (ReasonCode.E2E_NEGATIVE, odd.e2e_negative, "rows were appended before their last event was produced"),
        (ReasonCode.FRESHNESS_NEGATIVE, odd.freshness_negative, "rows were appended before an event they count"),
    ]
    early = (ReasonCode.EXCESS_TOO_LOW, odd.excess_too_low, "rows were appended before their window could close")
    found: list[tuple[Party, Sequence[tuple[ReasonCode, int, str]]]] = [
        (Party.GENERATOR, of_generator),
        (Party.BROKER, [(ReasonCode.NOT_LOG_APPEND_TIME, rows.not_log_append_time, stamp)]),
        (Party.ENGINE, of_engine),
        (Party.HOST, of_host),
        (Party.GENERATOR if sent_early else Party.ENGINE, [early]),
    ]
    return [charge(party, code, f"{n} {words}") for party, faults in found for code, n, words in faults if n]


def approximation_reasons(errors: Mapping[str, ErrorFigures], greatest: float) -> list[Reason]:
    """Return which approximate counts are too far off all together: the median of their errors has half the bound."""
    limit = 100 * greatest * MEDIAN_ERROR_SHARE
    return [
        charge(
            Party.ENGINE,
            ReasonCode.APPROXIMATION_TOO_COARSE,
            f"the median error of {field} is {error.p50:.1f} % of the true count, above {limit:.1f} %",
        )
        for field, error in errors.items()
        if error.p50 is not None and error.p50 > limit
    ]


def level_reasons(name: str, p90_ms: float | None, limit_ms: float) -> list[Reason]:
    """Return what says that an engine is too far behind, by P90 of the latency that ranks; nothing of no rows."""
    if p90_ms is None or p90_ms <= limit_ms:
        return []
    text = f"P90 of {name} is {p90_ms:.0f} ms, above {limit_ms:.0f} ms"
    return [charge(Party.ENGINE, ReasonCode.EXCESS_TOO_GREAT, text)]


def sustain_reasons(figures: SustainFigures) -> list[Reason]:
    """Return what says that the engine did not keep up."""
    found: list[Reason] = []
    slope, beyond = figures.slope, figures.beyond_bursts
    if slope is not None and grows(slope) and (beyond is None or grows(beyond)):
        text = (
            f"{figures.slope_of} grows by {slope.estimate:.1f} ms per s (95 % lower bound {slope.low:.1f}, limit"
            f" {GROWTH_LIMIT_MS_PER_S:g})"
        )
        text += "" if beyond is None else f", by {beyond.estimate:.1f} beyond what its bursts explain"
        found.append(charge(Party.ENGINE, _GROWTH[figures.slope_of], text))
    lag = figures.results_lag_s
    if lag is not None and lag > figures.limit_ms / 1000:
        text = f"after the end of load the last results took {lag:.1f} s to come, limit {figures.limit_ms / 1000:.1f} s"
        found.append(charge(Party.ENGINE, ReasonCode.RESULTS_LAG, text))
    return found


def warnings_of(generator: GeneratorFigures, host: HostFigures, rows: RowFigures, config: Config) -> list[str]:
    """Return what a reader should know although it does not count against the run."""
    found: list[str] = []
    for share, words in ((host.steal, "stolen"), (host.throttled, "throttled")):
        if STEAL_WARNING < share <= config.judge.max_steal:
            found.append(f"{share:.1%} of CPU time was {words} in the measured phase")
    counts = (
        (generator.foreign, "records of others are in the events topic"),
        (0 if config.kafka.embedded else rows.counts[RowClass.FOREIGN], "records of others are in the results topic"),
        (rows.counts[RowClass.DUPLICATE], "rows are repeated with equal values"),
        (rows.counts[RowClass.UNDECIDABLE], "rows cannot be decided: late events may or may not have been counted"),
        (generator.failed, "events could not be delivered"),
    )
    found += [f"{count} {words}" for count, words in counts if count]
    visible_ms = (generator.lateness_max_all_ms or 0.0) + (generator.ack_max_ms or 0.0)
    if visible_ms > MUST_COUNT_MARGIN_MS:
        found.append(
            f"lateness and acknowledgement reached {visible_ms:.0f} ms together, beyond the margin of"
            f" {MUST_COUNT_MARGIN_MS} ms by which events must count"
        )
    return found


def decide(reasons: Sequence[Reason], unsustainable: Sequence[Reason], warnings: Sequence[str]) -> Verdict:
    """Weigh reasons: what makes a run invalid outweighs what leaves it unknown, and that, that it was unsustainable."""
    if any(reason.code not in _UNDECIDED for reason in reasons):
        status = Status.INVALID
    elif reasons:
        status = Status.UNKNOWN
    elif unsustainable:
        status = Status.UNSUSTAINABLE
    else:
        status = Status.VALID
    return Verdict(verdict=status, reasons=(*reasons, *unsustainable), warnings=tuple(warnings))
