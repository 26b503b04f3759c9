"""``artifacts/bench.json`` and its like: what benchmarks found on this machine, and the machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.table import Figure
from windowbench.orchestrate.environment import describe_environment

STORED = Path("artifacts") / "bench.json"
_SAME_MACHINE = ("cpu_model", "cpu_count", "memory_bytes")


def machine(environment: Mapping[str, Any]) -> str:
    """Return the machine in a few words."""
    memory = environment["memory_bytes"] / 1e9
    return f"{environment['cpu_count']} x {environment['cpu_model']}, {memory:.0f} GB"


def stored(path: Path = STORED) -> dict[str, list[Figure]]:
    """Return the figures that are kept of this machine, by the name of their benchmark."""
    if not path.exists():
        return {}
    environment = describe_environment(Path(), java=None, broker={})
    before = json.loads(path.read_text(encoding="utf-8"))
    if any(before["environment"][name] != environment[name] for name in _SAME_MACHINE):
        return {}
    return {name: [Figure(**fields) for fields in figures] for name, figures in before["figures"].items()}


def keep(found: Mapping[str, Sequence[Figure]], path: Path = STORED) -> Path:
    """Add figures by the name of their benchmark to those kept; those of another machine are replaced."""
    kept = {name: [asdict(figure) for figure in figures] for name, figures in {**stored(path), **found}.items()}
    environment = describe_environment(Path(), java=None, broker={})
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"environment": environment, "figures": kept}, indent=2) + "\n", encoding="utf-8")
    return path


def as_markdown() -> str:
    """Return everything that is kept as a table, benchmark by benchmark, with the machine it was found on."""
    kept = json.loads(STORED.read_text(encoding="utf-8"))
    lines = [f"On {machine(kept['environment'])}:", "", "| | found | target |", "| --- | ---: | ---: |"]
    for name, figures in kept["figures"].items():
        lines.append(f"| **{name.replace('_', ' ')}** | | |")
        lines += [_row(Figure(**fields)) for fields in figures]
    return "\n".join(lines)


def _row(figure: Figure) -> str:
    value = figure.value if isinstance(figure.value, str) else f"{figure.value:,}"
    return f"| {figure.name.strip()} | {value}{'' if figure.met else ' (missed)'} | {figure.target} |"
