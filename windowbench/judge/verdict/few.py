"""Whether a run measured enough to be ranked, however right it is. Pure."""

from __future__ import annotations

LEAST_WINDOWS = 5
LEAST_BATCHES = 10
"""Micro-batches of the measured phase, of an engine that works in batches."""


def too_few_to_rank(windows: int, batches: int | None) -> list[str]:
    """Return why a run is not ranked, by its measured windows and batches; nothing where it is.

    `batches` is None of an engine that does not work in batches.
    """
    counted = [(windows, LEAST_WINDOWS, "windows")]
    if batches is not None:
        counted.append((batches, LEAST_BATCHES, "micro-batches"))
    return [f"not ranked: {n} {what} measured, fewer than {least}" for n, least, what in counted if n < least]
