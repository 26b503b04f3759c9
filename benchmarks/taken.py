"""What a program takes from its start to its end: wall time, CPU time, greatest memory.

python -m benchmarks.taken COMMAND ...

A child's greatest memory also counts what its parent held when it was started, so a small process starts it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """Wall and CPU time in s, memory in GB."""

    wall: float
    cpu: float
    gigabytes: float


def taken_by(command: Sequence[str]) -> Taken:
    """Run a command that must succeed, its output unseen, and return what it took."""
    between = [sys.executable, "-m", "benchmarks.taken", *command]
    said = subprocess.run(between, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    return Taken(**json.loads(said))


def main() -> int:
    """Run the command of the arguments and print what it took."""
    started = time.perf_counter()
    child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    taken = Taken(wall=wall, cpu=used.ru_utime + used.ru_stime, gigabytes=used.ru_maxrss / 1e6)
    print(json.dumps(asdict(taken)))
    return child.returncode


if __name__ == "__main__":
    sys.exit(main())
