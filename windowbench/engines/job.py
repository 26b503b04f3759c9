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

from config import Config, Loaded, config_parser, load, read_run_config
from windowbench.engines.succession import FLAG, await_successor, shall_rest
from windowbench.errors import EngineFailed, Terminated, signal_decides
from windowbench.settings.engine import CheckpointSettings
from windowbench.settings.knobs import require
from windowbench.settings.masking import MASK, sounds_secret

_EPILOG = "Without --config of a run it works alone, until SIGTERM or Ctrl-C."


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A configuration with a run id and a directory.

    Attributes
    ----------
    config : Config
        Has the run id.
    run_id : str
    run_dir : Path
    chosen : frozenset of str
        Names of the settings that somebody set.
    alone : bool
        Whether no benchmark run stands around the job, whose log takes what the engine prints.
    engine : str
        Name of the engine.
    succession : bool
        Whether another run may follow in the same process.
    """

    config: Config
    run_id: str
    run_dir: Path
    chosen: frozenset[str]
    alone: bool
    engine: str
    succession: bool = False

    @property
    def checkpoint(self) -> str:
        """Directory or URI of the checkpoints."""
        return CheckpointSettings.of(self.config.engine).checkpoint_dir or str(self.run_dir / "checkpoint")

    @property
    def log(self) -> Path:
        """Where the engine logs when the job runs alone."""
        return self.run_dir / "logs" / f"{self.engine}.log"


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
    loaded = load(parser, argv, engine=engine)
    named = loaded.config.engine.engine
    require(named == engine, f"{program} is the job of the engine {engine}, not of {named}: leave out --engine")
    return job_of(loaded, engine)


def job_of(loaded: Loaded, engine: str) -> Job:
    """Complete a configuration.

    The directory of a job that gets a run's ``config.json`` is that file's. A job that is part of no run makes a
    run id and a directory of its own.
    """
    given = loaded.config.run.run_id
    run_id = given or f"{time.strftime('%Y%m%d-%H%M%S')}-{engine}-alone-{os.getpid()}"
    config = loaded.config if given else loaded.config.replace(run_id=run_id)
    run_dir = Path(config.run.runs_dir).absolute() / run_id
    file = loaded.arguments.config
    if file is not None and Path(file).absolute().parent.name == run_id:
        run_dir = Path(file).absolute().parent
    chosen = frozenset(name for name, origin in loaded.origins.items() if origin != "default")
    return Job(
        config=config,
        run_id=run_id,
        run_dir=run_dir,
        chosen=chosen,
        alone=given is None,
        engine=engine,
        succession=getattr(loaded.arguments, "succession", False),
    )


def shall_end(job: Job) -> bool:
    """Whether the query shall make room for that of another run."""
    return job.succession and shall_rest(job.run_dir)


def next_job(job: Job) -> Job:
    """Rest until another run comes, and return its job; its settings of the process itself are those of this one.

    Raises
    ------
    EngineFailed, ConfigError
        When its configuration cannot be read.
    """
    say("resting")
    file = await_successor(job.run_dir)
    config = read_run_config(file)
    run_id = config.run.run_id or file.parent.name
    say("next", run_id=run_id)
    return replace(job, config=config, run_id=run_id, run_dir=file.parent)


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
