"""``artifacts/bench.json``: what all benchmarks found on this machine, and the machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.table import Figure
from windowbench.orchestration.environment import describe_environment

STORED = Path("artifacts") / "bench.json"
_SAME_MACHINE = ("cpu_model", "cpu_count", "memory_bytes")


def machine(environment: Mapping[str, Any]) -> str:
    """Return the machine in a few words."""
    memory = environment["memory_bytes"] / 1e9
    return f"{environment['cpu_count']} x {environment['cpu_model']}, {memory:.0f} GB"


def keep(found: Mapping[str, Sequence[Figure]]) -> Path:
    """Add figures by the name of their benchmark to those kept; those of another machine are replaced."""
    environment = describe_environment(Path(), java=None, broker={})
    kept: dict[str, Any] = {}
    if STORED.exists():
        before = json.loads(STORED.read_text(encoding="utf-8"))
        if all(before["environment"][name] == environment[name] for name in _SAME_MACHINE):
            kept = before["figures"]
    kept |= {name: [asdict(figure) for figure in figures] for name, figures in found.items()}
    STORED.parent.mkdir(exist_ok=True)
    STORED.write_text(json.dumps({"environment": environment, "figures": kept}, indent=2) + "\n", encoding="utf-8")
    return STORED


def as_markdown() -> str:
    """Return everything that is kept as a table, with the machine it was found on."""
    kept = json.loads(STORED.read_text(encoding="utf-8"))
    lines = [f"On {machine(kept['environment'])}:", "", "| | found | target |", "| --- | ---: | ---: |"]
    for figure in (Figure(**fields) for figures in kept["figures"].values() for fields in figures):
        value = figure.value if isinstance(figure.value, str) else f"{figure.value:,}"
        lines.append(f"| {figure.name} | {value}{'' if figure.met else ' (missed)'} | {figure.target} |")
    return "\n".join(lines)
