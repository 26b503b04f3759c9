"""A load that lasts takes no more memory than a short one: producers make it, send it and record it in chunks."""

import multiprocessing

import pytest

from benchmarks.producing import ours
from windowbench.kafka import sender
from windowbench.runs.samples import read_columns
from windowbench.runs.store import RunDirectory

pytestmark = pytest.mark.all

SHORT, LONG = 300_000, 2_100_000
"""More than half an hour at 1,000 events/s goes by in seconds: the schedule is denser than anybody sends, so every
event is late."""
SMALL_QUEUE_KBYTES = 2048
"""How full the client's queue gets depends on how busy the machine is, and must not matter here."""
FLAT_BYTES = 12_000_000
"""Less than one integer for each further event."""


def with_small_queue(config, directory, events):
    sender.QUEUE_KBYTES = SMALL_QUEUE_KBYTES
    return ours(config, directory, events)


def test_seven_times_the_load_takes_a_producer_no_more_memory(make_topics, tmp_path):
    config = make_topics()
    spawn = multiprocessing.get_context("spawn")
    memory = {}
    for events in (SHORT, LONG):
        directory = tmp_path / str(events)
        directory.mkdir()
        with spawn.Pool(1) as pool:  # it checks that every event was acknowledged
            memory[events] = pool.apply(with_small_queue, (config, str(directory), events))["rss"]
        (run,) = directory.iterdir()
        assert len(read_columns(RunDirectory(run).producer_samples(0))["sent_ns"]) == events
    assert memory[LONG] - memory[SHORT] < FLAT_BYTES, memory
