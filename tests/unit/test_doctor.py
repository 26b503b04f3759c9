"""The doctor's judgement and its output; the machine is what the tests say it is."""

from __future__ import annotations

import dataclasses
import json

import psutil
import pytest

from config import Config
from windowbench.__main__ import COMMANDS, main
from windowbench.errors import EnvironmentProblem
from windowbench.installation import doctor
from windowbench.installation.doctor import (
    OK,
    PROBLEM,
    WARNING,
    Finding,
    Machine,
    check_clock,
    check_memory,
    check_postgres,
    checks_of,
    examine,
)


@pytest.fixture
def machine(tmp_path):
    config = Config().replace(runs_dir=str(tmp_path / "runs"))
    return Machine(config=config, cache_dir=tmp_path / "cache", java=None, say=print)


def use_checks(monkeypatch, *findings):
    checks = [lambda _machine, finding=finding: finding for finding in findings]
    monkeypatch.setattr(doctor, "examine", lambda machine: examine(machine, tuple(checks)))


def test_a_check_that_raises_becomes_a_problem_with_the_same_words_and_remedy(machine):
    def check_java(_machine):
        message = "no Java 17 or 21 found"
        raise EnvironmentProblem(message, remedy="install one")

    (finding,) = examine(machine, (check_java,))
    assert finding == Finding(check="java", status=PROBLEM, detail="no Java 17 or 21 found", remedy="install one")


@pytest.mark.parametrize(("status", "code"), [(OK, 0), (WARNING, 0), (PROBLEM, 3)])
def test_only_a_problem_sets_the_exit_code(monkeypatch, capsys, status, code):
    use_checks(monkeypatch, Finding(check="disk", status=status, detail="the detail", remedy="the remedy"))
    assert main(["doctor"]) == code
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{status:9}disk      the detail", f"{'':19}remedy: the remedy"]


def test_the_findings_as_json(monkeypatch, capsys):
    use_checks(
        monkeypatch, Finding(check="disk", status=OK, detail="fine"), Finding(check="java", status=OK, detail="")
    )
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[0] == {"check": "disk", "status": "ok", "detail": "fine", "remedy": ""}
    assert len(found) == 2


def test_a_setting_that_is_wrong_is_a_usage_error(capsys):
    assert main(["doctor", "--partitions", "0"]) == 2
    assert "partitions" in capsys.readouterr().err


def moving_clocks(step_at=None):
    """Make a wall and a monotonic clock that agree but for one step of 6 ms of the wall clock."""
    now = {"reads": 0, "ns": 0}

    def monotonic():
        return now["ns"]

    def wall():
        now["reads"] += 1
        return 10**18 + now["ns"] + (6_000_000 if step_at is not None and now["reads"] > step_at else 0)

    def sleep(seconds):
        now["ns"] += round(seconds * 1e9)

    return {"wall": wall, "monotonic": monotonic, "sleep": sleep}


def test_clocks_that_agree_are_fine(machine):
    assert check_clock(machine, **moving_clocks()).status == OK


def test_a_step_of_the_wall_clock_is_a_problem(machine):
    finding = check_clock(machine, **moving_clocks(step_at=5))
    assert finding.status == PROBLEM
    assert "6.000 ms" in finding.detail


def test_too_little_memory_is_a_problem_that_names_the_settings(machine, monkeypatch):
    memory = psutil.virtual_memory()
    needed = 2048 + 512 + 1000
    for available, status in ((needed, OK), (needed - 1, PROBLEM)):
        monkeypatch.setattr(psutil, "virtual_memory", lambda a=available: memory._replace(available=a * 2**20))
        finding = check_memory(machine)
        assert finding.status == status
    assert "--broker-heap-mb" in finding.remedy
    assert "heap of the engine" in finding.remedy


def test_an_external_broker_needs_no_memory_here(machine, monkeypatch):
    memory = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=3048 * 2**20))
    external = dataclasses.replace(machine, config=machine.config.replace(bootstrap_servers="a:9092"))
    assert check_memory(external).status == OK


def test_the_database_is_examined_only_where_results_go_to_one():
    assert check_postgres not in checks_of(Config())
    assert check_postgres in checks_of(Config().replace(postgres_dsn="service=results"))
    assert check_postgres not in checks_of(Config().replace(postgres_dsn="service=results", skip_consumers=True))


def test_an_engine_brings_its_own_checks_and_those_of_others_are_left_out():
    names = {
        engine: {check.__name__ for check in checks_of(Config().replace(engine=engine))}
        for engine in ("spark", "flink", "reference")
    }
    assert names["spark"] - names["reference"] == {"check_spark"}
    assert names["flink"] - names["reference"] == {"check_flink", "check_gateway"}
    assert names["reference"] == {check.__name__ for check in doctor.CHECKS}


def test_an_engine_without_a_jvm_needs_no_memory_for_one(machine, monkeypatch):
    memory = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=(512 + 1000) * 2**20))
    reference = dataclasses.replace(machine, config=machine.config.replace(engine="reference"))
    assert check_memory(reference).status == OK
    assert check_memory(machine).status == PROBLEM


def test_the_disk_check_leaves_nothing_behind(machine, tmp_path):
    assert doctor.check_disk(machine).status == OK
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written_is_a_problem(machine, tmp_path):
    (tmp_path / "cache").touch()
    (finding,) = examine(machine, (doctor.check_disk,))
    assert finding.status == PROBLEM
    assert "--cache-dir" in finding.remedy


# --- the command line -------------------------------------------------------------------------------------------------


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


def test_an_unknown_command_is_a_usage_error_that_names_the_nearest(capsys):
    assert main(["docter"]) == 2
    assert "did you mean doctor?" in capsys.readouterr().err


def test_no_command_is_a_usage_error(capsys):
    assert main([]) == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_can_be_loaded(name):
    assert callable(COMMANDS[name].body())


def test_a_package_that_is_not_installed_is_named_with_a_remedy(monkeypatch, capsys):
    def missing():
        raise ModuleNotFoundError(name="rich")

    monkeypatch.setitem(COMMANDS, "doctor", type(COMMANDS["doctor"])(summary="", body=missing))
    assert main(["doctor"]) == 3
    assert "the package rich is not installed" in capsys.readouterr().err
