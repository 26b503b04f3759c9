"""A run with everything around it: view, judgement, report, and a last message however it ends."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from config import Loaded
from windowbench.errors import ExitCode, HarnessError, Terminated
from windowbench.orchestrate.prepare import check_judgeable
from windowbench.orchestrate.run import Run
from windowbench.orchestrate.status import status_of
from windowbench.orchestrate.view import View, open_view
from windowbench.runs.files.status import RunStatus
from windowbench.runs.files.summary import Ended
from windowbench.runs.store import RunDirectory

if TYPE_CHECKING:
    from windowbench.judge.judgement import Evaluation


def benchmark(
    loaded: Loaded,
    *,
    view: View | None = None,
    show: Callable[[str], None] = print,
    long: bool = False,
    salt: str | None = None,
) -> int:
    """Make one run, judge it, show its report and return the exit code of its verdict.

    Its progress is shown in a view, which is closed in the end: the one that fits standard error when None. `show` gets
    the text of the report, all of it if `long`. The salt is that of a blind run among several, as of :class:`Run`.

    Raises
    ------
    ConfigError
        When no run of this configuration could be valid.
    HarnessError
        When the run could not be made; its directory says so by then.
    """
    check_judgeable(loaded.config)
    view = view or open_view(quiet=loaded.config.run.quiet)
    run = Run(loaded, view, salt=salt)
    try:
        try:
            judged = judged_run(run)
        finally:
            view.close()
        assert run.directory is not None
        show_report(run.directory, show, long=long)
        leave_report(run.directory, show)
    finally:
        run.release()
    return judged.verdict.exit_code


def judged_run(run: Run) -> Evaluation:
    """Make a run and judge it; however that ends, its directory says so, and stays locked until the run's `release`.

    Raises
    ------
    HarnessError
        When the run could not be made.
    """
    try:
        directory = run.execute()
        run.timeline.enter("report")
        judged = _judged(directory, run.salt)
        directory.write_json("timeline.json", run.timeline.as_dict())
    except KeyboardInterrupt:
        _leave_word(run, RunStatus.ABORTED, ExitCode.INTERRUPTED, "interrupted by the user")
        raise
    except Terminated:
        _leave_word(run, RunStatus.ABORTED, ExitCode.TERMINATED, "terminated by a signal")
        raise
    except HarnessError as error:
        _leave_word(run, RunStatus.FAILED, error.exit_code, failure=error)
        raise
    except BaseException as error:
        _leave_word(run, RunStatus.FAILED, ExitCode.VERDICT_UNKNOWN, f"{type(error).__name__}: {error}")
        raise
    return judged


def _judged(directory: RunDirectory, salt: str | None) -> Evaluation:
    from windowbench.judge.judgement import judge_run  # noqa: PLC0415 - loads Arrow and SciPy, which a failing start need not

    ended = status_of("report", status=RunStatus.COMPLETED, exit_code=None)
    directory.write_json("status.json", ended)
    judged = judge_run(directory, salt=salt)
    directory.write_json("status.json", dataclasses.replace(ended, exit_code=judged.verdict.exit_code))
    return judged


def _leave_word(
    run: Run, status: RunStatus, exit_code: int, error: str | None = None, *, failure: HarnessError | None = None
) -> None:
    """Write how the run ended into its directory, where there is one."""
    if run.directory is None:
        return
    word = status_of(run.timeline.current, status=status, exit_code=exit_code, error=error, failure=failure)
    run.directory.write_json("status.json", word)
    run.directory.write_json("summary.json", Ended.of(run.directory.run_id, word))
    print(f"run {run.directory.path}: {status} in phase {run.timeline.current}", file=sys.stderr)
    if status is RunStatus.ABORTED:  # who ends a run does not want to wait for plots, which take long on a busy machine
        print(f"for its report: python -m windowbench report {run.directory.path}", file=sys.stderr)
    else:
        leave_report(run.directory, lambda text: print(text, file=sys.stderr))


def show_report(directory: RunDirectory, show: Callable[[str], None], *, long: bool) -> None:
    """Show what a judged run says."""
    from windowbench.report.run_files import run_text  # noqa: PLC0415 - loads Arrow, which a failing start need not

    show(run_text(directory, long=long))


def leave_report(directory: RunDirectory, show: Callable[[str], None]) -> None:
    """Write the run's page and say where it is; a page that cannot be made does not change what the run was worth."""
    try:
        from windowbench.report.run_files import write_report  # noqa: PLC0415 - as above

        show(f"report: {write_report(directory)}")
    except Exception as error:  # noqa: BLE001 - see above
        again = f"python -m windowbench report {directory.path}"
        print(f"there is no report.html: {type(error).__name__}: {error}\nto try again: {again}", file=sys.stderr)
