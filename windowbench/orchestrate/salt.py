"""The salt of a blind run: drawn before it, known to producers and judge, and told when the engine has ended."""

from __future__ import annotations

import secrets

from config import Config, Loaded
from windowbench.load.arrivals import modulating_path
from windowbench.load.salt import salted
from windowbench.load.schedule import Schedule
from windowbench.runs.store import RunDirectory, salt_beside

_BYTES = 16


def draw_salt() -> str:
    """Return a salt that nobody knows."""
    return secrets.token_hex(_BYTES)


def salt_of(loaded: Loaded) -> str | None:
    """Return the salt of a run that is to be blind, None for any other.

    It is that of the run whose settings are taken, whose load is then made again; or else it is drawn.
    """
    return (salt_beside(loaded.file) or draw_salt()) if loaded.config.run.blind else None


def tell_salt(run: RunDirectory, salt: str) -> None:
    """Write into the directory of a blind run what its load was, now that its engine has ended."""
    run.write_salt(salt)
    schedule = run.read_schedule()
    if schedule is not None:
        write_path(run, salted(run.read_config(), salt), schedule)


def write_path(run: RunDirectory, config: Config, schedule: Schedule) -> None:
    """Write the states that the load of a configuration goes through, where it has any."""
    path = modulating_path(config, schedule.load_length_ns)
    if path is not None:
        columns = {"starts_ns": path.starts_ns, "states": path.states, "rates": path.rates}
        run.write_json("mmpp_path.json", {name: column.tolist() for name, column in columns.items()})
