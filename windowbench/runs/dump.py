"""Keeping the topics of a run as files, before the broker goes: Parquet, or JSON lines for everything else."""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from config import Config
from windowbench.settings.command_line import Parser
from windowbench.errors import EnvironmentProblem, ExitCode
from windowbench.kafka.reader import read_topic
from windowbench.load.record import Record
from windowbench.runs.samples import RECORD_FIELDS, RESULT_COLUMNS, SampleWriter
from windowbench.runs.store import RunDirectory, cannot_write
from windowbench.settings.knobs import ConfigError

FORMATS = ("parquet", "jsonl")
_COLUMNS = dict(zip(RECORD_FIELDS, RESULT_COLUMNS.values(), strict=True))
_EPILOG = """\
examples:
  python master_code_spark.py --dump-topics parquet        keep the topics of this run
  python -m windowbench dump runs/RUN --format jsonl       of a run whose broker is still there (--keep-broker)
"""


def _parquet(path: Path, batches: Iterator[list[Record]]) -> int:
    with SampleWriter(path, _COLUMNS) as writer:
        for batch in batches:
            writer.append(**{name: [getattr(record, name) for record in batch] for name in _COLUMNS})
        return writer.rows


def _text(data: bytes | None) -> dict[str, str] | str | None:
    """Return bytes as JSON can hold them: text, or ``{"base64": ...}`` where they are none."""
    if data is None:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}


def json_line(record: Record) -> str:
    """Return one record as a line of JSON."""
    fields: dict[str, Any] = {name: getattr(record, name) for name in _COLUMNS}
    return json.dumps({**fields, "key": _text(record.key), "value": _text(record.value)})


def _json_lines(path: Path, batches: Iterator[list[Record]]) -> int:
    temporary = path.with_name(path.name + ".part")
    rows = 0
    with temporary.open("w", encoding="utf-8") as file:
        for batch in batches:
            rows += len(batch)
            file.writelines(json_line(record) + "\n" for record in batch)
    temporary.replace(path)
    return rows


_WRITERS: dict[str, Callable[[Path, Iterator[list[Record]]], int]] = {"parquet": _parquet, "jsonl": _json_lines}


def dump_topics(config: Config, directory: Path, kind: str) -> dict[Path, int]:
    """Write the topics of a run below `directory`, in one of :data:`FORMATS`; return each file with its number of records.

    Raises
    ------
    EnvironmentProblem
        When the broker does not answer, a topic is missing or the directory cannot be written.
    """
    written = {}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for topic in (*config.input_topics, *config.result_topics):
            path = directory / f"{topic}.{kind}"
            written[path] = _WRITERS[kind](path, read_topic(config, topic))
    except OSError as error:
        raise cannot_write(directory, error) from error
    return written


def body(argv: list[str] | None) -> int:
    """Run ``python -m windowbench dump``."""
    parser = Parser(
        prog="python -m windowbench dump",
        description="Keep the topics of a run as files.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="run directory")
    parser.add_argument("--format", default="parquet", help="parquet or jsonl [default: parquet]")
    parser.add_argument("--output", type=Path, help="where to write [default: RUN/dump]")
    arguments = parser.parse_all(argv)
    if arguments.format not in FORMATS:
        msg = f"--format must be one of {', '.join(FORMATS)}, not {arguments.format!r}"
        raise ConfigError(msg)
    run = RunDirectory.open(arguments.run)
    config = run.read_config()
    try:
        written = dump_topics(config, arguments.output or run.file("dump"), arguments.format)
    except EnvironmentProblem as problem:
        if not config.kafka.embedded:
            raise
        msg = f"the embedded broker of run {run.run_id} is gone: {problem}"
        raise EnvironmentProblem(
            msg, remedy="give --dump-topics parquet to a run, or --keep-broker and dump it afterwards"
        ) from None
    for path, rows in written.items():
        print(f"{path}: {rows} records")
    return ExitCode.OK
