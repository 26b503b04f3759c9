"""Which software made a run: the state of the clone, and what Kafka its jars are of."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from windowbench.engines.contract import ROOT
from windowbench.processes.process import run_briefly
from windowbench.toolchain.jars import HOME, read_lock

_GIT_SECONDS = 10.0


def clone_state(root: Path = ROOT) -> dict[str, str | bool | None]:
    """Return the commit of a clone, and whether its files are as that has them; None each where there is no telling."""
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root.resolve():  # installed without its history, perhaps in another clone
        return {"commit": None, "clean": None}
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return {"commit": _git(root, "rev-parse", "HEAD"), "clean": None if changed is None else not changed}


def _git(root: Path, *words: str) -> str | None:
    """Return what git says of a directory; None where it is missing, or has nothing to say."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(root), *words]
    try:
        done = run_briefly(command, timeout=_GIT_SECONDS, env=env)
    except (OSError, TimeoutError):
        return None
    return done.output.strip() if done.code == 0 else None


def kafka_of_jars(kinds: Sequence[str], home: Path = HOME) -> dict[str, dict[str, str]]:
    """Return for kinds of jars the versions of what is Kafka's in them, or for Kafka, by who publishes it."""
    found: dict[str, dict[str, set[str]]] = {}
    for kind in kinds:
        for jar in read_lock(kind, home):
            group, name, version = jar.coordinates.split(":")
            if "kafka" in f"{group}:{name}":
                found.setdefault(kind, {}).setdefault(group, set()).add(version)
    return {kind: {group: ", ".join(sorted(of)) for group, of in groups.items()} for kind, groups in found.items()}
