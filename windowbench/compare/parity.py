"""Do the engines run under the same terms? A table of the settings that decide latency, as far as they say. Pure.

Engines call the same thing by different names and have different things altogether. Of each line an engine's contract
names the settings that it may report, the setting of ours that decides it, what the engine itself takes where neither
is set, or how it works where nothing can be set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from config import Config
from windowbench.compare.arms import Arm
from windowbench.engines.contract import Source, Term, engine_of
from windowbench.runs.files.comparison import ParityLine, ParityValue
from windowbench.runs.files.summary import Summary
from windowbench.settings.masking import mask_value
from windowbench.settings.workload import APPROXIMATE, EXACT

Line = tuple[str, Callable[[Config], Source]]
"""The name of a line of the table, and where the value of a run is found."""


def _ours(name: str, value: Callable[[Config], str]) -> Line:
    """Return the line of a setting that we choose, whatever the engine."""
    return name, lambda _: Source(configured=value)


def _of_engine(term: Term) -> Line:
    return term.value, lambda config: engine_of(config).terms.get(term, Source())


_DISTINCT = "counts of distinct values"
_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|min|m|h)")
_MS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000}
LINES = (
    _ours("producers: acknowledgements", lambda _: "all"),
    _ours("producers: linger", lambda config: f"{config.kafka.linger_ms:g} ms"),
    _ours("partitions of the events topic", lambda config: str(config.kafka.partitions)),
    *map(_of_engine, (term for term in Term if term is not Term.STATE_STORE)),
    _ours(_DISTINCT, lambda config: APPROXIMATE if config.workload.approximate else EXACT),
    _of_engine(Term.STATE_STORE),
)
"""Every line of the table; that of distinct values is left out where no arm has any."""


def effective_settings(summary: Summary | None) -> dict[str, str]:
    """Return what the engine of a run reported as its settings."""
    return {} if summary is None else {n: str(mask_value(n, value)) for n, value in summary.engine.settings.items()}


def parity(arms: Sequence[Arm]) -> tuple[ParityLine, ...]:
    """Return the table for arms, asymmetries marked."""
    counts = any(arm.config.workload.APPROXIMATIONS for arm in arms)
    return tuple(_line(name, source, arms) for name, source in LINES if arms and (counts or name != _DISTINCT))


def _line(name: str, source: Callable[[Config], Source], arms: Sequence[Arm]) -> ParityLine:
    values = {arm.label: _value(source(arm.config), arm) for arm in arms}
    unknown = [label for label, value in values.items() if value.source == "unknown"]
    shown = {_comparable(value.value) for value in values.values()}
    note = f"not known of {', '.join(unknown)}" if unknown else ""
    return ParityLine(name=name, values=values, equal=len(shown) <= 1 and not unknown, note=note)


def _comparable(value: str | None) -> str | None:
    """Return a value so that equal durations are equal, whatever their unit."""
    match = _DURATION.fullmatch(value or "")
    return f"{float(match[1]) * _MS[match[2]]:g} ms" if match else value


def _value(source: Source, arm: Arm) -> ParityValue:
    reported = next((s for run in arm.eligible + arm.runs if (s := effective_settings(run.summary))), {})
    for name in source.reported:
        if name in reported:
            return ParityValue(value=reported[name], source="reported")
    if source.fixed:
        return ParityValue(value=source.fixed, source="fixed")
    if source.configured is not None:
        return ParityValue(value=source.configured(arm.config), source="configured")
    if source.default and reported:
        return ParityValue(value=source.default, source="default")
    return ParityValue(value=None, source="unknown")
