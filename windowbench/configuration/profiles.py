"""The profiles: sets of settings under one name, and what a workload adds to them."""

from __future__ import annotations

from windowbench.settings.knobs import ConfigError
from windowbench.workloads import WORKLOADS

PROFILES: dict[str, dict[str, object]] = {
    "smoke": {
        "window_size_sec": 2.0,
        "watermark_delay_sec": 1.0,
        "warmup_seconds": 6.0,
        "duration_seconds": 12.0,
        "cooldown_seconds": 2.0,
        "rate": 500.0,
        "max_lateness_p99_ms": 100.0,
    },
    # A JVM's compiler makes the batches of Spark shorter for two minutes: that is how long it takes to be steady.
    "bench": {"window_size_sec": 2.0, "warmup_seconds": 120.0, "duration_seconds": 120.0, "rate": 10_000.0},
    "capacity": {
        "window_size_sec": 2.0,
        "watermark_delay_sec": 1.0,
        "warmup_seconds": 6.0,
        "duration_seconds": 24.0,
        "cooldown_seconds": 2.0,
        "rate": 10_000.0,
        "drain_timeout_seconds": 20.0,
    },
}
"""Named sets of settings.

``smoke`` is a whole valid run within a minute; ``bench`` has windows enough for confidence intervals, and a warm-up in
which a JVM compiles what matters; ``capacity`` is one probe of the search of that name: short, with just windows enough
to see whether the excess grows.
"""


def profile_values(profile: str, workload: str) -> dict[str, object]:
    """Return what a profile sets in a run of a workload.

    Raises
    ------
    ConfigError
        When there is no such profile.
    """
    if profile not in PROFILES:
        msg = f"unknown profile {profile!r}; there are {', '.join(PROFILES)}"
        raise ConfigError(msg)
    return {**PROFILES[profile], **WORKLOADS[workload].PROFILES.get(profile, {})}
