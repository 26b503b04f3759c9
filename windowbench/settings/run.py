"""What identifies a run and bounds it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from windowbench.settings.knobs import ENV_PREFIX, knob, require

_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobSettings:
    """Which run a job belongs to, and where it finds its jars."""

    run_id: str | None = knob(None, "name of the run; made from time and seed when none", everyday=True)
    cache_dir: str | None = knob(None, "where jars are kept between runs; the user's cache directory when none")

    def __post_init__(self) -> None:
        if self.run_id is not None:
            allowed = self.run_id.replace("-", "").replace("_", "").replace(".", "")
            require(
                allowed.isascii() and allowed.isalnum() and len(self.run_id) <= 100 and self.run_id[0] not in ".-",
                f"run_id {self.run_id!r} may hold letters, digits, '-', '_' and '.' only, at most 100 of them",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSettings(JobSettings):
    """What identifies a run and bounds it."""

    runs_dir: str = knob("runs", "directory that holds the run directories", everyday=True)
    seed: int = knob(42, "master seed; every random stream of the run derives from it", everyday=True)
    blind: bool = knob(
        False, "add a salt to the seed that is drawn for the run and kept until it is over", everyday=True, later=True
    )
    run_timeout_seconds: float | None = knob(None, "end a run that takes longer than this", flag="--run-timeout")
    quiet: bool = knob(False, "print the result only, no progress", everyday=True)
    ivy_settings: str | None = knob(None, "Ivy settings file that names another repository to retrieve the jars from")
    keep_environment: str | None = knob(
        None,
        "names of environment variables, with commas between, that engine and producers get beside those they need",
    )

    def __post_init__(self) -> None:
        JobSettings.__post_init__(self)
        require(0 <= self.seed < 2**128, "seed must not be negative, and below 2**128")
        for name in self.kept_variables:
            require(_VARIABLE.fullmatch(name) is not None, f"keep_environment: {name!r} is no name of a variable")
            require(
                not name.startswith((ENV_PREFIX, "PG")),
                f"keep_environment: {name} is no engine's business: settings and passwords reach who needs them",
            )
        require(self.runs_dir != "", "runs_dir must name a directory")
        require(
            self.run_timeout_seconds is None or self.run_timeout_seconds > 0, "run_timeout_seconds must be positive"
        )

    @property
    def kept_variables(self) -> tuple[str, ...]:
        """Names of environment variables that engine and producers get beside those they need."""
        return tuple(filter(None, map(str.strip, (self.keep_environment or "").split(","))))
