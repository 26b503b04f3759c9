"""The consumer that brings results into PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass

from windowbench.settings.dsn import holds_secret
from windowbench.settings.knobs import knob, require


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsumerSettings:
    """The consumer that brings results into PostgreSQL; left out unless a database is named."""

    postgres_dsn: str | None = knob(
        None, "database that takes the results: a libpq connection string or URI, without a password"
    )
    postgres: str = knob(
        "none",
        "whether to start a PostgreSQL for the results, from its Python package",
        choices=("none", "embedded"),
        everyday=True,
    )
    postgres_dir: str | None = knob(
        None, "directory of the embedded PostgreSQL, for results of many runs; in the run directory when none"
    )
    skip_consumers: bool = knob(False, "bring no results into PostgreSQL, whatever else is set")

    def __post_init__(self) -> None:
        dsn = self.postgres_dsn
        require(dsn is None or dsn.strip() != "", "postgres_dsn must name a database; leave it out for none")
        require(
            dsn is None or not holds_secret(dsn),
            "postgres_dsn holds a password, which process lists and config.json would show: leave it out and give it"
            " by PGPASSWORD, a password file (~/.pgpass or passfile=...) or a service (service=...)",
        )
        require(
            dsn is None or self.postgres == "none",
            "postgres=embedded and postgres_dsn name two databases; keep one (postgres=none switches the first off)",
        )
        require(
            self.postgres_dir is None or self.postgres == "embedded", "postgres_dir is for postgres=embedded; set both"
        )
        require(self.postgres_dir != "", "postgres_dir must name a directory")

    @property
    def wanted(self) -> bool:
        """Whether results are to be brought into PostgreSQL."""
        return not self.skip_consumers and (self.postgres == "embedded" or self.postgres_dsn is not None)
