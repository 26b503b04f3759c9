"""Parts of the preset ``tuned`` of an engine: settings that belong together, and why they are set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from windowbench.settings.engine import EngineSettings
from windowbench.settings.knobs import ConfigError, nearest


@dataclass(frozen=True, kw_only=True, slots=True)
class Factor:
    """One part, whose effect can be measured alone.

    Attributes
    ----------
    name : str
        As ``--tuning`` takes it.
    reason : str
        Why it is set.
    settings : mapping of str to str
        Of the engine's session or job.
    jvm_flags : tuple of str
        Of the engine's JVM.
    heap : str or None
        Heap of the JVM, which then never grows.
    source, sink : mapping of str to str
        Options of the Kafka connector.
    """

    name: str
    reason: str
    settings: Mapping[str, str] = field(default_factory=dict)
    jvm_flags: tuple[str, ...] = ()
    heap: str | None = None
    source: Mapping[str, str] = field(default_factory=dict)
    sink: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        """Everything it sets, as it is written."""
        pairs = [f"{name}={value}" for part in (self.settings, self.source, self.sink) for name, value in part.items()]
        return [*pairs, *([] if self.heap is None else [f"-Xms{self.heap} -Xmx{self.heap}"]), *self.jvm_flags]


def in_force(factors: Sequence[Factor], engine: EngineSettings) -> Factor:
    """Return everything that the preset, or ``--tuning``, takes of an engine's factors, as one.

    Raises
    ------
    ConfigError
        When ``--tuning`` names one that the engine has not.
    """
    names = {factor.name: factor for factor in factors}
    for name in engine.tuning_names:
        if name not in names:
            known = ", ".join(names)
            raise ConfigError(f"{engine.engine} has no tuning {name!r}{nearest(name, names)}; there are {known}")
    chosen = factors if engine.preset == "tuned" else [names[name] for name in engine.tuning_names]
    return Factor(
        name="+".join(factor.name for factor in chosen),
        reason="",
        settings={name: value for factor in chosen for name, value in factor.settings.items()},
        jvm_flags=tuple(flag for factor in chosen for flag in factor.jvm_flags),
        heap=next((factor.heap for factor in chosen if factor.heap is not None), None),
        source={name: value for factor in chosen for name, value in factor.source.items()},
        sink={name: value for factor in chosen for name, value in factor.sink.items()},
    )
