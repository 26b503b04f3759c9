"""Summaries that say little else than what a test is about."""

import json
from pathlib import Path

from windowbench.runs.files.codec import from_json
from windowbench.runs.files.summary import form_of, upgraded

KEPT = Path(__file__).parents[1] / "recorded/golden/expected/judged/reference-ad_ctr/summary.json"


def content(**changes):
    """Return the content of a whole ``summary.json`` of a valid run in which some fields of its groups are others.

    Latencies are exactly those given; of the others the fields given are changed.
    """
    found = upgraded(json.loads(KEPT.read_text(encoding="utf-8")))
    plain = {**next(iter(found["latencies_ms"].values())), "p90_interval": None}
    for group, value in changes.items():
        if group == "latencies_ms":
            found[group] = {name: {**plain, **figures} for name, figures in value.items()}
        elif isinstance(found[group], dict) and isinstance(value, dict):
            found[group] = {**found[group], **value}
        else:
            found[group] = value
    return found


def typed(**changes):
    """Return the same as its type."""
    found = content(**changes)
    return from_json(found, form_of(found))
