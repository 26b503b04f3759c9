"""The jars of an engine, retrieved when it is first asked for."""

from __future__ import annotations

from pathlib import Path

from windowbench.engines.contract import Machine
from windowbench.toolchain.jars import ensure_jars, ivy_settings_of, jars_dir, retrieve_jars


def jars_on_first_use(kind: str, machine: Machine) -> list[Path]:
    """Return the jars of a kind, in a fixed order, and retrieve them where there are none yet.

    Raises
    ------
    EnvironmentProblem
        When they cannot be had, or are not as locked.
    """
    if not jars_dir(kind, machine.cache_dir).is_dir():
        assert machine.java is not None
        retrieve_jars(
            machine.java,
            machine.cache_dir,
            kinds=(kind,),
            ivy_settings=ivy_settings_of(machine.config.run.ivy_settings),
            say=machine.say,
        )
    return ensure_jars(kind, machine.cache_dir)
