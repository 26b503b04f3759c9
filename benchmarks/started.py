"""Starting what is measured as a program of its own, which ends with the benchmark, however that ends.

Ctrl-C and SIGTERM reach the benchmark alone, which then ends the program; after ``kill -9`` the program's guard does.
The program is asked first, so that a run stops its own children and leaves word.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from windowbench.errors import HarnessError
from windowbench.processes.process import start

ROOT = Path(__file__).resolve().parents[1]
_END_SECONDS = 20.0
"""Time for a run to end in good order."""


def windowbench(*arguments: str) -> None:
    """Run a command of windowbench to its end; see :func:`run_to_end`."""
    run_to_end([sys.executable, "-m", "windowbench", *arguments])


@contextmanager
def left_by(command: str, name: str, *flags: str) -> Iterator[Path]:
    """Run a command of windowbench to its end, in runs of its own, and give the file of that name that it left.

    Parameters
    ----------
    command : str
        ``run`` or ``capacity``.
    name : str
        A file of the directory of results, such as ``summary.json``.
    flags : str
        Flags of the command.

    Raises
    ------
    HarnessError
        The command left no such file: it failed, and has said why on standard error.
    """
    with tempfile.TemporaryDirectory() as directory:
        windowbench(command, f"--runs-dir={directory}", *flags)
        left = list(Path(directory).glob(f"*/{name}"))
        if len(left) != 1:
            msg = f"windowbench {command} {' '.join(flags)} left no {name}"
            raise HarnessError(msg, remedy="see what it said above")
        yield left[0]


def run_to_end(command: Sequence[str]) -> None:
    """Run a command in the root of the repository; its standard output is dropped, its standard error is ours."""
    child = start(command, log_path=None, cwd=ROOT, grace_seconds=_END_SECONDS)
    try:
        child.wait(math.inf)
    finally:
        child.stop(_END_SECONDS)
