"""Ctrl-C while a program still loads: no traceback, whenever it comes after the program's first line.

What the interpreter says before that line is its own and no part of these tests. So they wait until the program has
taken Python's handler of SIGINT away, which the kernel tells of every process.
"""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATUS = Path("/proc/self/status")
ENDS = {0, 130, -signal.SIGINT}

pytestmark = [
    pytest.mark.all,
    pytest.mark.skipif(not STATUS.exists(), reason="needs /proc to see which signals a process catches"),
]


def started(command):
    return subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def catches_interrupts(process):
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
    return bool(int(fields.get("SigCgt", "0"), 16) >> (signal.SIGINT - 1) & 1)


def await_first_line(process):
    """Return once Python's own handler has been there and is gone, or the process has ended."""
    for wanted in (True, False):
        while process.poll() is None and catches_interrupts(process) is not wanted:
            pass


def interrupted(command, delay):
    """Interrupt a program a while after its first line; return how it ended, or None when it had before."""
    process = started(command)
    await_first_line(process)
    try:
        process.wait(timeout=delay)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors
    process.communicate()
    return None


@pytest.mark.parametrize(
    "command", [("-m", "windowbench", "--help"), ("producer.py", "--help"), ("master_code_spark.py", "--help")]
)
def test_an_interrupt_while_a_program_loads_shows_no_traceback(command):
    undisturbed = started(command)
    await_first_line(undisturbed)
    first_line = time.monotonic()
    undisturbed.communicate(timeout=60)
    step = (time.monotonic() - first_line) / 12
    outcomes = [interrupted(command, n * step) for n in range(12)]
    heard = list(itertools.takewhile(lambda outcome: outcome is not None, outcomes))
    assert [
        (code, errors) for code, _, errors in heard if code not in ENDS or errors not in {"", "interrupted\n"}
    ] == []
    assert (-signal.SIGINT, "", "") in heard, "no interrupt came while the program was loading"
