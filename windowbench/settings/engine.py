"""What every engine says of itself before anything is loaded: its settings, and what they make its rows.

Each engine has a class of its own, in the ``settings`` module of its folder, whose fields beyond those here are
settings of that engine alone. What other folders ask of an engine's settings are the properties here; their values here
are those of an engine that has nothing of the kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from windowbench.settings.events import EventSettings
from windowbench.settings.judge import JudgeSettings
from windowbench.settings.knobs import knob, require

OutputMode = Literal["append", "update"]
PYTHON_WORKER = "windowbench.python_worker"
"""Name under which an engine says, among its settings, that rows pass a Python worker on their way."""


ENGINE_HELP = "engine under test"
IDLE_TIMEOUT_HELP = "a partition without records for this long holds no watermark back; 0: it always does"


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineSettings:
    """The stream processor under test: the settings that every engine has."""

    ALIASES: ClassVar[tuple[str, ...]] = ()
    """Older names by which the engine can still be asked for."""
    EXACT_ONLY: ClassVar[str | None] = None
    """Why it counts nothing approximately; None where it can, or where only its author knows."""
    MODE_SETTING: ClassVar[str] = ""
    """Which of its settings decides whether its rows are updates."""
    VARIANTS: ClassVar[tuple[str, ...]] = ()
    """Its own settings of which a value alone, behind a colon, names a variant of the engine."""
    OWN_TOPICS: ClassVar[tuple[str, ...]] = ()
    """Its own settings that name topics which it alone reads and writes; each has one partition."""
    PLACES: ClassVar[tuple[str, ...]] = ()
    """Its own settings that say where it keeps things, and change no latency."""

    engine: str = knob("", ENGINE_HELP, everyday=True)
    engine_ready_seconds: float = knob(120.0, "how long an engine may take to say that it is ready")
    workload: str = knob("ad_ctr", "what is computed", everyday=True)
    expected_rate: float | None = knob(None, "events per second to be prepared for; those of the load when none")
    expected_warmup_seconds: float | None = knob(
        None, "how long the engine may get ready before latency counts; the warm-up of the load when none"
    )

    def __post_init__(self) -> None:
        require(self.engine_ready_seconds > 0, "engine_ready_seconds must be positive")
        for name in ("expected_rate", "expected_warmup_seconds"):
            require((getattr(self, name) or 0) >= 0, f"{name} must not be negative")

    @classmethod
    def of(cls, settings: EngineSettings) -> Self:
        """Return `settings` as those of this engine.

        Raises
        ------
        TypeError
            When they are another's.
        """
        if not isinstance(settings, cls):
            raise TypeError(f"{type(settings).__name__} are not {cls.__name__}")
        return settings

    def check_with(self, *, events: EventSettings, judge: JudgeSettings) -> None:
        """Check what concerns the engine's settings and those of other groups.

        Raises
        ------
        ConfigError
            When they contradict each other.
        """

    @property
    def output_mode(self) -> OutputMode:
        """What a row is: ``append``, the one row of its key; ``update``, the newest of several."""
        return "append"

    @property
    def real_time_batch_s(self) -> float | None:
        """Length of a batch, in seconds, where rows leave the engine one by one within it; None where they do not."""
        return None

    @property
    def trigger_interval_s(self) -> float:
        """Time between the starts of two batches, in seconds; 0 where a batch follows the one before it at once."""
        return 0.0

    @property
    def in_transactions(self) -> bool:
        """Whether rows are written in transactions, and so seen after their commit."""
        return False

    @property
    def may_use_transactions(self) -> bool:
        """Whether rows may come in transactions without the engine's settings saying so: only its author knows."""
        return False

    @property
    def chosen_preset(self) -> str | None:
        """The preset that gives the engine its own settings; None where we choose none of them."""
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class PresetSettings(EngineSettings):
    """Settings of an engine whose own settings we choose, by preset and part of a preset."""

    VARIANTS: ClassVar[tuple[str, ...]] = ("preset",)

    preset: str = knob(
        "tuned",
        "settings of the engine: stock as it comes, default with what any user of two cores sets, tuned with the"
        " project's best",
        choices=("stock", "default", "tuned"),
        everyday=True,
    )
    tuning: str = knob("", "parts of the preset tuned to add to the preset default, joined by +; see docs/tuning.md")

    def __post_init__(self) -> None:
        EngineSettings.__post_init__(self)
        require(
            not self.tuning or self.preset == "default",
            f"tuning adds to preset=default; the preset {self.preset} has all or none of it",
        )

    @property
    def chosen_preset(self) -> str | None:
        """The preset."""
        return self.preset

    @property
    def tuning_names(self) -> tuple[str, ...]:
        """The parts that `tuning` names."""
        return tuple(name for name in self.tuning.split("+") if name)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointSettings(PresetSettings):
    """Settings of an engine that also has a directory of checkpoints, and a web page of its own."""

    PLACES: ClassVar[tuple[str, ...]] = ("checkpoint_dir",)

    checkpoint_dir: str | None = knob(None, "checkpoint directory of the engine; one of its own when none")
    engine_ui: bool = knob(False, "keep the engine's own web page, on a loopback port, during the run; it costs CPU")


def require_heap(name: str, text: str | None) -> None:
    """Require an amount of memory in the form that JVMs take, such as 2g; None passes."""
    if text is None:
        return
    amount, unit = text[:-1], text[-1:].lower()
    good = amount.isascii() and amount.isdigit() and int(amount) > 0 and unit in tuple("kmgt")
    require(good, f"{name} must be a number and k, m, g or t, such as 2g, not {text!r}")
