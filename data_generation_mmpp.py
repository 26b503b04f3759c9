"""Markov-modulated Poisson arrivals: bursts that come and go at random. Pure.

How it works:

* A continuous-time Markov chain walks through the states of :class:`MmppModel`: it stays in a state for an
  exponential sojourn, then jumps by the jump matrix. It starts in its stationary state, weighted by
  *time*, so that the first second of the load is like any other.
* The walk, the *path*, has a stream of its own and is shared by all producers: with a path each, bursts of
  one would fill the calm of another. Its segments have whole-ns bounds; those bounds *are* the path.
* Given the path, producer i is a Poisson process of rate r(t)/N. Its arrivals are made by time
  rescaling: the running total of Exp(1) draws is mapped back through the integral of that rate.
* Everything is made segment by segment as it is needed, so an hour takes no more memory than a second.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config import LoadSettings
from windowbench.load.schedule import NS_PER_S
from windowbench.load.streams import exponential_chunks, stream_rng

_SEGMENTS = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class MmppModel:
    """The modulating chain and what it modulates."""

    rates: tuple[float, ...]
    """Events per second of all producers together, by state."""
    sojourns_s: tuple[float, ...]
    """Mean sojourn time by state."""
    jumps: tuple[tuple[float, ...], ...]
    """Jump probabilities, from row to column."""
    stationary: tuple[float, ...]
    """Share of time spent in each state in the long run."""

    @property
    def mean_rate(self) -> float:
        """Events per second in the long run."""
        return sum(p * r for p, r in zip(self.stationary, self.rates, strict=True))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MmppPath:
    """The state path of one load: segment k lasts from ``starts_ns[k]`` to the next start, the last to ``until_ns``."""

    starts_ns: NDArray[np.int64]
    """ns since the run's epoch, beginning with 0, non-decreasing."""
    states: NDArray[np.int64]
    rates: NDArray[np.float64]
    """Events per second of all producers together."""
    until_ns: int

    @property
    def lengths_ns(self) -> NDArray[np.int64]:
        """How long each segment lasts."""
        return np.diff(self.starts_ns, append=self.until_ns)

    @property
    def state_changes(self) -> int:
        """How often the state changed."""
        return max(0, self.starts_ns.size - 1)

    @property
    def mean_rate(self) -> float:
        """Mean events per second along this path."""
        return float(np.dot(self.rates, self.lengths_ns) / self.until_ns)


def mmpp_model(load: LoadSettings) -> MmppModel:
    """Return the model that a configuration describes.

    Notes
    -----
    The nominal rate is the mean in expectation: rates are the multipliers, scaled so that their
    time-stationary mean is the nominal rate. Time-stationary probabilities are those of the jump
    chain, weighted by the mean sojourns.
    """
    sojourns = load.mmpp_sojourn_seconds
    states = len(sojourns)
    multipliers = load.mmpp_multipliers or (1.0, load.mmpp_burst_ratio)
    jumps = load.mmpp_jump_matrix or tuple(
        tuple(0.0 if i == j else 1 / (states - 1) for j in range(states)) for i in range(states)
    )
    weights = [visits * sojourn for visits, sojourn in zip(_stationary_visits(jumps), sojourns, strict=True)]
    stationary = tuple(weight / sum(weights) for weight in weights)
    mean = sum(p * m for p, m in zip(stationary, multipliers, strict=True))
    rates = tuple(float(load.total_rate) * m / mean for m in multipliers)
    return MmppModel(rates=rates, sojourns_s=sojourns, jumps=jumps, stationary=stationary)


def _stationary_visits(jumps: tuple[tuple[float, ...], ...]) -> list[float]:
    """Return the stationary distribution of a jump chain, up to a factor.

    Notes
    -----
    Elimination after Grassmann, Taksar and Heyman (Operations Research 33, 1985): no subtraction, so no
    cancellation, and plain floats, so that every machine computes the same rates to the last bit.
    """
    a = [list(row) for row in jumps]
    for k in range(len(a) - 1, 0, -1):
        out = sum(a[k][:k])
        for i in range(k):
            a[i][k] /= out
            for j in range(k):
                a[i][j] += a[i][k] * a[k][j]
    visits = [1.0]
    for k in range(1, len(a)):
        visits.append(sum(visits[i] * a[i][k] for i in range(k)))
    return visits


def mmpp_path(load: LoadSettings, until_ns: int, seed: int) -> MmppPath:
    """Return the state path from the epoch to `until_ns`, shared by all producers; a longer one goes on with it."""
    model = mmpp_model(load)
    starts, states = [], []
    for bounds, block_states in _segments(model, seed):
        starts.append(bounds[:-1])
        states.append(block_states)
        if bounds[-1] >= until_ns:
            break
    all_starts = np.concatenate(starts)
    count = int(np.searchsorted(all_starts, until_ns))
    all_states = np.concatenate(states)[:count]
    return MmppPath(
        starts_ns=all_starts[:count], states=all_states, rates=np.array(model.rates)[all_states], until_ns=until_ns
    )


def mmpp_offsets(load: LoadSettings, producer: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield the due offsets of one producer under Markov-modulated Poisson load, without end.

    They are non-decreasing ns since the run's epoch, in chunks of changing size.
    """
    model = mmpp_model(load)
    rate_per_ns = np.array(model.rates) / (load.num_producers * NS_PER_S)
    draws = exponential_chunks(stream_rng(seed, "arrivals", producer))
    levels = np.cumsum(next(draws))  # of the integrated rate, counted from the start of the block of segments
    for bounds, states in _segments(model, seed):
        rates = rate_per_ns[states]
        integral = np.concatenate(([0.0], np.cumsum(rates * np.diff(bounds))))
        while True:
            inside = levels[: np.searchsorted(levels, integral[-1])]
            if inside.size:
                # The last segment that begins at or below the level: one without any rate is never it.
                segment = np.searchsorted(integral, inside, side="right") - 1
                into = ((inside - integral[segment]) / rates[segment]).astype(np.int64)
                yield np.minimum(bounds[segment] + into, bounds[segment + 1] - 1)
            if inside.size < levels.size:
                levels = levels[inside.size :] - integral[-1]
                break
            levels = levels[-1] + np.cumsum(next(draws))


def _segments(model: MmppModel, seed: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield blocks of the path without end: the bounds of their segments (one more than segments) and the states."""
    rng = stream_rng(seed, "mmpp path")
    jumps = [_cumulative(row) for row in model.jumps]
    means_ns = np.array(model.sojourns_s) * NS_PER_S
    state = bisect_right(_cumulative(model.stationary), rng.random())
    start, fraction = 0, 0.0
    while True:
        visited = []
        for uniform in rng.random(_SEGMENTS).tolist():
            visited.append(state)
            state = bisect_right(jumps[state], uniform)
        states = np.array(visited)
        totals = fraction + np.cumsum(rng.standard_exponential(_SEGMENTS) * means_ns[states])
        floors = np.floor(totals)
        bounds = start + np.concatenate(([0], floors.astype(np.int64)))
        yield bounds, states
        start, fraction = int(bounds[-1]), float(totals[-1] - floors[-1])


def _cumulative(probabilities: tuple[float, ...]) -> list[float]:
    """Return running totals; rounding must not leave a gap below 1 that no state, or an impossible one, would get."""
    totals = np.cumsum(probabilities)
    return [float(t) if t < totals[-1] else 1.0 for t in totals]
