"""Settings of an engine that is a command of the user's."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from windowbench.settings.engine import ENGINE_HELP, EngineSettings
from windowbench.settings.knobs import ConfigError, knob, require


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandSettings(EngineSettings):
    """A program of the user's own."""

    engine: str = knob("command", ENGINE_HELP, everyday=True)
    engine_command: str | None = knob(None, "command line of the engine", everyday=True)

    def __post_init__(self) -> None:
        """Check the fields."""
        EngineSettings.__post_init__(self)
        require(self.engine_command is not None, "engine=command needs engine_command, the command line to start")
        require(bool(self.words), "engine_command must name a program")

    @property
    def may_use_transactions(self) -> bool:
        """Whether rows may come in transactions: nobody but the author of the command knows."""
        return True

    @property
    def words(self) -> list[str]:
        """The words of the command line.

        Raises
        ------
        ConfigError
            When it cannot be split into words.
        """
        try:
            return shlex.split(self.engine_command or "")
        except ValueError as error:
            raise ConfigError(f"engine_command cannot be split into words: {error}") from None
