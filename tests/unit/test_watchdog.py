"""The bound on the whole of a run."""

import signal
import threading
import time

import pytest

from config import Config
from tests.patience import PATIENCE
from windowbench.orchestrate.watchdog import RunTimeout, allowed_seconds, watched


def config(**values):
    return Config().replace(**values)


def test_a_run_may_take_what_the_user_says():
    assert allowed_seconds(config(run_timeout_seconds=7.0)) == 7.0


def test_otherwise_one_and_a_half_times_what_is_planned_and_two_minutes():
    planned = 30 + 60 + 3 + config().load.cooldown_seconds + 120 + 60
    assert allowed_seconds(config()) == 1.5 * planned + 120


def test_a_run_that_waits_for_ever_ends_with_the_phase_it_was_in():
    with pytest.raises(RunTimeout, match=r"longer than 0.05 s \(--run-timeout\)") as raised:  # noqa: SIM117
        with watched(config(run_timeout_seconds=0.05), lambda: "drain"):
            time.sleep(PATIENCE)
    assert "phase drain" in raised.value.remedy
    assert raised.value.exit_code == 3


def test_a_run_within_its_time_is_left_alone_also_afterwards():
    before = signal.getsignal(signal.SIGALRM)
    with watched(config(run_timeout_seconds=PATIENCE), lambda: "drain"):
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= PATIENCE
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_in_another_thread_nothing_is_bound():
    ended = []

    def work():
        with watched(config(run_timeout_seconds=0.01), lambda: "drain"):
            ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE)
    assert ended == [True]
