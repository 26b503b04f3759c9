"""Starting what is measured as a program of its own, which ends with the benchmark, however that ends.

Ctrl-C and SIGTERM reach the benchmark alone, which then ends the program; after ``kill -9`` the program's guard does.
The program is asked first, so that a run stops its own children and leaves word.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

from windowbench.process import start

ROOT = Path(__file__).resolve().parents[1]
_END_SECONDS = 20.0
"""Time for a run to end in good order."""


def windowbench(*arguments: str) -> None:
    """Run a command of windowbench to its end; see :func:`run_to_end`."""
    run_to_end([sys.executable, "-m", "windowbench", *arguments])


def run_to_end(command: Sequence[str]) -> None:
    """Run a command in the root of the repository; its standard output is dropped, its standard error is ours."""
    child = start(command, log_path=None, cwd=ROOT, grace_seconds=_END_SECONDS)
    try:
        child.wait(math.inf)
    finally:
        child.stop(_END_SECONDS)
