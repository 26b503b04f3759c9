"""How long a run may take as a whole."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from config import Config
from windowbench.errors import EnvironmentProblem, HarnessError
from windowbench.processes.timer import bounded

_FACTOR, _MARGIN_SECONDS = 1.5, 120.0


class RunTimeout(HarnessError):
    """The run took longer than it may."""

    exit_code = EnvironmentProblem.exit_code


def allowed_seconds(config: Config) -> float:
    """Return how long a run may take: as the user said, else one and a half times what is planned, and two minutes."""
    if config.run.run_timeout_seconds is not None:
        return config.run.run_timeout_seconds
    return _FACTOR * config.planned_seconds + _MARGIN_SECONDS


def watched(config: Config, phase: Callable[[], str]) -> AbstractContextManager[None]:
    """Bound a run; one that takes longer ends with a :class:`RunTimeout` that names the phase it was in."""
    limit, asked = allowed_seconds(config), config.run.run_timeout_seconds is not None

    def failure() -> RunTimeout:
        rule = "--run-timeout" if asked else "one and a half times what was planned, and 2 minutes"
        return RunTimeout(
            f"the run took longer than {limit:g} s ({rule})",
            remedy=f"it was in phase {phase()}; look at the logs in the run directory, or allow more by --run-timeout",
        )

    return bounded(limit, failure)
