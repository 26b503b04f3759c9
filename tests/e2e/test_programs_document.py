"""Every command line of docs/programs.md, in the order in which it stands there."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.started import ROOT
from tests.patience import PATIENCE
from windowbench.broker.storage import free_port
from windowbench.errors import ExitCode

DOCUMENT = ROOT / "docs" / "programs.md"

SLOW = {ExitCode.RUN_INVALID, ExitCode.UNSUSTAINABLE}
"""How a run ends, and what judges it, where the machine was too slow for it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A command line of the document."""

    text: str
    goes_on: bool
    code: int

    @property
    def codes(self) -> set[int]:
        judges = "--run-id" in self.text or "latency_calculator.py runs/" in self.text
        return {self.code} | (SLOW if judges else set())


def blocks() -> list[list[Line]]:
    """Return the lines of each block of commands."""
    found = re.findall(r"^```sh\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [[line_of(text) for text in block.splitlines()] for block in found]


def line_of(text: str) -> Line:
    command, _, remark = map(str.strip, text.partition("  #"))
    code = re.fullmatch(r"exit code (\d+)", remark)
    assert code or remark in {"", "until Ctrl-C"}, f"no such remark: {remark}"
    return Line(text=command, goes_on=remark == "until Ctrl-C", code=int(code[1]) if code else 0)


class Terminal:
    """Runs command lines as in the clone with the environment active, but in a directory of the test."""

    def __init__(self, directory: Path, port: int, java_home: str) -> None:
        self.directory = directory
        self.port = port
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WINDOWBENCH_")}
        self.environment = {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "JAVA_HOME": java_home}

    def start(self, line: Line) -> subprocess.Popen[str]:
        """Start a command, in a group of its own as a shell does."""
        words = [str(ROOT / word) if (ROOT / word).is_file() else word for word in shlex.split(line.text)]
        return subprocess.Popen(
            [word.replace("9092", str(self.port)) for word in words],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, line: Line) -> None:
        """Run a command to its end."""
        process = self.start(line)
        try:
            output, _ = process.communicate(timeout=PATIENCE)
        finally:
            kill(process)
        assert process.returncode in line.codes, f"{line.text}\n{output}"

    @contextmanager
    def running(self, line: Line) -> Iterator[None]:
        """Keep a command running, and end it by Ctrl-C."""
        process = self.start(line)
        output: list[str] = []
        up = threading.Event()

        def follow() -> None:
            for text in process.stdout:
                output.append(text)
                if '"ready"' in text or text.startswith("Ctrl-C ends"):
                    up.set()
            up.set()

        reading = threading.Thread(target=follow)
        reading.start()
        try:
            assert up.wait(PATIENCE), f"{line.text}\n{''.join(output)}"
            assert process.poll() is None, f"{line.text}\n{''.join(output)}"
            yield
            os.killpg(process.pid, signal.SIGINT)
            code = process.wait(PATIENCE)
            reading.join()
            assert code in {0, ExitCode.INTERRUPTED}, f"{line.text}\n{code}\n{''.join(output)}"
        finally:
            kill(process)
            reading.join()
            process.stdout.close()


def kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.all
def test_every_line_of_the_document_does_what_it_says(open_directory, java_home):
    directory = open_directory / "programs"  # one that the unprivileged user of an embedded database may enter
    directory.mkdir()
    terminal = Terminal(directory, free_port(), str(java_home.path))
    ((broker,), *others) = blocks()
    with terminal.running(broker):
        for block in others:
            with ExitStack() as stack:
                for line in block:
                    if line.goes_on:
                        stack.enter_context(terminal.running(line))
                    else:
                        terminal.run(line)
    rows = (directory / "runs" / "first" / "windows.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) > 1
    assert list((directory / "runs" / "first" / "dump").glob("*.jsonl"))
