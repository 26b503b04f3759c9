"""Every reason for which a run is not valid, by a stable code, and who can be at fault."""

from __future__ import annotations

import enum

from windowbench.runs.files.verdict import Reason


class Party(enum.StrEnum):
    """Who is at fault."""

    GENERATOR = "generator"
    HOST = "host"
    HARNESS = "harness"
    BROKER = "broker"
    ENGINE = "engine"
    JUDGE = "judge"
    OUTSIDE = "outside"
    """Somebody who can reach the broker: a stranger, or the engine."""


class ReasonCode(enum.StrEnum):
    """What speaks against a run."""

    NO_SCHEDULE = "no_schedule"
    SALT_MISSING = "salt_missing"
    JUDGE_FAILED = "judge_failed"
    NOT_COMPLETED = "not_completed"

    SENT_DIFFERS_FROM_SCHEDULE = "sent_differs_from_schedule"
    LATENESS_P99 = "lateness_p99"
    SENT_EARLY = "sent_early"
    LATENESS_EXCEEDS_WATERMARK = "lateness_exceeds_watermark"
    ACKNOWLEDGED_MISSING = "acknowledged_missing"
    EVENTS_DUPLICATED = "events_duplicated"
    PRODUCE_TIME_MISMATCH = "produce_time_mismatch"

    NO_EVENTS_MEASURED = "no_events_measured"
    NO_WINDOWS_MEASURED = "no_windows_measured"

    HOST_UNWATCHED = "host_unwatched"
    CLOCK_STEP = "clock_step"
    CPU_STEAL = "cpu_steal"
    CPU_THROTTLED = "cpu_throttled"
    HARNESS_CPU = "harness_cpu"
    EXTERNAL_CLOCK = "external_clock"

    TOPIC_REPLACED = "topic_replaced"
    RECORDS_REMOVED = "records_removed"
    RECORDS_UNREAD = "records_unread"
    EVENTS_FOREIGN = "events_foreign"
    END_FOREIGN = "end_foreign"

    VISIBLE_TIME_UNKNOWN = "visible_time_unknown"
    VISIBLE_BEFORE_APPEND = "visible_before_append"
    ROWS_NOT_OBSERVED = "rows_not_observed"
    OBSERVER_NOT_CALIBRATED = "observer_not_calibrated"

    ROWS_WRONG_EXPLAINED = "rows_wrong_explained"
    ROWS_MISSING_EXPLAINED = "rows_missing_explained"
    ROWS_CONFLICTING_EXPLAINED = "rows_conflicting_explained"
    NOT_LOG_APPEND_TIME = "not_log_append_time"
    ROWS_WRONG = "rows_wrong"
    ROWS_MISSING = "rows_missing"
    ROWS_CONFLICTING = "rows_conflicting"
    ROWS_BACKWARDS = "rows_backwards"
    ROWS_FOREIGN = "rows_foreign"
    ROWS_MALFORMED = "rows_malformed"
    ROWS_UNEXPECTED = "rows_unexpected"
    E2E_NEGATIVE = "e2e_negative"
    FRESHNESS_NEGATIVE = "freshness_negative"
    EXCESS_TOO_LOW = "excess_too_low"

    EXCESS_GROWS = "excess_grows"
    FRESHNESS_GROWS = "freshness_grows"
    RESULTS_LAG = "results_lag"


def charge(party: Party, code: ReasonCode, text: str) -> Reason:
    """Return a reason; in the order in which it is said: who, what, and a sentence with the figures."""
    return Reason(code=code, party=party, text=text)
