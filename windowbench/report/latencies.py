"""The latencies that a report shows: what each is, in which order, and the percentiles there are. Pure.

``docs/measurement.md`` defines them; these are its words.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from windowbench.judge.measures.latency import PARTS
from windowbench.runs.files.figures import Percentiles

Summary = Mapping[str, Any]

PERCENTS = {
    field.name: field.name if field.name == "max" else field.name.replace("_", ".").upper()
    for field in dataclasses.fields(Percentiles)
}
"""Percentiles by nearest rank, by their name in ``summary.json``."""
FAR = "p99_9"
_ORDER = ("excess", "since_window_end", "first_excess", "first_since_window_end", "e2e", "freshness")

_OF_ROWS = {
    "e2e": "append time of the row - greatest produce time of its events",
    "since_window_end": "append time of the row - end of its window",
    "excess": "append time of the row - earliest possible emission of its window",
    "freshness": "append time of the row - produce time of the newest event counted",
}
_OF_UPDATES = {
    "e2e": "append time of the final row - greatest produce time of its events",
    "since_window_end": "append time of the final row - end of its window",
    "freshness": "append time of an update - produce time of the newest event counted in it",
}
"""In update mode; the excess says nothing there, as a final row need not wait until its window can close."""
_OF_REVISIONS = {
    "e2e": "append time of the final value - greatest produce time of its events",
    "since_window_end": "append time of the final value - end of its window",
    "excess": "append time of the final value - earliest possible emission of its window or, where that was later, due"
    " time of the last event that revises it",
    "freshness": "append time of a value, final or not - produce time of the newest event counted in it",
    "first_since_window_end": "append time of the first value - end of its window",
    "first_excess": "append time of the first value - earliest possible emission of its window",
}
"""Where late events revise a result."""
_VISIBLE_FRESHNESS = "append time of the final {} - produce time of the newest event counted in it"
_PART_WORDS = (
    "send lateness of the last event",
    "wait for the window's end",
    "watermark delay (configured)",
    "gap to the event that closes the window",
    "excess: what the engine adds",
)
PART_WORDS = dict(zip(PARTS, _PART_WORDS, strict=True))
"""What the time of a row consists of."""
ROW_TIMES = {**PART_WORDS, "total": "append time − due time of the last event"}


def percents_of(found: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the percentiles that some of these latencies have: P99.9 is one of 1,000 rows or more."""
    latencies = list(found)
    return {
        name: words
        for name, words in PERCENTS.items()
        if name != FAR or any(of.get(FAR) is not None for of in latencies)
    }


def known(figures: Mapping[str, float | None]) -> dict[str, float]:
    """Return the figures that there are."""
    return {name: float(value) for name, value in figures.items() if value is not None}


def part_means(summary: Summary) -> dict[str, float | None]:
    """Return the mean of each part of a row's time and of the whole, in ms."""
    parts = summary.get("decomposition_ms") or {}
    return {name: (parts.get(name) or {}).get("mean") for name in ROW_TIMES}


def shows_updates(summary: Summary) -> bool:
    """Whether the rows of a run are updates."""
    return bool((summary.get("engine") or {}).get("output_mode") == "update")


def shows_revisions(summary: Summary) -> bool:
    """Whether late events revise the results of a run."""
    return bool(summary.get("revisions"))


def definitions_of(summary: Summary) -> dict[str, str]:
    """Return the latencies that say something about a run in the order in which they are shown, with definitions."""
    found, seen = _OF_ROWS, _OF_ROWS
    if shows_revisions(summary):
        found, seen = _OF_REVISIONS, _OF_REVISIONS | {"freshness": _VISIBLE_FRESHNESS.format("value")}
    elif shows_updates(summary):
        found, seen = _OF_UPDATES, _OF_UPDATES | {"freshness": _VISIBLE_FRESHNESS.format("row")}
    order = [name for name in _ORDER if name in found]
    visible = {f"visible_{name}": seen[name].replace("append time", "visible time", 1) for name in order}
    return (
        {name: found[name] for name in order} | visible | {"visible_delay": "visible time of the row - its append time"}
    )


def shown_latencies(summary: Summary) -> dict[str, str]:
    """Return those that a run has, with definitions."""
    found = summary.get("latencies_ms") or {}
    return {name: words for name, words in definitions_of(summary).items() if name in found}
