"""``python -m windowbench versus``: arms run side by side under the same load, and the comparison of what came out."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from config import ConfigError, Loaded, config_parser, load
from windowbench.campaigns.salts import tell_salts
from windowbench.campaigns.versus_plan import (
    Plan,
    PlannedRun,
    configured,
    make_plan,
    parse_arm,
    read_plan,
    write_plan,
)
from windowbench.compare.command import (
    add_output_flags,
    check_outputs,
    comparison_html,
    write_outputs,
)
from windowbench.compare.content import compare_runs
from windowbench.compare.finished import ReadRun
from windowbench.compare.recorded import read_run
from windowbench.compare.thresholds import parse_threshold
from windowbench.errors import ExitCode, HarnessError, Terminated, told
from windowbench.orchestrate.benchmark import benchmark
from windowbench.orchestrate.live import Snapshot
from windowbench.orchestrate.prepare import check_judgeable
from windowbench.orchestrate.salt import draw_salt
from windowbench.orchestrate.view import View, open_view
from windowbench.processes.runlock import RunLock
from windowbench.report.comparison_document import comparison_document
from windowbench.report.markdown import markdown_text
from windowbench.runs.files.codec import as_json
from windowbench.runs.files.comparison import JudgedThreshold
from windowbench.runs.files.status import RunStatus
from windowbench.runs.files.verdict import Status
from windowbench.runs.store import RunDirectory, claimed, first_unused, names
from windowbench.settings.printing import printable

_EPILOG = """\
An ARM is an engine, a variant of it behind a colon, settings behind commas: spark, spark:tuned,
flink,idle_timeout_ms=0. All other flags are settings of every arm. The first arm is the base.

examples:
  python -m windowbench versus spark flink reference --repeats 3 --rate 5000 --duration 60 --data-generator mmpp
  python -m windowbench versus spark spark,trigger_interval_ms=500 --fail-on 'since_window_end_p90_ms>+10%'
  python -m windowbench versus --resume runs/versus-20260102-030405

The greatest exit code of all runs and thresholds is that of the command.
"""
_OVERHEAD_SECONDS = 30.0
"""About what a run takes beside its load; for the estimate before one has ended."""


def body(argv: list[str] | None) -> int:
    """Run ``python -m windowbench versus``."""
    arguments = _parser().parse_all(argv)
    thresholds = [parse_threshold(expression) for expression in arguments.fail_on]
    check_outputs(arguments)
    with ExitStack() as stack:
        directory, plan = _resumed(arguments, stack) if arguments.resume else _started(arguments, argv, stack)
        return _carried_out(directory, plan, thresholds, arguments)


def _carried_out(
    directory: Path, plan: Plan, thresholds: Sequence[JudgedThreshold], arguments: argparse.Namespace
) -> int:
    """Make the runs of a plan, compare them and return the exit code."""
    try:
        plan = _run_all(directory, plan)
    except (KeyboardInterrupt, Terminated):
        _tell(f"to go on: python -m windowbench versus --resume {directory}")
        raise
    comparison = compare_runs(
        [_as_read(plan, run) for run in plan.runs],
        labels=_labels(plan),
        thresholds=thresholds,
        allow_different_environment=True,  # of one machine; what differs all the same is named
        name=plan.name,
    )
    kept, content = RunDirectory(directory), as_json(comparison)
    paths = [
        kept.write_json("comparison.json", comparison),
        kept.write_text("comparison.md", markdown_text(comparison_document(content))),
        kept.write_text("comparison.html", comparison_html(content)),
    ]
    write_outputs(comparison, arguments)
    _tell("\n".join(map(str, paths)))
    return comparison.exit_code


def _parser() -> Any:  # noqa: ANN401 - windowbench.settings.knobs.Parser, which config makes
    parser = config_parser(
        "python -m windowbench versus", "Run engines side by side under the same load and compare them.", epilog=_EPILOG
    )
    parser.add_argument("arms", metavar="ARM", nargs="*", help="engine[:variant][,setting=value]...")
    parser.add_argument("--repeats", metavar="N", default=None, help="runs of each arm [default: 3]")
    parser.add_argument("--resume", metavar="DIR", help="go on with a versus that was interrupted")
    add_output_flags(parser)
    return parser


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# --- the plan ---------------------------------------------------------------------------------------------------------


def _started(arguments: argparse.Namespace, argv: list[str] | None, stack: ExitStack) -> tuple[Path, Plan]:
    """Return a new plan and the directory that keeps it, which is locked on the stack."""
    if len(arguments.arms) < 2:
        raise ConfigError("versus needs at least two arms, such as: versus spark flink --repeats 3")
    repeats = _repeats(arguments.repeats)

    words = [parse_arm(text) for text in arguments.arms]
    engines = {arm.engine for arm in words}

    def parse(add: Callable[[argparse.Namespace], None]) -> Loaded:
        return load(_parser(), argv, prepare=add, beside=engines)

    arms = [(arm.label, configured(arm, parse)) for arm in words]
    for _, loaded in arms:
        check_judgeable(loaded.config)
    first = arms[0][1].config
    runs_dir = Path(first.run.runs_dir)
    wanted = time.strftime("versus-%Y%m%d-%H%M%S")
    named = first.run.run_id
    directory = (
        first_unused(wanted, lambda name: claimed(runs_dir / name)) if named is None else claimed(runs_dir / named)
    )
    stack.enter_context(RunLock(directory))
    plan = make_plan(directory.name, arms, repeats, draw_salt if first.run.blind else None)
    write_plan(directory, plan)
    return directory, plan


def _repeats(text: str | None) -> int:
    repeats = 3 if text is None else int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= repeats <= 1000:
        msg = f"--repeats must be a whole number from 1 to 1000, not {text!r}"
        raise ConfigError(msg)
    return repeats


def _resumed(arguments: argparse.Namespace, stack: ExitStack) -> tuple[Path, Plan]:
    """Return the plan of a directory, which is locked on the stack; arms and settings are those it was started with."""
    given = [name for name, value in vars(arguments).items() if name.startswith("setting_") and value is not None]
    if arguments.arms or arguments.repeats or arguments.config or arguments.profile or given:
        raise ConfigError("--resume goes on with the arms and settings it was started with; leave all others out")
    directory = Path(arguments.resume)
    plan = read_plan(directory)
    stack.enter_context(RunLock(directory))
    return directory, plan


# --- the runs ---------------------------------------------------------------------------------------------------------


class _RunView(View):
    """Shows the live table of one run among others where there is a terminal; its phases are of no interest here."""

    def __init__(self, inner: View) -> None:
        self._inner = inner

    def note(self, text: str) -> None:
        """Show a line that stays, unless it only names a phase."""
        if not text.startswith("· "):
            self._inner.note(text)

    def update(self, snapshot: Snapshot) -> None:
        """Show the latest numbers."""
        self._inner.update(snapshot)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._inner.close()


def _run_all(directory: Path, plan: Plan) -> Plan:
    """Make every run that has not ended yet; return the plan as it was carried out."""
    durations: list[float] = []
    for number, planned in enumerate(plan.runs):
        left = len(plan.runs) - number
        where = f"run {number + 1} of {len(plan.runs)}: {printable(planned.label)}, repeat {planned.repeat}"
        if _ended(plan, planned):
            _tell(f"{where}: done before")
        else:
            run = _unused_run(plan, planned)
            plan = plan.with_run(number, run)
            write_plan(directory, plan)
            _tell(f"{where}, seed {run.seed}; about {_left(plan, run, durations, left)} left")
            started = time.monotonic()
            word = _run_one(plan.loaded(run), plan.salt(run))
            durations.append(time.monotonic() - started)
            _tell(f"  {word or _result(plan, run)} ({durations[-1]:.0f} s)")
        if plan.is_last_of_repeat(number):
            _tell_salt(plan, planned)
    return plan


def _tell_salt(plan: Plan, last: PlannedRun) -> None:
    """Write the salt of a repeat into the directories of its runs, now that its last engine has ended."""
    salt = plan.salt(last)
    if salt is not None:
        paths = [_path(plan, run) for run in plan.runs if run.repeat == last.repeat]
        tell_salts([RunDirectory(path) for path in paths if path.is_dir()], salt)


def _path(plan: Plan, run: PlannedRun) -> Path:
    return Path(plan.arms[run.label].config.run.runs_dir) / run.run_id


def _ended(plan: Plan, run: PlannedRun) -> bool:
    """Whether a run came to its end; one that failed or was interrupted is made again."""
    path = _path(plan, run)
    return path.is_dir() and read_run(str(path), samples=False).status == RunStatus.COMPLETED


def _unused_run(plan: Plan, run: PlannedRun) -> PlannedRun:
    """Return the run under a name that no directory has yet."""
    parent = _path(plan, run).parent
    unused = next(name for name in names(run.run_id, "-again") if not (parent / name).exists())
    return dataclasses.replace(run, run_id=unused)


def _run_one(loaded: Loaded, salt: str | None) -> str | None:
    """Make a run; return what went wrong, None when it was judged. Nothing but a signal stops the others."""
    quiet = loaded.config.run.quiet or not sys.stderr.isatty()
    try:
        benchmark(loaded, view=_RunView(open_view(quiet=quiet)), show=lambda _: None, salt=salt)
    except (KeyboardInterrupt, Terminated):
        raise
    except Exception as error:  # noqa: BLE001 - the next run may do better
        return printable(told(error)[0].partition("\n")[0])
    return None


def _result(plan: Plan, run: PlannedRun) -> str:
    """Return verdict and headline of a run in a line."""
    read = read_run(str(_path(plan, run)), samples=False)
    if read.reason is not None:
        return printable(read.reason)
    assert read.summary is not None
    headline = read.summary.headline
    assert headline is not None  # the run is valid
    return f"{read.verdict}, {headline.name} P{headline.percent} {headline.value_ms:.1f} ms"


def _left(plan: Plan, run: PlannedRun, durations: Sequence[float], runs: int) -> str:
    """Return about how long the remaining runs take, in words."""
    config = plan.arms[run.label].config
    load_seconds = config.load.warmup_seconds + config.load.duration_seconds + config.load.cooldown_seconds
    planned = load_seconds + config.windows.window_size_sec + config.windows.watermark_delay_sec + _OVERHEAD_SECONDS
    each = sum(durations) / len(durations) if durations else planned
    seconds = each * runs
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _as_read(plan: Plan, run: PlannedRun) -> ReadRun:
    """Return a run as its directory shows it; one that left none failed before it had one."""
    path = _path(plan, run)
    try:
        return read_run(str(path))
    except HarnessError:
        return ReadRun(
            run_id=run.run_id,
            directory=str(path),
            status="failed",
            verdict=Status.UNKNOWN,
            reason="failed before it had a directory",
            exit_code=ExitCode.ENVIRONMENT,
        )


def _labels(plan: Plan) -> Mapping[str, str]:
    """Return the label of each run, in the order of the arms."""
    order = list(plan.arms)
    return {run.run_id: run.label for run in sorted(plan.runs, key=lambda run: order.index(run.label))}
