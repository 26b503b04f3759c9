"""Recorded runs as text: what the judge and the reports read of a run directory, small and free of the machine's names.

A kept run is a directory like the one it comes from. Its Parquet files are tables of text: the first line names the
columns and their types, int64 values are differences from the line above, an empty cell of bytes is a null.
"""

from __future__ import annotations

import getpass
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

RUNS = Path(__file__).parent / "recordings"
ROOT = Path(__file__).parents[3]
_READ = re.compile(
    r"(config|origins|environment|schedule|timeline|producers|events_topic|drain|status|consumer|format|external_clock)"
    r"\.json|progress\.jsonl|samples/(producer-\d+|acks-\d+|results|visible|visible_calibration|host)\.parquet"
)
_PROGRESS_LINES = 40
_MACHINE = {
    "kernel": "6.1.0",
    "kernel_build": "#1 SMP",
    "disk": {"file_system": "ext4", "rotational": False, "total_bytes": 10**11, "free_bytes_at_start": 5 * 10**10},
}
"""Fields of ``environment.json`` that name one machine, and what stands in their place."""


def names() -> list[str]:
    """Return the kept runs."""
    return sorted(path.name for path in RUNS.iterdir())


def unpack(name: str, runs: Path) -> Path:
    """Make the run directory of a kept run below `runs` and return it."""
    run = runs / name
    for kept in sorted(path for path in (RUNS / name).rglob("*") if path.is_file()):
        target = run / kept.relative_to(RUNS / name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if kept.suffix == ".tsv":
            pq.write_table(_table_of(kept.read_text(encoding="utf-8")), target.with_suffix(".parquet"))
        else:
            shutil.copyfile(kept, target)
    return run


def pack(run: Path) -> Path:
    """Keep a run directory as text and return where."""
    kept = RUNS / run.name
    shutil.rmtree(kept, ignore_errors=True)
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run)
        if not _READ.fullmatch(name.as_posix()):
            continue
        if path.suffix == ".parquet":
            name, text = name.with_suffix(".tsv"), text_of(pq.read_table(path))
        else:
            text = path.read_text(encoding="utf-8")
            text = _thinned(text) if path.suffix == ".jsonl" else text
            text = _without_machine(text) if path.name == "environment.json" else text
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        (kept / name).write_text(_without_places(text, run), encoding="utf-8")
    return kept


def _without_places(text: str, run: Path) -> str:
    """Return a text without the names of the machine's directories and of its user."""
    home = Path.home()
    for place, word in ((run.parent, "runs"), (ROOT, "/clone"), (ROOT.resolve(), "/clone"), (home, "~")):
        text = text.replace(str(place), word)
    for environment in (".venv", ".venv-flink"):
        if (ROOT / environment).exists():
            text = text.replace(str((ROOT / environment).resolve()), f"/clone/{environment}")
    return text.replace(f"user={getpass.getuser()}", "user=somebody")


def _without_machine(text: str) -> str:
    return json.dumps({**json.loads(text), **_MACHINE}, indent=2) + "\n"


def _thinned(lines: str) -> str:
    """Return the lines of an engine with few of its reports of progress: the first, the last and some between."""
    told = lines.splitlines(keepends=True)
    progress = [number for number, line in enumerate(told) if json.loads(line)["type"] == "progress"]
    step = len(progress) // _PROGRESS_LINES + 1
    dropped = set(progress) - set(progress[::step]) - set(progress[-1:])
    return "".join(line for number, line in enumerate(told) if number not in dropped)


def text_of(table: pa.Table) -> str:
    """Return a table as text."""
    columns = [_cells(table.column(name)) for name in table.column_names]
    head = "\t".join(f"{field.name}:{field.type}" for field in table.schema)
    return "".join(f"{line}\n" for line in (head, *map("\t".join, zip(*columns, strict=True))))


def _cells(column: pa.ChunkedArray) -> Iterator[str]:
    values = column.to_pylist()
    if column.type == pa.int64():
        return map(str, np.diff(np.array(values, dtype=np.int64), prepend=0).tolist())
    if column.type == pa.binary():
        return (_text(value) for value in values)
    return map(str, values)


def _text(value: bytes | None) -> str:
    text = "" if value is None else value.decode()
    if not text.isprintable() or value == b"":
        msg = f"cannot be kept as a cell of text: {value!r}"
        raise ValueError(msg)
    return text


def _table_of(text: str) -> pa.Table:
    head, *lines = text.splitlines()
    fields = [name.split(":") for name in head.split("\t")]
    cells = zip(*(line.split("\t") for line in lines), strict=True) if lines else [()] * len(fields)
    return pa.table({name: _values(kind, column) for (name, kind), column in zip(fields, cells, strict=True)})


def _values(kind: str, cells: tuple[str, ...]) -> Any:
    if kind == "int64":
        return pa.array(np.cumsum(np.array(cells, dtype=np.int64)), pa.int64())
    if kind == "binary":
        return pa.array([cell.encode() or None for cell in cells], pa.binary())
    return pa.array([float(cell) if kind == "double" else int(cell) for cell in cells], pa.type_for_alias(kind))
