"""Children die with us on every way out, and so does all they started: with real processes.

The tree in most tests is what an engine looks like: an orchestrator starts a command, which starts one child that
ignores SIGTERM, and one that moves to a session of its own and is orphaned at once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.patience import PATIENCE
from windowbench.errors import EnvironmentProblem, HarnessError
from windowbench.processes.process import Child, start
from windowbench.processes.process_table import TAG, kill_tagged, start_mark, tagged_processes
from windowbench.processes.runlock import LOCK_NAME, RunLock, clean_leftovers
from windowbench.processes.waiting import wait_until
from windowbench.settings.masking import hide_values

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="descendants in other sessions are found on Linux")

TREE = """
import os, signal, subprocess, sys, time
python = [sys.executable, "-S", "-c"]
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
subprocess.Popen([*python, stubborn])
orphan = "import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', %r], start_new_session=True)" % stubborn
subprocess.run([*python, orphan])
print("ready", flush=True)
time.sleep(600)
"""

ORCHESTRATOR = """
import os, signal, sys, time
from pathlib import Path
from windowbench.processes.process import start
from windowbench.processes.runlock import RunLock
run = Path(sys.argv[1])
run.mkdir(parents=True)
with RunLock(run) as lock:
    child = start([sys.executable, "-S", "-c", sys.argv[2]], name="tree", log_path=run / "tree.log")
    lock.add(child)
    lock.add_scratch(run / "tree.log")
    print(child.pid, child.tag, flush=True)
    if sys.argv[3] == "wait":
        time.sleep(600)
    elif sys.argv[3] == "fail":
        raise SystemExit(3)
    elif sys.argv[3] == "detach":
        child.detach()
    elif sys.argv[3] == "detach a guard that is slow":
        while "ready" not in child.last_lines():
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGSTOP)
        while Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.01)
        child.detach()
"""


def lines_of(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def until(condition, what):
    return wait_until(condition, PATIENCE, what, poll=0.01)


def until_gone(tag: str) -> None:
    wait_until(
        lambda: not tagged_processes(tag), PATIENCE, "the tree to be gone", last_seen=lambda: tagged_processes(tag)
    )


@pytest.fixture
def started(tmp_path):
    """Start commands that are certainly gone after the test."""
    children: list[Child] = []

    def start_one(*command, **options):
        children.append(start(command, log_path=tmp_path / f"{len(children)}.log", **options))
        return children[-1]

    yield start_one
    for child in children:
        child.kill()
        kill_tagged(child.tag)


@pytest.fixture
def tree(started):
    """Start the tree and wait until it is complete: guard, command, two more."""
    child = started(sys.executable, "-S", "-c", TREE)
    until(lambda: "ready" in child.last_lines() and len(tagged_processes(child.tag)) == 4, "the tree")
    return child


@pytest.fixture
def orchestrate(tmp_path):
    """Run an orchestrator that starts the tree; return it, the guard's pid and the tree's tag."""
    tags = []
    processes = []

    def run(then):
        command = [sys.executable, "-c", ORCHESTRATOR, str(tmp_path / "runs" / "r1"), TREE, then]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
        processes.append(process)
        pid, tag = process.stdout.readline().split()
        tags.append(tag)
        return process, int(pid), tag

    yield run
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()
    for tag in tags:
        kill_tagged(tag)


def until_complete(tmp_path, tag):
    log = tmp_path / "runs" / "r1" / "tree.log"
    until(lambda: "ready" in lines_of(log) and len(tagged_processes(tag)) == 4, "the tree")


# --- ways out of the orchestrator -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_after_the_orchestrator_is_killed_everything_is_gone(orchestrate, tmp_path, number):
    process, _, tag = orchestrate("wait")
    until_complete(tmp_path, tag)
    process.send_signal(number)
    process.wait()
    until_gone(tag)


def test_after_the_orchestrator_fails_everything_is_gone(orchestrate):
    process, _, tag = orchestrate("fail")
    assert process.wait(PATIENCE) == 3
    until_gone(tag)


def test_when_orchestrator_and_guard_are_both_killed_the_next_start_cleans_up(orchestrate, tmp_path):
    process, guard, tag = orchestrate("wait")
    until_complete(tmp_path, tag)
    os.kill(guard, signal.SIGKILL)
    process.kill()
    process.wait()
    # The command dies with its guard; what it started does not.
    until(lambda: start_mark(guard) is None and len(tagged_processes(tag)) == 2, "guard and command to end")
    (leftover,) = clean_leftovers(tmp_path / "runs")
    assert (leftover.run, leftover.services, leftover.processes) == ("r1", ("tree",), 2)
    assert tagged_processes(tag) == []
    assert list((tmp_path / "runs" / "r1").iterdir()) == []


def test_the_next_start_leaves_a_run_alone_that_is_going_on(orchestrate, tmp_path):
    _, _, tag = orchestrate("wait")
    until_complete(tmp_path, tag)
    assert clean_leftovers(tmp_path / "runs") == []
    assert len(tagged_processes(tag)) == 4


def test_a_detached_child_outlives_the_orchestrator_until_its_guard_gets_sigterm(orchestrate, tmp_path):
    process, guard, tag = orchestrate("detach")
    process.wait(PATIENCE)
    until_complete(tmp_path, tag)
    assert clean_leftovers(tmp_path / "runs") == []
    os.kill(guard, signal.SIGTERM)
    until_gone(tag)


def test_the_order_to_detach_counts_even_when_our_end_is_seen_together_with_it(orchestrate, tmp_path):
    process, guard, tag = orchestrate("detach a guard that is slow")
    process.wait(PATIENCE)
    os.kill(guard, signal.SIGCONT)
    with pytest.raises(HarnessError):  # it would be gone in no time
        wait_until(lambda: len(tagged_processes(tag)) < 4, 0.5, "the tree to be gone")
    os.kill(guard, signal.SIGTERM)
    until_gone(tag)


# --- ways out of the child --------------------------------------------------------------------------------------------


def test_stop_ends_the_tree_and_tells_how_the_command_ended(tree):
    assert tree.stop() == -signal.SIGTERM
    assert tagged_processes(tree.tag) == []
    assert tree.stop() == -signal.SIGTERM


def test_a_command_that_ignores_sigterm_is_killed_after_the_time_out(started):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)"
    child = started(sys.executable, "-c", f"{code}; time.sleep(600)")
    until(lambda: "ready" in child.last_lines(), "the command")
    assert child.stop(timeout=0.2) == -signal.SIGKILL
    assert tagged_processes(child.tag) == []


def test_what_a_command_leaves_behind_when_it_ends_is_killed(started):
    child = started("sh", "-c", "sleep 600 & exit 7")
    assert child.wait(PATIENCE) == 7
    assert tagged_processes(child.tag) == []


def test_when_the_guard_is_killed_poll_kills_the_rest(tree):
    os.kill(tree.pid, signal.SIGKILL)
    assert tree.wait(PATIENCE) == -signal.SIGKILL
    assert tagged_processes(tree.tag) == []


def test_when_the_guard_is_killed_the_command_dies_at_once(tree):
    before = set(tagged_processes(tree.tag))
    os.kill(tree.pid, signal.SIGKILL)
    until(lambda: len(before & set(tagged_processes(tree.tag))) == 2, "the command's end")


def test_leaving_the_with_block_stops_the_child_whatever_was_raised(tree):
    with pytest.raises(HarnessError), tree:
        raise HarnessError("any")
    assert tagged_processes(tree.tag) == []


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_passes_through(started, code):
    assert started("sh", "-c", f"exit {code}").wait(PATIENCE) == code


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM])
def test_the_signal_that_ended_the_command_passes_through(started, number):
    assert started("sh", "-c", f"kill -{int(number)} $$").wait(PATIENCE) == -number


def test_a_command_that_does_not_exist_ends_with_127_and_says_so(started):
    child = started("no-such-program")
    assert child.wait(PATIENCE) == 127
    assert child.last_lines() == ("cannot start no-such-program: No such file or directory",)


def test_sigterm_reaches_the_command_alone_so_that_it_can_end_in_its_own_way(started):
    code = """
import signal, subprocess, sys
child = subprocess.Popen(["sleep", "600"])
def handler(*_):
    print("child still runs:", child.poll() is None, flush=True)
    raise SystemExit(5)
signal.signal(signal.SIGTERM, handler)
print("ready", flush=True)
child.wait()
"""
    child = started(sys.executable, "-c", code)
    until(lambda: "ready" in child.last_lines(), "the command")
    assert child.stop() == 5
    assert child.last_lines(1) == ("child still runs: True",)


def test_a_child_started_on_a_thread_outlives_the_thread(started, tmp_path):
    # The parent-death signal of Linux comes when the starting *thread* ends.
    made = []

    def start_one():
        made.append(started("sh", "-c", f"echo ready; until test -e {tmp_path}/go; do sleep 0.02; done; exit 4"))
        until(lambda: "ready" in made[0].last_lines(), "the command")

    thread = threading.Thread(target=start_one)
    thread.start()
    thread.join()
    (tmp_path / "go").touch()
    assert made[0].wait(PATIENCE) == 4


def test_no_signal_is_ignored_in_a_child_though_python_ignores_some_and_we_may_ignore_others(started):
    old = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        child = started("grep", "SigIgn", "/proc/self/status")
    finally:
        signal.signal(signal.SIGTERM, old)
    child.wait(PATIENCE)
    ignored = int(child.last_lines()[0].split()[1], 16)
    # Signals from 32 on are the C library's own: below make, which spawns its children, 32 arrives ignored.
    assert ignored & ((1 << 31) - 1) == 0


# --- output -----------------------------------------------------------------------------------------------------------


def test_lines_of_standard_output_reach_the_callback_and_both_streams_the_log(started):
    seen = []
    child = started("sh", "-c", "echo one; echo two >&2; printf three", on_line=seen.append)
    assert child.wait(PATIENCE) == 0
    assert seen == ["one", "three"]
    assert sorted(child.last_lines()) == ["one", "three", "two"]


def test_who_sees_the_end_has_seen_every_line(started):
    seen = []
    child = started("sh", "-c", "seq 20000", on_line=seen.append)
    until(lambda: child.poll() is not None, "the end")
    assert len(seen) == 20_000


def test_secrets_are_masked_in_the_log_of_both_streams_but_not_for_the_callback(started):
    seen = []
    child = started(
        "sh", "-c", "echo a-hunter2; echo b-hunter2 >&2", on_line=seen.append, redact=hide_values(["hunter2"])
    )
    child.wait(PATIENCE)
    assert seen == ["a-hunter2"]
    assert sorted(child.last_lines()) == ["a-******", "b-******"]


def test_the_log_is_appended_to(tmp_path):
    log = tmp_path / "logs" / "a.log"
    for word in ("one", "two"):
        with start(["echo", word], log_path=log) as child:
            child.wait(PATIENCE)
    assert lines_of(log) == ["one", "two"]


def test_environment_and_directory_are_the_given_ones(started, tmp_path):
    child = started(
        "sh", "-c", f'pwd; echo $A; test -n "${TAG}"', env={"PATH": os.environ["PATH"], "A": "b"}, cwd=tmp_path
    )
    assert child.wait(PATIENCE) == 0
    assert child.last_lines() == (str(tmp_path), "b")


def test_a_child_whose_output_is_read_here_cannot_be_detached(started):
    child = started("sleep", "600", on_line=print)
    with pytest.raises(ValueError, match="cannot outlive"):
        child.detach()


def test_the_lock_of_a_finished_run_is_gone(tmp_path, tree):
    with RunLock(tmp_path) as lock:
        lock.add(tree)
        assert (tmp_path / LOCK_NAME).exists()
    assert not (tmp_path / LOCK_NAME).exists()


def test_output_that_cannot_be_kept_is_said_and_the_command_goes_on(started):
    def full(line):
        raise OSError(28, "No space left on device")

    child = started("sh", "-c", "seq 20000; exit 7", on_line=full)
    assert child.wait(PATIENCE) == 7
    with pytest.raises(EnvironmentProblem, match=r"output of sh cannot be kept: .*No space left on device"):
        child.check_output()


IMPATIENT = """
import sys
from pathlib import Path
from windowbench.errors import run_program
from windowbench.processes.process import start

def body(argv):
    child = start([sys.executable, "-S", "-c", argv[1]], name="tree", log_path=Path(argv[0]))
    print(child.tag, flush=True)
    try:
        child.wait(600)
    finally:
        print("cleaning up", flush=True)
        child.wait(600)

sys.exit(run_program(body, sys.argv[1:]))
"""


def test_a_second_ctrl_c_kills_the_whole_tree_at_once_though_the_clean_up_goes_on(tmp_path):
    log = tmp_path / "tree.log"
    command = [sys.executable, "-c", IMPATIENT, str(log), TREE]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as one:
        assert one.stdout is not None
        tag = one.stdout.readline().strip()
        until(lambda: "ready" in lines_of(log), "the tree")
        one.send_signal(signal.SIGINT)
        assert one.stdout.readline() == "cleaning up\n"
        assert tagged_processes(tag)
        one.send_signal(signal.SIGINT)
        assert one.wait(PATIENCE) == 130
    until_gone(tag)
