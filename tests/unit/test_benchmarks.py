"""``make bench`` and its like tell what they find, one benchmark after the other, whatever becomes of one."""

import importlib
import json
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.table import Figure
from windowbench.errors import ExitCode, HarnessError

ROOT = Path(__file__).resolve().parents[2]
MET, MISSED = Figure("met", 1, "<= 2"), Figure("missed", 3, "<= 2", met=False)


def fail():
    msg = "the broker did not start"
    raise HarnessError(msg, remedy="look at its log")


@pytest.fixture
def benchmarks(monkeypatch, tmp_path):
    """Let tests set the benchmarks; figures are kept in a directory of the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "BENCHMARKS", found := {})
    return found


def kept(tmp_path):
    return list(json.loads((tmp_path / "artifacts" / "bench.json").read_text())["figures"])


def test_targets_met_is_success(benchmarks):
    benchmarks.update(first=lambda: [MET])
    assert command.main([]) == 0


def test_a_missed_target_is_told_by_the_exit_code(benchmarks):
    benchmarks.update(first=lambda: [MET, MISSED], second=lambda: [MET])
    assert command.main([]) == 1


def test_benchmarks_after_one_that_fails_are_tried_and_kept(benchmarks, tmp_path, capsys):
    benchmarks.update(first=lambda: [MET], second=fail, third=lambda: [MISSED])
    assert command.main([]) == ExitCode.ENVIRONMENT
    assert kept(tmp_path) == ["first", "third"]
    assert "the broker did not start\nremedy: look at its log" in capsys.readouterr().err


def test_the_table_of_the_document_names_benchmark_figure_and_target(benchmarks, tmp_path):
    document = tmp_path / "docs" / "performance.md"
    document.parent.mkdir()
    document.write_text("before\n<!-- begin figures -->\nold\n<!-- end figures -->\nafter\n")
    benchmarks.update(some_name=lambda: [MET], other=lambda: [MISSED, Figure("rows", 1_000_000)])
    command.main(["--docs"])
    before, *table, after = document.read_text().splitlines()
    assert (before, after) == ("before", "after")
    assert table[-6:-1] == [
        "| **some name** | | |",
        "| met | 1 | <= 2 |",
        "| **other** | | |",
        "| missed | 3 (missed) | <= 2 |",
        "| rows | 1,000,000 |  |",
    ]


def test_the_document_has_a_place_for_the_table():
    text = (ROOT / "docs" / "performance.md").read_text()
    assert text.index("<!-- begin figures -->\n") < text.index("<!-- end figures -->")


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py")))
def test_every_benchmark_finds_what_it_imports(name):
    assert importlib.import_module(f"benchmarks.{name}").__doc__
