"""What a benchmark starts ends with it, in good order, however the benchmark ends: with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE
from windowbench.processes.process_table import TAG, kill_tagged, tagged_processes
from windowbench.processes.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="descendants are found on Linux")

BENCHMARK = """
import sys
from benchmarks.started import run_to_end
from windowbench.errors import run_program

def main(argv):
    run_to_end([sys.executable, "-S", "-c", *sys.argv[1:]])
    print("the benchmark goes on")
    return 0

sys.exit(run_program(main))
"""

MEASURED = f"""
import os, signal, subprocess, sys, time

def end(*_):
    with open(sys.argv[1], "w") as word:
        word.write("in good order")
    sys.exit(0)

signal.signal(signal.SIGTERM, end)
tag = os.environ["{TAG}"]
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
subprocess.Popen([sys.executable, "-S", "-c", stubborn])
print(tag, file=sys.stderr, flush=True)
while True:
    time.sleep(600)
"""


def benchmark(*arguments):
    return subprocess.Popen(
        [sys.executable, "-c", BENCHMARK, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_what_was_started_ends_in_good_order_with_all_below_it_when_the_benchmark_is_ended(tmp_path, number, code):
    process = benchmark(MEASURED, tmp_path / "word")
    tag = process.stderr.readline().strip()
    try:
        assert len(tagged_processes(tag)) >= 2
        process.send_signal(number)
        assert process.wait(PATIENCE) == code
        wait_until(lambda: not tagged_processes(tag), PATIENCE, "all of it to be gone", poll=0.01)
    finally:
        process.kill()
        kill_tagged(tag)
        output, _ = process.communicate()
    assert (tmp_path / "word").read_text() == "in good order"
    assert output == "", "an interrupted benchmark does not go on"


def test_a_benchmark_goes_on_when_what_it_started_has_ended_whose_errors_alone_are_shown():
    process = benchmark("import sys; print('a table'); print('a remark', file=sys.stderr); sys.exit(7)")
    output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output, errors) == (0, "the benchmark goes on\n", "a remark\n")
