"""The schedule of a run: when its load starts, which windows are measured, when it ends. Pure.

All times are integers of nanoseconds since the Unix epoch unless a name says otherwise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from config import Config

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

LEAD_NS = NS_PER_S
"""How long before the load it is planned."""
END_EVENT_TYPE = "END"
END_EVENT_TIME_NS = 4_102_444_800 * NS_PER_S
"""Event time of the END records, 2100-01-01T00:00:00Z: beyond every window a run can open."""
GUARD_PAST_MS = 3_600_000
GUARD_FUTURE_MS = 5_000
"""An engine accepts event times within [record timestamp - past, + future] and counts the others as rejected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """Fixed points of a run, decided when broker and engine are ready."""

    epoch_ns: int
    """Due times are ``epoch_ns + offset``; the load starts here."""
    base_time_ns: int
    """Start of the measured phase, a multiple of the window size."""
    measure_end_ns: int
    """End of the measured phase."""
    load_end_ns: int
    """No event is due at or after this."""

    @property
    def planned_ns(self) -> int:
        """When the load was planned."""
        return self.epoch_ns - LEAD_NS

    @property
    def load_length_ns(self) -> int:
        """Length of the whole load: warm-up, measured phase and cool-down."""
        return self.load_end_ns - self.epoch_ns

    def as_dict(self) -> dict[str, int]:
        """Return the fields as ``schedule.json`` holds them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, int]) -> Schedule:
        """Build a schedule from what ``schedule.json`` holds."""
        return cls(**{field.name: int(values[field.name]) for field in dataclasses.fields(cls)})


def plan(config: Config, now_ns: int) -> Schedule:
    """Return the schedule of a run whose broker and engine are ready at `now_ns`.

    Notes
    -----
    Epoch = now + 1 s; base = first multiple of the window size at or after epoch + warm-up;
    the load ends one watermark delay and a cool-down after the measured phase.
    """
    epoch = now_ns + LEAD_NS
    size_ns = config.windows.size_ms * NS_PER_MS
    base = -(-(epoch + round(config.load.warmup_seconds * NS_PER_S)) // size_ns) * size_ns
    measure_end = base + round(config.load.duration_seconds * NS_PER_S)
    load_end = measure_end + config.windows.delay_ms * NS_PER_MS + round(config.load.cooldown_seconds * NS_PER_S)
    return Schedule(epoch_ns=epoch, base_time_ns=base, measure_end_ns=measure_end, load_end_ns=load_end)
