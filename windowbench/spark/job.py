"""One start of the Spark job: its configuration, and where it keeps things."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from config import Config, Loaded


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
        Whether no benchmark run stands around the job, whose log takes what Spark prints.
    """

    config: Config
    run_id: str
    run_dir: Path
    chosen: frozenset[str]
    alone: bool

    @property
    def checkpoint(self) -> str:
        """Directory or URI of the query's checkpoint."""
        return self.config.engine.checkpoint_dir or str(self.run_dir / "checkpoint")

    @property
    def log(self) -> Path:
        """Where Spark logs when the job runs alone."""
        return self.run_dir / "logs" / "spark.log"


def job_of(loaded: Loaded) -> Job:
    """Complete a configuration.

    The directory of a job that gets a run's ``config.json`` is that file's. A job that is part of no run makes a
    run id and a directory of its own.
    """
    given = loaded.config.run.run_id
    run_id = given or f"{time.strftime('%Y%m%d-%H%M%S')}-spark-alone-{os.getpid()}"
    config = loaded.config if given else loaded.config.replace(run_id=run_id)
    run_dir = Path(config.run.runs_dir).absolute() / run_id
    file = loaded.arguments.config
    if file is not None and Path(file).absolute().parent.name == run_id:
        run_dir = Path(file).absolute().parent
    chosen = frozenset(name for name, origin in loaded.origins.items() if origin != "default")
    return Job(config=config, run_id=run_id, run_dir=run_dir, chosen=chosen, alone=given is None)
