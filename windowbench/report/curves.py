"""What plots are drawn from: samples brought down to the few hundred points that a picture can show. Pure.

However long a run was, each function returns a bounded number of points, and says extremes as they were: thinning
out never hides a peak.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST_POINTS = 400
MOST_SPANS = 300

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """Points of a line."""

    x: Floats
    y: Floats

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.x)


def quantile_curve(values: ArrayLike, most: int = MOST_POINTS) -> Curve:
    """Return the empirical distribution function: `x` values, `y` shares of values not above them.

    Notes
    -----
    By nearest rank, as every percentile here. Few values give each of them; many give a grid of ranks that always
    holds the least, the greatest and the 1 % at the top in the same number of points as the 99 % below.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    total = len(ordered)
    if total <= most:
        ranks = np.arange(1, total + 1)
    else:
        body = np.linspace(1, 0.99 * total, most // 2)
        tail = np.linspace(0.99 * total, total, most - most // 2)
        ranks = np.unique(np.ceil(np.concatenate((body, tail))).astype(np.int64))
    return Curve(x=ordered[ranks - 1], y=ranks / max(total, 1))


def spectrum_curve(values: ArrayLike, most: int = MOST_POINTS) -> Curve:
    """Return the percentile spectrum: `x` is -log10(1 - share), so that 90, 99, 99.9 % are equally far apart.

    The last point is the greatest value, at the share of all but half a value.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    total = len(ordered)
    if total == 0:
        return Curve(x=np.empty(0), y=np.empty(0))
    last = -np.log10(0.5 / total)
    grid = np.linspace(0, last, most)
    ranks = np.clip(np.ceil((1 - 10.0**-grid) * total - 1e-9), 1, total).astype(np.int64)
    return Curve(x=grid, y=ordered[ranks - 1])


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """A series in bins of equal width: the least, the median and the greatest value of each."""

    x: Floats
    low: Floats
    mid: Floats
    high: Floats

    def __len__(self) -> int:
        """Return the number of bins."""
        return len(self.x)


def band(x: ArrayLike, y: ArrayLike, most: int = MOST_POINTS) -> Band:
    """Return a series with at most `most` points; points without a value are left out.

    A series that is short enough stays as it is.
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    some = np.isfinite(xs) & np.isfinite(ys)
    xs, ys = xs[some], ys[some]
    if len(xs) <= most:
        return Band(x=xs, low=ys, mid=ys, high=ys)
    edges = np.linspace(xs.min(), xs.max(), most + 1)
    of_bin = np.clip(np.searchsorted(edges, xs, side="right") - 1, 0, most - 1)
    order = np.lexsort((ys, of_bin))
    bins, starts, counts = np.unique(of_bin[order], return_index=True, return_counts=True)
    ranked = ys[order]
    middle = starts + np.maximum(-(-counts // 2), 1) - 1
    return Band(
        x=(edges[bins] + edges[bins + 1]) / 2, low=ranked[starts], mid=ranked[middle], high=ranked[starts + counts - 1]
    )


def rates(start_s: ArrayLike, events: ArrayLike, most: int = MOST_POINTS) -> Curve:
    """Return events per second from counts of whole seconds, as mean rates of equally long pieces."""
    starts, counts = np.asarray(start_s, dtype=np.float64), np.asarray(events, dtype=np.float64)
    width = max(-(-len(starts) // most), 1)
    pieces = range(0, len(starts), width)
    return Curve(x=starts[::width], y=np.array([counts[i : i + width].mean() for i in pieces]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Spell:
    """A stretch of time in which the load was in one state."""

    start: float
    end: float
    state: int


def spells(starts: ArrayLike, states: ArrayLike, end: float, most: int = MOST_SPANS) -> list[Spell]:
    """Return the spells of a state path, neighbours of one state as one; no more than `most`.

    Of a path with more, each of `most` equally long pieces is given the state that holds longest in it.
    """
    bounds = np.append(np.asarray(starts, dtype=np.float64), end)
    path = np.asarray(states, dtype=np.int64)
    if len(path) > most:
        bounds, path = _coarser(bounds, path, most)
    keep = np.flatnonzero(np.diff(path, prepend=path[:1] - 1))
    edges = np.append(bounds[keep], bounds[-1])
    return [
        Spell(start=float(a), end=float(b), state=int(path[i]))
        for a, b, i in zip(edges[:-1], edges[1:], keep, strict=True)
    ]


def _coarser(bounds: Floats, path: NDArray[np.int64], most: int) -> tuple[Floats, NDArray[np.int64]]:
    edges = np.linspace(bounds[0], bounds[-1], most + 1)
    held = np.zeros((most, int(path.max()) + 1))
    for state in range(held.shape[1]):
        inside = np.concatenate(([0.0], np.cumsum(np.diff(bounds) * (path == state))))
        held[:, state] = np.diff(np.interp(edges, bounds, inside))
    return edges, held.argmax(axis=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """What an engine said while it ran, by the time it said it (s from the base of the measured phase)."""

    lag: Curve
    """How far the watermark was behind the clock, in s."""
    work: dict[str, Curve]
    """Lengths of batches or checkpoints in ms, by their name in the messages."""


WORK = ("batch_ms", "checkpoint_ms")


def progress_curves(messages: Iterable[Mapping[str, Any]], base_ns: int, begin_ns: int, end_ns: int) -> Progress:
    """Return what can be drawn of an engine's messages, times counted from `base_ns`.

    Messages that say nothing of use are passed over, and so is what was not said between `begin_ns` and `end_ns`: after
    the load the watermark is END's.
    """
    points: dict[str, list[tuple[float, float]]] = {name: [] for name in ("lag", *WORK)}
    for message in messages:
        said_ns = _number(message.get("received_ns"))
        if message.get("type") != "progress" or said_ns is None or not begin_ns <= said_ns < end_ns:
            continue
        watermark_ms = _number(message.get("watermark_ms"))
        found = {name: _number(message.get(name)) for name in WORK}
        found["lag"] = None if watermark_ms is None else said_ns / 1e9 - watermark_ms / 1e3
        for name, value in found.items():
            if value is not None:
                points[name].append(((said_ns - base_ns) / 1e9, value))
    columns = {name: np.array(found, dtype=np.float64).reshape(-1, 2).T for name, found in points.items()}
    curves = {name: Curve(x=x, y=y) for name, (x, y) in columns.items()}
    return Progress(lag=curves["lag"], work={name: curves[name] for name in WORK if len(curves[name])})


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def stacked(lengths: Sequence[float]) -> list[tuple[float, float]]:
    """Return where each part of a bar begins and how long it is; what is negative goes to the left of zero."""
    right = left = 0.0
    parts = []
    for length in lengths:
        if length >= 0:
            parts.append((right, length))
            right += length
        else:
            left += length
            parts.append((left, -length))
    return parts


def by_time(windows: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Return one entry for each window id of windows of several types of rows, in the order of their ends.

    `windows` are the columns of ``windows.csv``. There are ``window_id``, ``window_end_ms`` (the last), ``phase``
    (measured where one of them is) and the latencies: the greatest of columns that end in ``_max_ms``, the median of
    those that end in ``_p50_ms``; None without any.
    """
    places: dict[Any, list[int]] = {}
    for place, number in enumerate(windows["window_id"]):
        places.setdefault(number, []).append(place)
    ids = sorted(places)
    found: dict[str, list[Any]] = {
        "window_id": ids,
        "window_end_ms": [max(windows["window_end_ms"][p] for p in places[i]) for i in ids],
        "phase": [min((windows["phase"][p] for p in places[i]), key=lambda phase: phase != "measured") for i in ids],
    }
    for name, column in windows.items():
        if not name.endswith(("_max_ms", "_p50_ms")):
            continue
        merged: Any = max if name.endswith("_max_ms") else np.median
        values = ([column[p] for p in places[i] if column[p] is not None] for i in ids)
        found[name] = [float(merged(some)) if some else None for some in values]
    return found
