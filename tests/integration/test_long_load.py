"""A load that lasts takes no more memory than a short one: producers make it, send it and record it in chunks."""

import multiprocessing
import resource
import time

import pytest

from windowbench.producer_worker import run_worker
from windowbench.results.samples import read_columns
from windowbench.results.store import RunDirectory
from windowbench.schedule import NS_PER_S, Schedule

RATE = 1_000_000
"""A schedule far denser than anybody sends: an hour at 300 events/s goes by in seconds, every event late."""
SHORT, LONG = 150_000, 1_050_000
FLAT_BYTES = 16_000_000


def sent(config, directory, events, answer):
    """Send events in this process; give what was acknowledged, and the greatest memory."""
    here, there = multiprocessing.Pipe()
    epoch = time.time_ns()
    here.send(
        Schedule(
            epoch_ns=epoch,
            base_time_ns=epoch // (10 * NS_PER_S) * (10 * NS_PER_S),
            measure_end_ns=epoch + NS_PER_S,
            load_end_ns=epoch + events * NS_PER_S // RATE,
        )
    )
    run_worker(config, RunDirectory.create(directory).path, 0, there)
    messages = []
    while here.poll():
        try:
            messages.append(here.recv())
        except EOFError:
            break
    answer.put((messages[-1]["acknowledged"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))


@pytest.mark.timeout(300)
def test_seven_times_the_load_takes_a_producer_no_more_memory(make_topics, tmp_path):
    config = make_topics(rate=float(RATE), events_per_producer=None, num_producers=1, data_generator="uniform")
    spawn = multiprocessing.get_context("spawn")
    memory = {}
    for events in (SHORT, LONG):
        answer = spawn.Queue()
        worker = spawn.Process(target=sent, args=(config, tmp_path / str(events), events, answer))
        worker.start()
        acknowledged, memory[events] = answer.get(timeout=120)
        worker.join()
        recorded = read_columns(RunDirectory(tmp_path / str(events)).producer_samples(0))["sent_ns"]
        assert acknowledged == len(recorded) == events
    assert memory[LONG] - memory[SHORT] < FLAT_BYTES, memory
