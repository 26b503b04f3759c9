"""``python -m windowbench compare``: finished runs beside each other."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from config import ConfigError
from windowbench.compare.content import compare_runs
from windowbench.compare.finished import ReadRun
from windowbench.compare.recorded import read_run
from windowbench.compare.thresholds import parse_threshold
from windowbench.report.comparison_document import comparison_document
from windowbench.report.markdown import markdown_text
from windowbench.report.terminal import terminal_text
from windowbench.runs.files.codec import as_json, json_text
from windowbench.runs.files.comparison import Comparison
from windowbench.runs.store import write_text
from windowbench.settings.command_line import Parser

_EPILOG = """\
Runs of one configuration are repeats of each other and make an arm; the first run's arm is the base. Runs that all
have the same configuration are each compared with the first one, unless --base says which are the old ones.

examples:
  python -m windowbench compare runs/spark-1 runs/spark-2 runs/flink-1 runs/flink-2
  python -m windowbench compare --base runs/old-1 --base runs/old-2 runs/new-1 runs/new-2 \\
      --fail-on 'excess_p90_ms>+5%' --markdown comparison.md

exit codes, the greatest that applies:
  0   all runs are valid and no threshold is missed
  2   usage   3 a run is damaged, or environments differ   10-12, 20-22 what a run ended with
  99  a threshold is missed: the whole 95 % interval lies beyond it
"""
TO_STDOUT = "-"


def _parser() -> Parser:
    parser = Parser(
        prog="python -m windowbench compare",
        description="Compare finished runs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("runs", metavar="RUN", nargs="*", help="run directory")
    parser.add_argument(
        "--base", metavar="RUN", action="append", default=[], help="run of the base; may be given several times"
    )
    add_output_flags(parser)
    parser.add_argument(
        "--allow-different-environment", action="store_true", help="compare runs of different machines or software"
    )
    return parser


def add_output_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that every command with a comparison has."""
    parser.add_argument(
        "--fail-on",
        metavar="THRESHOLD",
        action="append",
        default=[],
        help="exit with 99 when an arm is surely slower than the base by more than this, such as 'excess_p90_ms>+5%%'"
        " or 'since_window_end_p50_ms>+20ms'; may be given several times",
    )
    parser.add_argument("--markdown", metavar="FILE", help="write the comparison as Markdown; - prints it")
    parser.add_argument("--html", metavar="FILE", help="write the comparison as a page that needs no network")
    parser.add_argument("--json", metavar="FILE", help="write the content of the comparison; - prints it")


def body(argv: list[str] | None) -> int:
    """Run ``python -m windowbench compare``."""
    arguments = _parser().parse_all(argv)
    thresholds = [parse_threshold(expression) for expression in arguments.fail_on]
    directories = _distinct([*arguments.base, *arguments.runs])
    if len(directories) < 2:
        raise ConfigError("compare needs at least two runs; python -m windowbench list shows which there are")
    check_outputs(arguments)
    comparison = compare_runs(
        with_distinct_ids([read_run(directory) for directory in directories]),
        base=arguments.base,
        thresholds=thresholds,
        allow_different_environment=arguments.allow_different_environment,
    )
    write_outputs(comparison, arguments)
    return comparison.exit_code


def _distinct(directories: Sequence[str]) -> list[str]:
    """Return the directories; raises :class:`ConfigError` when one is named twice: its rows would count twice."""
    paths = [Path(directory).resolve() for directory in directories]
    for place, path in enumerate(paths):
        if path in paths[:place]:
            msg = f"run {directories[place]} is named twice"
            raise ConfigError(msg)
    return list(directories)


def with_distinct_ids(runs: Sequence[ReadRun]) -> list[ReadRun]:
    """Return runs whose ids tell them apart: those of equal names in different places are called by their paths."""
    ids = [run.run_id for run in runs]
    return [dataclasses.replace(run, run_id=run.directory) if ids.count(run.run_id) > 1 else run for run in runs]


def check_outputs(arguments: argparse.Namespace) -> None:
    """Refuse to print two things at once."""
    if arguments.markdown == arguments.json == TO_STDOUT:
        raise ConfigError("--markdown - and --json - cannot be printed together; name a file for one of them")


def write_outputs(comparison: Comparison, arguments: argparse.Namespace) -> None:
    """Write the files that were asked for, and print what was asked for: the text unless something else was."""
    content = as_json(comparison)
    document = comparison_document(content)
    shown = terminal_text(document)
    for target, text in ((arguments.markdown, markdown_text(document)), (arguments.json, json_text(content))):
        if target == TO_STDOUT:
            shown = text
        elif target is not None:
            write_text(Path(target), text)
    if arguments.html is not None:
        write_text(Path(arguments.html), comparison_html(content))
    print(shown.rstrip("\n"))


def comparison_html(content: Mapping[str, Any]) -> str:
    """Return a comparison as a page."""
    from windowbench.report.run_files import comparison_page  # noqa: PLC0415 - draws, which takes a moment to load

    return comparison_page(content)
