"""Do the engines run under the same terms? A table of the settings that decide latency, as far as they say. Pure.

Engines call the same thing by different names and have different things altogether. Of each line an engine's contract
names the settings that it may report, the setting of ours that decides it, what the engine itself takes where neither
is set, or how it works where nothing can be set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config import Config
from windowbench.compare.arms import Arm
from windowbench.engines.contract import Source, Term, engine_of
from windowbench.settings.workload import APPROXIMATE, EXACT


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of the table.

    Attributes
    ----------
    name : str
    source : callable
        Where the value of a run is found.
    concerns : callable
        Whether a run has such a thing at all; the line is left out where no arm has.
    """

    name: str
    source: Callable[[Config], Source]
    concerns: Callable[[Config], bool] = lambda _: True


def _ours(name: str, value: Callable[[Config], str], concerns: Callable[[Config], bool] = lambda _: True) -> Line:
    """Return the line of a setting that we choose, whatever the engine."""
    return Line(name=name, source=lambda _: Source(configured=value), concerns=concerns)


def _of_engine(term: Term) -> Line:
    return Line(name=term.value, source=lambda config: engine_of(config).terms.get(term, Source()))


def _counting(config: Config) -> str:
    return APPROXIMATE if config.workload.approximate else EXACT


_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|min|m|h)")
_MS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000}
LINES = (
    _ours("producers: acknowledgements", lambda _: "all"),
    _ours("producers: linger", lambda config: f"{config.kafka.linger_ms:g} ms"),
    _ours("partitions of the events topic", lambda config: str(config.kafka.partitions)),
    *map(_of_engine, (term for term in Term if term is not Term.STATE_STORE)),
    _ours("counts of distinct values", _counting, lambda config: bool(config.workload.APPROXIMATIONS)),
    _of_engine(Term.STATE_STORE),
)
"""Every line of the table."""


def effective_settings(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return what the engine of a run reported as its settings."""
    engine = summary.get("engine")
    settings = engine.get("settings") if isinstance(engine, Mapping) else None
    return {str(name): str(value) for name, value in settings.items()} if isinstance(settings, Mapping) else {}


def parity(arms: Sequence[Arm]) -> list[dict[str, Any]]:
    """Return the table for arms, asymmetries marked."""
    return [_line(line, arms) for line in LINES if any(line.concerns(arm.config) for arm in arms)]


def _line(line: Line, arms: Sequence[Arm]) -> dict[str, Any]:
    values = {arm.label: _value(line.source(arm.config), arm) for arm in arms}
    unknown = [label for label, value in values.items() if value["source"] == "unknown"]
    shown = {_comparable(value["value"]) for value in values.values()}
    note = f"not known of {', '.join(unknown)}" if unknown else ""
    return {"name": line.name, "values": values, "equal": len(shown) <= 1 and not unknown, "note": note}


def _comparable(value: str | None) -> str | None:
    """Return a value so that equal durations are equal, whatever their unit."""
    match = _DURATION.fullmatch(value or "")
    return f"{float(match[1]) * _MS[match[2]]:g} ms" if match else value


def _value(source: Source, arm: Arm) -> dict[str, str | None]:
    reported = next((s for run in arm.fit + arm.runs if (s := effective_settings(run.summary))), {})
    for name in source.reported:
        if name in reported:
            return {"value": reported[name], "source": "reported"}
    if source.fixed:
        return {"value": source.fixed, "source": "fixed"}
    if source.configured is not None:
        return {"value": source.configured(arm.config), "source": "configured"}
    if source.default and reported:
        return {"value": source.default, "source": "default"}
    return {"value": None, "source": "unknown"}
