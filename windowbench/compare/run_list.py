"""``python -m windowbench list`` and ``prune``: the run directories there are, and getting rid of some."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config import SETTINGS, ConfigError
from windowbench.compare.finished import ReadRun
from windowbench.compare.recorded import read_run
from windowbench.errors import EnvironmentProblem, ExitCode
from windowbench.load.schedule import NS_PER_S
from windowbench.processes.process_table import processes_naming
from windowbench.processes.runlock import holder_of
from windowbench.report.document import Foreign, Line, Row, Table
from windowbench.report.terminal import table_text
from windowbench.runs.files.codec import as_json
from windowbench.runs.files.summary import Headline
from windowbench.runs.files.verdict import Status
from windowbench.runs.store import RunDirectory, cannot_write
from windowbench.settings.command_line import Parser
from windowbench.settings.printing import printable

_WIDE = 160
"""Where there is no terminal, a run has one line."""
_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedRun:
    """A run directory and what it holds."""

    path: Path
    read: ReadRun
    started_ns: int
    """Epoch of its load; where there was none, when its configuration was written."""

    @property
    def headline(self) -> Headline | None:
        """The latency that ranks, of a valid run."""
        return None if self.read.summary is None else self.read.summary.headline

    def as_dict(self) -> dict[str, Any]:
        """Return the run as ``list --json`` prints it."""
        config = self.read.config
        return {
            "run_id": self.read.run_id,
            "directory": str(self.path),
            "status": self.read.status,
            "verdict": self.read.verdict,
            "reason": self.read.reason,
            "started": datetime.fromtimestamp(self.started_ns / NS_PER_S, UTC).isoformat(timespec="seconds"),
            "engine": None if config is None else config.engine.engine,
            "arrivals": None if config is None else config.load.data_generator,
            "rate": None if config is None else float(config.load.total_rate),
            "headline": as_json(self.headline),
        }

    def cells(self) -> list[Line]:
        """Return the run as a line of the table."""
        config, headline = self.read.config, self.headline
        figure = load = "-"
        if headline is not None and headline.value_ms is not None:
            figure = f"{headline.name} P{headline.percent} {headline.value_ms:.1f}"
        if config is not None:
            load = f"{config.engine.engine}, {config.load.data_generator} {float(config.load.total_rate):.0f}/s"
        began = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.started_ns / NS_PER_S))
        return [*map(Foreign, (self.read.run_id, self.read.standing, figure, load)), began]


def listed_runs(runs_dir: Path) -> list[ListedRun]:
    """Return the runs of a directory, the newest first.

    Raises
    ------
    EnvironmentProblem
        When there is no such directory.
    """
    if not runs_dir.is_dir():
        raise EnvironmentProblem(f"there is no directory {runs_dir}", remedy="name another with --runs-dir")
    found = []
    for path in sorted(runs_dir.iterdir()):
        files = all((path / part).is_file() for part in ("config.json", "format.json"))
        if files and not path.is_symlink():  # a link, and whatever else lies about, is no run's
            read = read_run(str(path), samples=False)
            written_ns = (path / "config.json").stat().st_mtime_ns
            found.append(ListedRun(path=path, read=read, started_ns=read.started_ns or written_ns))
    return sorted(found, key=lambda run: run.started_ns, reverse=True)


def _parser(name: str, description: str) -> Parser:
    parser = Parser(prog=f"python -m windowbench {name}", description=description)
    place = SETTINGS["runs_dir"]
    parser.add_argument(
        "--runs-dir",
        type=Path,
        default=Path(os.environ.get(place.env, place.default)),
        help=f"{place.help} [default: {place.default}]",
    )
    return parser


# --- list -------------------------------------------------------------------------------------------------------------


def list_body(argv: list[str] | None) -> int:
    """Run ``python -m windowbench list``."""
    parser = _parser("list", "Show the runs there are, the newest first.")
    parser.add_argument("--json", action="store_true", help="print them as JSON")
    arguments = parser.parse_all(argv)
    runs = listed_runs(arguments.runs_dir)
    if arguments.json:
        print(json.dumps([run.as_dict() for run in runs], indent=2))
    else:
        print(list_text(runs) if runs else f"there are no runs in {printable(str(arguments.runs_dir))}")
    return ExitCode.OK


def list_text(runs: Sequence[ListedRun]) -> str:
    """Return the table of runs."""
    rows = [Row(cells=run.cells()) for run in runs]
    head = ("run", "verdict", "headline, ms", "engine and load", "started")
    width = shutil.get_terminal_size((_WIDE, 0)).columns
    return table_text(Table(title="", head=head, rows=rows, numbers_from=None), width=width)


# --- prune ------------------------------------------------------------------------------------------------------------

_PRUNE_EPILOG = """\
A run goes when all the conditions given hold for it. Without --yes nothing is removed.

examples:
  python -m windowbench prune --older-than 7d
  python -m windowbench prune --keep 20 --yes
  python -m windowbench prune --invalid --older-than 1h --yes
"""


def prune_body(argv: list[str] | None) -> int:
    """Run ``python -m windowbench prune``."""
    parser = _parser("prune", "Remove run directories.")
    parser.epilog = _PRUNE_EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--older-than", metavar="AGE", help="runs whose load began longer ago: a number and m, h, d, w")
    parser.add_argument("--keep", metavar="N", help="all runs but the newest N")
    parser.add_argument("--invalid", action="store_true", help="runs that are not valid: also failed, aborted, damaged")
    parser.add_argument("--yes", action="store_true", help="remove them; without it they are only named")
    arguments = parser.parse_all(argv)
    seconds = None if arguments.older_than is None else _age(arguments.older_than)
    keep = None if arguments.keep is None else _count(arguments.keep)
    if seconds is None and keep is None and not arguments.invalid:
        raise ConfigError("say which runs: --older-than AGE, --keep N, --invalid, or several of them")
    runs = listed_runs(arguments.runs_dir)
    chosen = chosen_runs(runs, now_ns=time.time_ns(), older_than=seconds, keep=keep, invalid=arguments.invalid)
    awaited = _awaited(arguments.runs_dir)
    for run in chosen:
        print(_prune(run, awaited.get(run.path.name), really=arguments.yes))
    if not chosen:
        print("no run to remove")
    elif not arguments.yes:
        print("nothing was removed; give --yes to do it")
    return ExitCode.OK


def _age(text: str) -> int:
    match = re.fullmatch(r"(\d{1,6})([mhdw])", text)
    if match is None:
        msg = f"--older-than must be a number and m, h, d or w, such as 7d, not {text!r}"
        raise ConfigError(msg)
    return int(match[1]) * _UNITS[match[2]]


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        msg = f"--keep must be a whole number, not {text!r}"
        raise ConfigError(msg)
    return int(text)


def chosen_runs(
    runs: Sequence[ListedRun], *, now_ns: int, older_than: int | None, keep: int | None, invalid: bool
) -> list[ListedRun]:
    """Return those of some runs, the newest first, for which all the given conditions hold.

    They are `older_than` so many seconds, none of the newest to `keep`, and, if that is asked for, `invalid`.
    """
    chosen = list(runs if keep is None else runs[keep:])
    if older_than is not None:
        chosen = [run for run in chosen if now_ns - run.started_ns > older_than * NS_PER_S]
    if invalid:
        chosen = [run for run in chosen if run.read.verdict != Status.VALID or run.read.status == "damaged"]
    return chosen


def _awaited(runs_dir: Path) -> dict[str, str]:
    """Return the runs that a comparison which is going on will read in the end, each with who makes it."""
    found: dict[str, str] = {}
    for plan in runs_dir.glob("*/versus.json"):
        holder = holder_of(plan.parent)
        if holder is not None:
            found |= {str(run["run_id"]): holder for run in RunDirectory(plan.parent).read_json(plan.name)["runs"]}
    return found


def _prune(run: ListedRun, awaiting: str | None, *, really: bool) -> str:
    """Remove a run directory if that was asked for, and return what was, or would be, done."""
    name = printable(str(run.path))
    if run.path.stat().st_uid != os.geteuid():
        return f"{name} stays: it belongs to another user"
    holder = holder_of(run.path) or awaiting
    brokers = processes_naming(run.path.resolve() / "broker")
    if holder is not None or brokers:
        return f"{name} stays: {holder or f'process {brokers[0]}'} works in it"
    if not really:
        return f"{name} would be removed ({printable(run.read.standing)})"
    try:
        shutil.rmtree(run.path)
    except OSError as error:
        raise cannot_write(run.path, error) from error
    return f"{name} removed"
