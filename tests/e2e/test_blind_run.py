"""A blind run by the real command: its salt is with the producers alone until the engine has ended."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from tests.e2e.started import TINY, plain_engine, reasons_but_speed, start
from windowbench.load.salt import SALT

pytestmark = pytest.mark.all

BLIND = (*TINY, "--engine=reference", "--blind", "--data-generator=mmpp", "--dump-topics=jsonl")


def service(program, name):
    """Return the processes of a service."""
    (guard,) = [child["pid"] for child in program.json("lock.json")["children"] if child["name"] == name]
    return psutil.Process(guard).children(recursive=True)


def holding(program, salt):
    """Return the files of the run that hold the salt."""
    files = [path for path in program.run.rglob("*") if path.is_file()]
    return [path.name for path in files if salt.encode() in path.read_bytes()]


def events_of(run):
    """Return the events of a run by their numbers, without what belongs to the hour in which it was made."""
    schedule = json.loads((run / "schedule.json").read_text())
    config = json.loads((run / "config.json").read_text())
    found = {}
    for line in (run / "dump" / f"{config['events_topic']}.jsonl").read_text().splitlines():
        record = json.loads(line)
        event = json.loads(record["value"])
        if event["event_type"] == "END":
            continue
        del event["produce_time"], event["window_id"]
        event["event_time_ns"] -= schedule["epoch_ns"]
        found[record["key"]] = (record["partition"], event)
    return found


def test_the_salt_is_with_the_producers_alone_until_the_engine_has_ended_and_gives_the_same_events_again(tmp_path):
    program = start(tmp_path, "master_code_spark.py", *BLIND)
    programs = [program]
    try:
        program.await_phase("measure")
        salt = next(filter(None, (process.environ().get(SALT) for process in service(program, "producers"))))
        engine = service(program, "engine")
        assert engine
        assert not any(salt in "".join(process.environ().values()) for process in engine)
        processes = psutil.Process(program.process.pid).children(recursive=True)
        assert not any(salt in " ".join(process.cmdline()) for process in processes)
        assert holding(program, salt) == []
        assert not (program.run / "mmpp_path.json").exists()
        summary = program.finish_right()
        assert holding(program, salt) == ["salt.json"]
        assert (program.run / "salt.json").stat().st_mode & 0o777 == 0o600
        assert (program.run / "mmpp_path.json").exists()
        assert (summary["load"]["seed"], summary["load"]["blind"]) == (42, True)
        config = f"--config={program.run / 'config.json'}"
        for name, *flags in (("again",), ("bare", "--no-blind")):
            (tmp_path / name).mkdir()
            programs.append(start(tmp_path / name, "master_code_spark.py", config, f"--run-id={name}", *flags))
            programs[-1].finish_right()
    finally:
        for one in programs:
            one.kill_all()
    first, again, bare = (events_of(one.run) for one in programs)
    both = first.keys() & again.keys()
    assert len(both) > 100
    assert [first[key] for key in both] == [again[key] for key in both]
    assert not any(first[key] == bare[key] for key in first.keys() & bare.keys())
    assert [one.json("salt.json")["salt"] for one in programs[:2]] == [salt, salt]
    assert not (programs[2].run / "salt.json").exists()


def test_the_arms_of_a_blind_versus_have_one_load_and_their_runs_its_salt_when_all_are_over(tmp_path):
    _, delayed = plain_engine("--delay-ms=60")
    arms = ("reference", "command", "--repeats=1", "--blind", "--run-id=v", "--dump-topics=jsonl")
    program = start(tmp_path, "windowbench", "versus", *arms, delayed, *TINY)
    try:
        program.finish()
    finally:
        program.kill_all()
    runs = tmp_path / "runs"
    content = json.loads((runs / "v" / "comparison.json").read_text())
    assert [run["blind"] for run in content["runs"]] == [True, True], program.errors
    assert [one["field"] for one in content["load_differences"] if one["field"] in {"seed", "salt"}] == []
    assert (runs / "v" / "salts.json").stat().st_mode & 0o777 == 0o600
    (salt,) = json.loads((runs / "v" / "salts.json").read_text())["salts"]
    directories = [Path(run["directory"]) for run in content["runs"]]
    assert [json.loads((run / "salt.json").read_text())["salt"] for run in directories] == [salt, salt]
    one, other = map(events_of, directories)
    assert len(one.keys() & other.keys()) > 100
    assert all(one[key] == other[key] for key in one.keys() & other.keys())
    for run in directories:
        assert reasons_but_speed(json.loads((run / "verdict.json").read_text())) == []
