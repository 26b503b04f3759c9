"""Starting the programs the way a user does, from another directory, and finding what they left behind."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE
from windowbench.engines import ENGINES
from windowbench.errors import ExitCode
from windowbench.runs.files.verdict import Status

ROOT = Path(__file__).resolve().parents[2]
PLAIN_ENGINE = ROOT / "tests" / "engines" / "plain_engine.py"
_MARKER = "_WINDOWBENCH_RUN_MARKER"

LATE_SENDS = ("--watermark-delay-sec=2",)
"""For tests of exactness: a busy machine holds producers up, and what comes later than the delay is rightly dropped."""

TINY = (
    *LATE_SENDS,
    "--window-size-sec=0.5",
    "--warmup=1",
    "--duration=2",
    "--cooldown=0.5",
    "--rate=200",
    "--drain-timeout-seconds=120",
    "--max-lateness-p99-ms=400",
    "--max-steal=1",
)
"""A whole run in about eight seconds. Its bounds are wide: these tests are about life and death, not about latency."""

WIDE = ("--max-lateness-p99-ms=1000", "--max-steal=1")
"""For runs of a real engine: on a busy test machine lateness and steal are not the point, exactness is."""

OF_SPEED = frozenset(
    {
        "excess_too_great",
        "results_lag",
        "excess_grows",
        "freshness_grows",
        "lateness_p99",
        "lateness_exceeds_watermark",
        "rows_wrong_explained",  # by events that were sent so late that their window was closed; none may be lost
        "rows_missing_explained",
        "rows_conflicting_explained",
        "sent_differs_from_schedule",  # within the measured phase; that all were sent is asked for by itself
        "harness_cpu",
        "cpu_steal",
        "cpu_throttled",
        "host_unwatched",  # who samples it got no turn for seconds
        "external_clock",  # how well it is known depends on how soon the broker answers
    }
)
"""Codes of the reasons of a verdict that a slow or busy machine can bring about, however right everything is."""
WRONG_ROWS = ("wrong_value", "missing", "unexpected", "conflicting", "backwards")


def headline(summary: Mapping[str, Any]) -> str | None:
    """Return the name of the figure that ranks a run; a run that was too slow has none."""
    return None if summary["headline"] is None else str(summary["headline"]["name"])


def reasons_but_speed(verdict: Mapping[str, Any]) -> list[str]:
    """Return what speaks against a run, but for what speaks of how fast something went."""
    return [f"{one['code']}: {one['text']}" for one in verdict["reasons"] if one["code"] not in OF_SPEED]


def each_engine(*, soon: str, but: Sequence[str] = ()) -> pytest.MarkDecorator:
    """Run a test with each of our engines; `soon` names the one of ``make test``, ``make test-all`` has the others.

    Those that refuse the workload are named by `but`.
    """
    ours = [engine for engine in ENGINES if engine not in {"command", *but}]
    assert soon in ours
    marks = {engine: () if engine == soon else (pytest.mark.all,) for engine in ours}
    return pytest.mark.parametrize("engine", [pytest.param(engine, marks=marks[engine]) for engine in ours])


def plain_engine(*arguments: str) -> tuple[str, ...]:
    """Return the flags that put the plain-Python engine in Spark's place."""
    command = shlex.join([sys.executable, str(PLAIN_ENGINE), *arguments])
    return ("--engine=command", f"--engine-command={command}")


@dataclass
class Program:
    """A program of the repository, running in a process of its own."""

    process: subprocess.Popen[str]
    runs: Path
    temporary: Path
    marker: str
    log: Path
    output: str = ""
    errors: str = ""

    def finish(self) -> int:
        """Wait for the end and return the exit code; nothing may be left in the directory for temporary files."""
        self.output, _ = self.process.communicate(timeout=PATIENCE)
        self.errors = self.log.read_text(encoding="utf-8")
        assert "Traceback (most recent call last)" not in self.errors, self.errors
        assert self.temporary_files() == [], self.errors
        return self.process.returncode

    def finish_right(self) -> dict[str, Any]:
        """Wait for the end of a run in which all must be right, however slow the machine is; return its summary.

        Every event of the schedule was sent and acknowledged, every expected row is there and right, no other row is,
        and nothing speaks against the run but what speaks of speed. How fast it was is for the benchmarks.
        """
        code = self.finish()
        told = self.errors + self.output
        assert code in {ExitCode.OK, ExitCode.RUN_INVALID, ExitCode.UNSUSTAINABLE, ExitCode.VERDICT_UNKNOWN}, told
        verdict = self.json("verdict.json")
        assert reasons_but_speed(verdict) == [], told
        assert (verdict["verdict"] == "valid") == (not verdict["reasons"]), verdict
        assert code == Status(verdict["verdict"]).exit_code, told
        assert self.output.startswith(f"verdict: {verdict['verdict']}"), told
        summary: dict[str, Any] = self.json("summary.json")
        assert (summary["headline"] is None) == bool(verdict["reasons"]), told
        load, rows = summary["generator"], summary["rows"]
        assert load["scheduled"] == load["sent"] == load["acknowledged"] > 0, told
        assert load["failed"] == 0, told
        explained = rows["explained_by_generator"]
        assert sum(rows[name] for name in WRONG_ROWS) == explained, (rows, told)
        assert rows["exact"] + rows["undecidable"] + explained >= rows["expected"] > 0, (rows, told)
        return summary

    @property
    def run(self) -> Path:
        """The one run directory."""
        (only,) = self.runs.iterdir()
        return only

    def json(self, name: str) -> Any:
        """Read a JSON file of the run."""
        return json.loads((self.run / name).read_text(encoding="utf-8"))

    def temporary_files(self) -> list[str]:
        """Return what the program and those that it started have put where temporary files belong."""
        return sorted(path.name for path in self.temporary.iterdir())

    def temporary_files_of_run(self) -> list[str]:
        """Return what the processes of the run that goes on have put into its own directory."""
        return sorted(path.name for path in self.temporary.glob("windowbench-run-*/*"))

    def survivors(self) -> list[int]:
        """Return the pids of all processes that descend from this program, by a marker in their environment."""
        needle = f"{_MARKER}={self.marker}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    environment = (entry / "environ").read_bytes()
                    state = (entry / "stat").read_bytes().rpartition(b")")[2].split()[0]
                except OSError:
                    continue
                if needle in environment.split(b"\0") and state != b"Z":
                    found.append(int(entry.name))
        return found

    def await_gone(self) -> None:
        """Fail unless every process of the program is gone after a while."""
        wait_for(lambda: not self.survivors(), lambda: f"still alive: {self.survivors()}")

    def await_phase(self, phase: str) -> None:
        """Wait until the program says that it entered `phase`."""

        def entered() -> bool:
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            return f"· {phase}\n" in self.log.read_text(encoding="utf-8")

        wait_for(entered, lambda: f"phase {phase}: {self.log.read_text(encoding='utf-8')}")

    def kill_all(self) -> None:
        """Leave nothing behind, whatever the test did."""
        self.process.kill()
        self.process.communicate()
        for pid in self.survivors():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def wait_for(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    """Wait for a condition, and say what was seen when it does not come."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)


def start(directory: Path, program: str, *arguments: str, env: dict[str, str] | None = None) -> Program:
    """Start a program of the repository with its run directories below `directory`, which is its working directory.

    A program that is no file is a module, such as ``windowbench``, whose command is the first argument. Its directory
    for temporary files is one of its own.
    """
    marker = uuid.uuid4().hex
    runs = directory / "runs"
    temporary = directory / "tmp"
    temporary.mkdir(exist_ok=True)
    log = directory / "stderr.log"
    elsewhere = program == "latency_calculator.py" or any(word.startswith("--resume=") for word in arguments)
    place = () if elsewhere else (f"--runs-dir={runs}",)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WINDOWBENCH_")}
    environment |= {_MARKER: marker, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    environment |= env or {}
    command = [str(ROOT / program)] if program.endswith(".py") else ["-m", program]
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, *command, *arguments, *place],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    return Program(process=process, runs=runs, temporary=temporary, marker=marker, log=log)
