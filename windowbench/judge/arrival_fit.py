"""How well the run's own schedule fits its arrival process. Pure."""

from __future__ import annotations

from config import Config
from windowbench.judge.measures.goodness_of_fit import describe_arrivals
from windowbench.load.arrivals import modulating_path, scheduled_offsets
from windowbench.load.schedule import NS_PER_S, Schedule
from windowbench.runs.files.load import GoodnessOfFit

_MOST_EVENTS = 1_000_000
"""Offsets are held in memory, and this many say all there is to say."""


def goodness_of_fit(config: Config, schedule: Schedule) -> GoodnessOfFit:
    """Describe the schedule of a run, or the beginning of a very long one."""
    until_ns = min(schedule.load_length_ns, int(_MOST_EVENTS / config.load.total_rate * NS_PER_S))
    offsets = [scheduled_offsets(config, producer, until_ns) for producer in range(config.load.num_producers)]
    return describe_arrivals(config, offsets, modulating_path(config, until_ns), until_ns)
