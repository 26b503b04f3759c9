"""``python -m windowbench report``: a finished run judged again, with its report."""

from __future__ import annotations

from pathlib import Path

from windowbench.judge.judgement import judge_run
from windowbench.processes.runlock import check_unused
from windowbench.report.run_files import run_text, write_report
from windowbench.runs.store import RunDirectory
from windowbench.settings.command_line import Parser


def body(argv: list[str] | None) -> int:
    """Judge a finished run again from its samples, show and write its report and return 0."""
    parser = Parser(
        prog="python -m windowbench report",
        description="Make the report of a run again, from its stored samples alone.",
    )
    parser.add_argument("run_dir", metavar="RUN", help="directory of a run, whichever way it ended")
    parser.add_argument("--long", action="store_true", help="show all of the report, not only what matters first")
    arguments = parser.parse_all(argv)
    run = RunDirectory.open(Path(arguments.run_dir))
    check_unused(run.path)
    judge_run(run)
    print(f"{run_text(run, long=arguments.long)}\nreport: {write_report(run)}")
    return 0
