"""Write what the golden tests expect anew, or keep more runs.

``python -m tests.recorded.golden.record`` writes every expected text from what the programs say now, for a change that
is meant to change them: the change to the texts is then part of its commit.

``python -m tests.recorded.golden.record RUN_DIR ...`` first keeps finished runs, under the names of their directories.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests.recorded.golden import outputs
from tests.recorded.golden.kept_run import names, pack


def main(arguments: list[str]) -> None:
    for run in arguments:
        print(pack(Path(run).resolve()))
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        for name in names():
            write(f"judged/{name}", outputs.of_run(name, place / "judged" / name))
        for name in outputs.COMPARISONS:
            write(f"comparisons/{name}", outputs.of_comparison(name, place / "compared" / name))
        write("list", outputs.of_list(names(), place / "listed"))
        write("help", outputs.of_help(place / "help"))
    for workload in outputs.WORKLOADS:
        write(f"loads/{workload}", outputs.of_load(workload))


def write(kind: str, found: outputs.Outputs) -> None:
    """Write the texts of one directory in place of those that were there."""
    directory = outputs.EXPECTED / kind
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name, text in found.items():
        (directory / name).write_bytes(text.encode())


if __name__ == "__main__":
    main(sys.argv[1:])
