"""The run lock and the cleaning after a run that died; processes are stand-ins here."""

from __future__ import annotations

import errno
import json
import os
import platform
import threading
from pathlib import Path

import pytest

from windowbench.errors import EnvironmentProblem
from windowbench.processes import runlock
from windowbench.processes.process_table import start_mark
from windowbench.processes.runlock import LOCK_NAME, RunLock, check_unused, clean_leftovers, holder_of


class FakeChild:
    """As much of a child as a lock records."""

    def __init__(self, name, pid, mark, tag):
        self.name, self.pid, self.mark, self.tag = name, pid, mark, tag


@pytest.fixture
def killed(monkeypatch):
    """Record what would be killed instead of killing it."""
    seen = {"tags": [], "groups": []}

    def kill_tagged(tag):
        seen["tags"].append(tag)
        return 2

    monkeypatch.setattr(runlock, "kill_tagged", kill_tagged)
    monkeypatch.setattr(runlock.os, "killpg", lambda pid, _signal: seen["groups"].append(pid))
    return seen


def dead_run(runs: Path, name: str = "r1", **changes) -> Path:
    """Write the lock of a run whose orchestrator is gone."""
    run = runs / name
    run.mkdir(parents=True)
    child = {"name": "broker", "pid": os.getpid(), "start": "another process", "tag": "t1"}
    lock = {
        "host": platform.node(),
        "pid": os.getpid(),
        "children": [child],
        "scratch": [],
    }
    (run / LOCK_NAME).write_text(json.dumps(lock | changes))
    return run


def test_the_lock_names_us_and_our_children_and_goes_at_the_end(tmp_path):
    with RunLock(tmp_path) as lock:
        lock.add(FakeChild("engine", 77, "mark", "tag"))
        content = json.loads((tmp_path / LOCK_NAME).read_text())
    assert content["pid"] == os.getpid()
    assert content["children"] == [{"name": "engine", "pid": 77, "start": "mark", "tag": "tag"}]
    assert list(tmp_path.iterdir()) == []


def test_a_directory_in_use_is_refused(tmp_path):
    with (
        RunLock(tmp_path),
        pytest.raises(EnvironmentProblem, match=f"in use by process {os.getpid()}"),
        RunLock(tmp_path),
    ):
        pass


def test_a_run_that_is_going_on_is_left_alone(tmp_path, killed):
    (tmp_path / "r1").mkdir()
    with RunLock(tmp_path / "r1") as lock:
        lock.add(FakeChild("engine", 77, "mark", "tag"))
        assert clean_leftovers(tmp_path) == []
    assert killed == {"tags": [], "groups": []}


@pytest.mark.parametrize("content", [{"pid": 2**22 + 1}, {"pid": 1}, "damaged"])
def test_a_run_of_another_namespace_of_processes_lives_whatever_number_its_process_has(tmp_path, killed, content):
    run = dead_run(tmp_path)
    with RunLock(run) as lock:
        lock.add(FakeChild("engine", 77, "mark", "tag"))
        written = json.loads((run / LOCK_NAME).read_text())
        (run / LOCK_NAME).write_text("{" if content == "damaged" else json.dumps(written | content))
        assert clean_leftovers(tmp_path) == []
        assert holder_of(run) is not None
        with pytest.raises(EnvironmentProblem, match="in use by"):
            check_unused(run)
        with pytest.raises(EnvironmentProblem, match="in use by"), RunLock(run):
            pass
    assert killed == {"tags": [], "groups": []}
    assert holder_of(run) is None


def test_a_process_of_the_number_that_a_dead_run_had_does_not_keep_it_alive(tmp_path, killed):
    dead_run(tmp_path, start=start_mark(os.getpid()))
    assert len(clean_leftovers(tmp_path)) == 1


def test_who_only_looks_keeps_nobody_from_working(tmp_path):
    stop = threading.Event()

    def look():
        while not stop.is_set():
            holder_of(tmp_path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(200):
            with RunLock(tmp_path):
                assert holder_of(tmp_path) == f"process {os.getpid()}"
    finally:
        stop.set()
        looking.join()


def test_where_nothing_can_be_locked_that_is_said(tmp_path, monkeypatch):
    def refuses(*_):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(runlock.fcntl, "flock", refuses)
    with pytest.raises(EnvironmentProblem, match="held cannot be locked: no locks available"), RunLock(tmp_path):
        pass


def test_a_dead_run_is_killed_by_tag_and_reported_once(tmp_path, killed):
    dead_run(tmp_path)
    (leftover,) = clean_leftovers(tmp_path)
    assert (leftover.run, leftover.services, leftover.processes) == ("r1", ("broker",), 2)
    assert str(leftover) == "r1: 2 processes killed (broker)"
    assert killed["tags"] == ["t1"]
    assert clean_leftovers(tmp_path) == []


def test_a_recycled_pid_of_a_child_is_never_killed(tmp_path, killed):
    dead_run(tmp_path)  # the child's pid is ours, with another start mark
    clean_leftovers(tmp_path)
    assert killed["groups"] == []


def test_the_group_of_a_child_that_is_still_the_same_process_is_killed(tmp_path, killed):
    child = {"name": "broker", "pid": os.getpid(), "start": start_mark(os.getpid()), "tag": "t1"}
    dead_run(tmp_path, children=[child])
    clean_leftovers(tmp_path)
    assert killed["groups"] == [os.getpid()]


def test_a_run_of_another_machine_on_a_shared_disk_is_left_alone(tmp_path, killed):
    dead_run(tmp_path, host="elsewhere")
    assert clean_leftovers(tmp_path) == []
    assert killed["tags"] == []


def test_scratch_of_a_dead_run_is_removed_and_nothing_else(tmp_path, killed):
    run = dead_run(tmp_path, scratch=["broker", "broker.properties", "never-made"])
    (run / "broker").mkdir()
    (run / "broker" / "segment").touch()
    (run / "broker.properties").touch()
    (run / "config.json").touch()
    clean_leftovers(tmp_path)
    assert [path.name for path in run.iterdir()] == ["config.json"]


def test_scratch_outside_the_run_directory_is_not_removed(tmp_path, killed):
    (tmp_path / "precious").touch()
    dead_run(tmp_path / "runs", scratch=["../../precious", ".", ""])
    clean_leftovers(tmp_path / "runs")
    assert (tmp_path / "precious").exists()
    assert (tmp_path / "runs" / "r1").exists()


def test_scratch_must_be_inside_the_run_directory(tmp_path):
    with RunLock(tmp_path) as lock, pytest.raises(ValueError, match="elsewhere"):
        lock.add_scratch(Path("/elsewhere"))


@pytest.fixture
def system(monkeypatch, tmp_path):
    """Give a directory that stands for the system's temporary one."""
    place = tmp_path / "system"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    return place


def test_the_temporary_directory_is_made_once_named_in_the_lock_and_gone_with_it(tmp_path, system):
    with RunLock(tmp_path) as lock:
        assert list(system.iterdir()) == [], "nobody has asked for it"
        path = lock.temporary()
        assert lock.temporary() == path
        assert path.parent == system
        assert json.loads((tmp_path / LOCK_NAME).read_text())["elsewhere"] == [str(path)]
        assert path.stat().st_mode & 0o066 == 0, "nobody else reads or writes there"
        (path / "blocks").mkdir()
        (path / "blocks" / "data").touch()
    assert list(system.iterdir()) == []


def test_each_lock_has_a_temporary_directory_of_its_own(tmp_path, system):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with RunLock(tmp_path / "a") as first:
        with RunLock(tmp_path / "b") as second:
            assert first.temporary() != second.temporary()
        assert list(system.iterdir()) == [first.temporary()]


@pytest.mark.parametrize("place", ["r1", "search/probes/p1"])
def test_the_temporary_directory_of_a_dead_run_or_probe_is_removed(tmp_path, system, killed, place):
    runs, (run, name) = tmp_path / "runs", (place.rpartition("/")[0], place.rpartition("/")[2])
    (tmp_path / "alive").mkdir()
    with RunLock(tmp_path / "alive") as lock:
        (lock.temporary() / "data").touch()
        content = json.loads((tmp_path / "alive" / LOCK_NAME).read_text())
        dead_run(runs / run, name, elsewhere=content["elsewhere"])
        (leftover,) = clean_leftovers(runs)
        assert leftover.run == place
        assert list(system.iterdir()) == []
    assert clean_leftovers(runs) == []


@pytest.mark.parametrize(
    "named", ["precious", "windowbench-run-", "windowbench-run-abcdefgh9", "windowbench-run-a/../p"]
)
def test_a_directory_that_no_lock_has_made_is_not_removed_whatever_a_lock_names(tmp_path, system, killed, named):
    (system / named).mkdir(parents=True, exist_ok=True)
    dead_run(tmp_path / "runs", elsewhere=[str(system / named)])
    clean_leftovers(tmp_path / "runs")
    assert (system / named).exists()


def test_what_a_link_of_such_a_name_points_to_is_not_removed(tmp_path, system, killed):
    (system / "precious").mkdir()
    link = system / "windowbench-run-abcdefgh"
    link.symlink_to(system / "precious")
    dead_run(tmp_path / "runs", temporary=str(link))
    clean_leftovers(tmp_path / "runs")
    assert (system / "precious").exists()


@pytest.mark.parametrize("named", [None, 7, "", "windowbench-run-abcdefgh", "/nowhere/windowbench-run-abcdefgh"])
def test_a_lock_that_names_no_temporary_directory_that_is_there_is_cleaned_all_the_same(tmp_path, killed, named):
    run = dead_run(tmp_path, temporary=named)
    clean_leftovers(tmp_path)
    assert list(run.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"children": [{}]}', '{"children": null}', "\xff"])
def test_a_damaged_lock_is_no_reason_to_kill_or_to_fail(tmp_path, killed, content):
    run = tmp_path / "r1"
    run.mkdir()
    (run / LOCK_NAME).write_text(content)
    assert clean_leftovers(tmp_path) == []


def test_a_missing_runs_directory_has_no_leftovers(tmp_path):
    assert clean_leftovers(tmp_path / "none") == []
