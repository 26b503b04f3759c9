"""One process of an engine for several runs, one after another: how harness and engine agree on it.

A JVM that has run for minutes is another one than at its start. Who wants to know what an engine sustains, not how it
starts, gives run after run to the same process. Nothing else is shared: each run has its own directory, topics,
checkpoint and run id, its query is a new one, and it is judged like any.

The run directory is the interface. With ``--succession`` the engine looks there for two files:

* ``rest``: the run is over. The engine ends its query, says ``{"type": "resting"}`` and waits.
* ``successor``: a text file with the path of the next run's ``config.json``. The engine says ``{"type": "next"}``, and
  all it says from then on is about that run, beginning with ``ready``.
"""

from __future__ import annotations

import time
from pathlib import Path

from windowbench.errors import EngineFailed

FLAG = "--succession"
_REST, _SUCCESSOR = "rest", "successor"
_POLL_SECONDS = 0.05


def ask_to_rest(run: Path) -> None:
    """Tell the engine of a run to end its query."""
    (run / _REST).touch()


def name_successor(run: Path, config: Path) -> None:
    """Tell an engine that rests where its next run is."""
    partial = run / f"{_SUCCESSOR}.part"
    partial.write_text(str(config), encoding="utf-8")
    partial.replace(run / _SUCCESSOR)  # whole or not at all


def shall_rest(run: Path) -> bool:
    """Whether the harness has asked the engine of this run to end its query."""
    return (run / _REST).exists()


def await_successor(run: Path) -> Path:
    """Wait for the ``config.json`` of the next run; a signal ends the waiting.

    Raises
    ------
    EngineFailed
        When what is named cannot be read.
    """
    named = run / _SUCCESSOR
    while not named.exists():
        time.sleep(_POLL_SECONDS)
    config = Path(named.read_text(encoding="utf-8"))
    if not config.is_file():
        raise EngineFailed(f"the next run has no configuration: {config}")
    return config
