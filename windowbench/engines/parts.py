"""Parts of the preset ``tuned`` of an engine: settings that belong together, and why they are set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from windowbench.settings.engine import PresetSettings
from windowbench.settings.knobs import ConfigError, nearest


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
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
        groups = (self.settings, self.source, self.sink)
        pairs = [f"{name}={value}" for group in groups for name, value in group.items()]
        return [*pairs, *([] if self.heap is None else [f"-Xms{self.heap} -Xmx{self.heap}"]), *self.jvm_flags]


def in_force(parts: Sequence[Part], engine: PresetSettings) -> Part:
    """Return everything that the preset, or ``--tuning``, takes of an engine's parts, as one.

    Raises
    ------
    ConfigError
        When ``--tuning`` names one that the engine has not.
    """
    names = {part.name: part for part in parts}
    for name in engine.tuning_names:
        if name not in names:
            known = ", ".join(names)
            raise ConfigError(f"{engine.engine} has no tuning {name!r}{nearest(name, names)}; there are {known}")
    chosen = parts if engine.preset == "tuned" else [names[name] for name in engine.tuning_names]
    return Part(
        name="+".join(part.name for part in chosen),
        reason="",
        settings={name: value for part in chosen for name, value in part.settings.items()},
        jvm_flags=tuple(flag for part in chosen for flag in part.jvm_flags),
        heap=next((part.heap for part in chosen if part.heap is not None), None),
        source={name: value for part in chosen for name, value in part.source.items()},
        sink={name: value for part in chosen for name, value in part.sink.items()},
    )
