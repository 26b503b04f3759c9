"""A program of the user's own, as the harness sees it: what it says of itself is all that is known."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from config import Config
from windowbench.engines.command.settings import CommandSettings
from windowbench.engines.contract import Engine, Machine, Source, Term
from windowbench.errors import EnvironmentProblem


def _command(config: Config, python: str) -> Sequence[str]:
    del python
    return CommandSettings.of(config.engine).words


def check_program(machine: Machine) -> Path | None:
    """Make sure, before anything starts, that the program is there.

    Raises
    ------
    EnvironmentProblem
        When it is not.
    """
    program = CommandSettings.of(machine.config.engine).words[0]
    if shutil.which(program) is None:
        msg = f"there is no program {program} (from engine_command)"
        raise EnvironmentProblem(msg, remedy="give its path, or put it on PATH and make it executable")
    return None


ENGINE = Engine(
    command=_command,
    prepare=check_program,
    terms={
        Term.RESULT_ACKS: Source(reported=("acks", "kafka.acks")),
        Term.RESULT_LINGER: Source(reported=("linger.ms",)),
    },
)
