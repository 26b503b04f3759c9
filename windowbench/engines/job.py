"""One start of an engine's job: its configuration, where it keeps things, and how it speaks to the harness."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from config import JobConfig, LoadedJob, config_parser, load_job, read_job_config
from windowbench.engines.contract import JOB_FILE
from windowbench.engines.succession import FLAG, Orders
from windowbench.errors import EngineFailed, Terminated, signal_decides
from windowbench.settings.engine import CheckpointSettings
from windowbench.settings.masking import MASK, sounds_secret

_EPILOG = "Without --config of a run it works alone, until SIGTERM or Ctrl-C."


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A configuration with a run id and a directory.

    Attributes
    ----------
    config : JobConfig
        Has the run id.
    run_id : str
    directory : Path
        Where the engine keeps what it writes.
    chosen : frozenset of str
        Names of the settings that somebody set.
    alone : bool
        Whether no benchmark run stands around the job, whose log takes what the engine prints.
    engine : str
        Name of the engine.
    orders : Orders or None
        What tells of the run that follows in the same process; None where none does.
    """

    config: JobConfig
    run_id: str
    directory: Path
    chosen: frozenset[str]
    alone: bool
    engine: str
    orders: Orders | None = None

    @property
    def checkpoint(self) -> str:
        """Directory or URI of the checkpoints."""
        return CheckpointSettings.of(self.config.engine).checkpoint_dir or str(self.directory / "checkpoint")

    @property
    def log(self) -> Path:
        """Where the engine logs when the job runs alone."""
        return self.directory / "logs" / f"{self.engine}.log"


def read_job(argv: list[str] | None, *, program: str, description: str | None, engine: str) -> Job:
    """Return the job that a command line asks for.

    Parameters
    ----------
    argv : list of str, optional
        Arguments without the program's name; the process's own when None.
    program : str
        Its file name.
    description : str, optional
        Its docstring, whose first line the help shows.
    engine : str
        Name of the engine.

    Raises
    ------
    ConfigError
        For anything unknown, malformed or contradictory, and where another engine is named.
    """
    first_line = (description or "").partition("\n")[0]
    parser = config_parser(program, first_line, epilog=_EPILOG, engine=engine)
    parser.add_argument(
        FLAG, action="store_true", help="stay for the run that follows; see windowbench/engines/succession.py"
    )
    return job_of(load_job(parser, argv, engine=engine), engine)


def job_of(loaded: LoadedJob, engine: str) -> Job:
    """Complete a configuration; a job that is part of no run makes a run id and a directory of its own."""
    given = loaded.config.run.run_id
    run_id = given or f"{time.strftime('%Y%m%d-%H%M%S')}-{engine}-alone-{os.getpid()}"
    config = loaded.config if given else replace(loaded.config, run=replace(loaded.config.run, run_id=run_id))
    return Job(
        config=config,
        run_id=run_id,
        directory=directory_of(run_id, loaded.runs_dir, loaded.arguments.config),
        chosen=frozenset(name for name, origin in loaded.origins.items() if origin != "default"),
        alone=given is None,
        engine=engine,
        orders=Orders() if getattr(loaded.arguments, "succession", False) else None,
    )


def directory_of(run_id: str, runs_dir: str, file: str | None) -> Path:
    """Return the directory of a program of a run: that of the file it was given, where this is the run's own."""
    if file is not None:
        path = Path(file).absolute()
        if path.name == JOB_FILE or path.parent.name == run_id:
            return path.parent
    return Path(runs_dir).absolute() / run_id


def shall_end(job: Job) -> bool:
    """Whether the query shall make room for that of another run."""
    return job.orders is not None and job.orders.rest()


def next_job(job: Job) -> Job:
    """Rest until another run comes, and return its job; its settings of the process itself are those of this one.

    Raises
    ------
    EngineFailed, ConfigError
        When its configuration cannot be read.
    """
    say("resting")
    assert job.orders is not None
    file = job.orders.next_run()
    config = read_job_config(file)
    run_id = config.run.run_id or file.parent.name
    say("next", run_id=run_id)
    return replace(job, config=config, run_id=run_id, directory=file.parent)


def say(kind: str, **fields: object) -> None:
    """Write one message of the engine protocol."""
    print(json.dumps({"type": kind, **fields}), flush=True)


@contextmanager
def until_stopped() -> Iterator[None]:
    """Bound the life of a job: SIGTERM is its normal end, a failure is said in the engine protocol and raised again."""
    try:
        with signal_decides():
            yield
    except EngineFailed as error:
        say("error", message=str(error))
        raise
    except Terminated:
        pass


def announce(job: Job, address: str, **places: object) -> None:
    """Tell a user who started a job by hand what it reads and writes, and where the rest is."""
    print(f"run id {job.run_id}; SIGTERM or Ctrl-C ends the job", file=sys.stderr)
    print(f"{address}: {', '.join(job.config.input_topics)} -> {', '.join(job.config.result_topics)}", file=sys.stderr)
    for name, place in places.items():
        print(f"{name} {place}", file=sys.stderr)


def masked(settings: Mapping[str, str], hide: Callable[[str], str]) -> dict[str, str]:
    """Return settings fit to be shown, sorted by name.

    Parameters
    ----------
    settings : mapping of str to str
        Any settings.
    hide : callable
        Replaces every known secret in a text. A setting whose name sounds like a secret is masked as a whole.
    """
    return {name: MASK if sounds_secret(name) else hide(value) for name, value in sorted(settings.items())}
