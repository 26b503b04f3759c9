"""What the programs make of kept runs, of settings and of a seed, as named texts that can be compared byte for byte.

Only programs of the root and ``python -m windowbench`` are called, so that nothing here follows a module that moves.
The load is the exception: no command prints it.

Outputs are exact but for what follows from the place of a run directory: the absolute path of the directory above it
is written as ``PLACE``. The current directory is that place, so that all other paths are relative. And processors
differ in the last digits of what is added up from fractions, so ten digits of a number count.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import importlib
import io
import itertools
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.parquet as pq

import latency_calculator
import windowbench.__main__
from config import Config
from data_generation import encoder_of, end_record, event_blocks
from tests.recorded.golden.kept_run import unpack
from windowbench.load.arrivals import arrival_offsets
from windowbench.load.schedule import plan

EXPECTED = Path(__file__).parent / "expected"

Outputs = dict[str, str]
_LONG_NUMBER = re.compile(r"-?\d+\.\d{9,}(e[+-]?\d+)?")


@contextlib.contextmanager
def place(directory: Path) -> Iterator[Path]:
    """Make a directory the current one, in surroundings that leave no trace in what is printed."""
    directory.mkdir(parents=True, exist_ok=True)
    surroundings = {"COLUMNS": "100", "NO_COLOR": "1", "TZ": "UTC"}
    ours = [name for name in os.environ if name.startswith("WINDOWBENCH_")]
    with contextlib.chdir(directory), mock.patch.dict(os.environ, surroundings):
        for name in ours:
            del os.environ[name]
        yield directory.resolve()


def said(main: Any, *arguments: str) -> str:
    """Call a program and return what it printed and its exit code."""
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            code = main(list(arguments))
        except SystemExit as ended:
            code = ended.code
    return f"{out.getvalue()}{errors.getvalue()}exit code {int(code)}\n".replace(str(Path.cwd()), "PLACE")


# --- runs -------------------------------------------------------------------------------------------------------------


PAGES = frozenset(
    {
        "command-ad_ctr",
        "command-ad_ctr-failed",
        "command-ad_ctr-wrong",
        "flink-ad_ctr-exactly_once",
        "reference-ad_ctr",
        "reference-product_ctr",
        "spark-ad_clicks",
        "spark-ad_ctr-realtime",
        "spark-web_analytics",
    }
)
"""Runs whose pages are made, too: drawing takes most of the time."""


def of_run(name: str, directory: Path) -> Outputs:
    """Return what judging a kept run gives: its files, the text of the report, of some runs that of the page."""
    with place(directory):
        run = unpack(name, Path("runs"))
        before = {path for path in run.rglob("*") if path.is_file()}
        found = {"report.txt": said(latency_calculator.main, str(run))}
        for path in sorted({path for path in run.rglob("*") if path.is_file()} - before):
            is_table = path.suffix == ".parquet"
            found[f"{path.stem}-columns.json" if is_table else path.name] = (
                _columns(path) if is_table else path.read_bytes().decode()
            )
        if name in PAGES:
            told = said(windowbench.__main__.main, "report", str(run))
            found["page.txt"] = told + page_text((run / "report.html").read_bytes().decode())
        return {key: steady(text.replace(str(Path.cwd()), "PLACE")) for key, text in found.items()}


def steady(text: str) -> str:
    """Return a text with ten digits of each number that has more."""
    return _LONG_NUMBER.sub(lambda number: f"{float(number[0]):.10g}", text)


def _columns(path: Path) -> str:
    """Return the hash of each column of a table, and how many rows there are."""
    table = pq.read_table(path)
    columns = {
        field.name: f"{field.type} {_hash(repr(table.column(field.name).to_pylist()))}" for field in table.schema
    }
    return json.dumps({"rows": table.num_rows, "columns": columns}, indent=2) + "\n"


def _hash(text: str) -> str:
    return hashlib.sha256(steady(text).encode()).hexdigest()[:16]


class _PageText(HTMLParser):
    """The text of a page: a line for each piece, the cells of a table's row in one; of a drawing a hash."""

    _LEFT_OUT = ("style", "script")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._cells: list[str] | None = None
        self._left_out = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self._left_out += tag in self._LEFT_OUT
        if tag == "tr":
            self._cells = []
        elif tag in ("td", "th") and self._cells is not None:
            self._cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self._left_out -= tag in self._LEFT_OUT
        if tag == "tr" and self._cells is not None:
            self.lines.append(" | ".join(self._cells))
            self._cells = None

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if not text or self._left_out:
            return
        if self._cells:
            self._cells[-1] = f"{self._cells[-1]} {text}".strip()
        else:
            self.lines.append(text)


def page_text(html: str) -> str:
    """Return the text of a page; each drawing is one line that holds its hash."""
    parts = []
    for piece in html.split("<svg "):
        drawn, closed, rest = piece.partition("</svg>")
        parts.append(f"<p>[drawing {_hash(drawn)}]</p>{rest}" if closed else piece)
    return "\n".join(_PageText("".join(parts)).lines) + "\n"


# --- several runs -----------------------------------------------------------------------------------------------------

COMPARISONS: Mapping[str, tuple[str, ...]] = {
    "engines": (
        "reference-ad_ctr",
        "reference-ad_ctr-again",
        "spark-ad_ctr-append",
        "flink-ad_ctr-at_least_once",
        "command-ad_ctr",
        "command-ad_ctr-failed",
        "--fail-on=excess_p90_ms>+5%",
    ),
    "updates": ("spark-ad_ctr-update", "spark-ad_ctr-realtime"),
    "revisions": ("reference-product_ctr", "spark-product_ctr", "flink-product_ctr", "--allow-different-environment"),
    "one_configuration": ("reference-ad_ctr", "reference-ad_ctr-again"),
}
"""What is compared with what, and how."""


_LONG_LIST = re.compile(r"(?:^ *(?:-?\d[\d.e+-]*|\[|\]),?\n){20,}", re.MULTILINE)


def _folded(numbers: re.Match[str]) -> str:
    """Return what stands for the points of a curve: how many lines they take, and their hash."""
    return f"({numbers[0].count(chr(10))} lines of numbers {_hash(numbers[0])})\n"


def of_comparison(name: str, directory: Path) -> Outputs:
    """Return what comparing kept runs gives, each as it is judged."""
    arguments = [word if word.startswith("--") else f"runs/{word}" for word in COMPARISONS[name]]
    with place(directory):
        for word in COMPARISONS[name]:
            if not word.startswith("--"):
                said(latency_calculator.main, str(unpack(word, Path("runs"))))
        files = ("--markdown=comparison.md", "--json=comparison.json", "--html=page.html")
        found = {"comparison.txt": said(windowbench.__main__.main, "compare", *arguments, *files)}
        for path in (Path("comparison.md"), Path("comparison.json")):
            found[path.name] = _LONG_LIST.sub(_folded, path.read_bytes().decode()) if path.exists() else "no file\n"
        page = Path("page.html")
        found["page.txt"] = page_text(page.read_bytes().decode()) if page.exists() else "no file\n"
        return found


_CONFIGURED_S = 1_796_130_000


def of_list(names: Sequence[str], directory: Path) -> Outputs:
    """Return the list of kept runs, judged as is expected of each.

    A run without a load is listed by the time at which its ``config.json`` was written; that is said here.
    """
    with place(directory):
        for name in names:
            run = unpack(name, Path("runs"))
            for file in ("summary.json", "verdict.json"):
                shutil.copyfile(EXPECTED / "judged" / name / file, run / file)
            os.utime(run / "config.json", (_CONFIGURED_S, _CONFIGURED_S))
        return {
            "list.txt": said(windowbench.__main__.main, "list"),
            "list.json": said(windowbench.__main__.main, "list", "--json"),
        }


# --- help -------------------------------------------------------------------------------------------------------------

PROGRAMS = (
    "FlinkJob",
    "ReferenceJob",
    "SparkJob",
    "clear_topics",
    "consumer",
    "latency_calculator",
    "master_code_flink",
    "master_code_spark",
    "producer",
    "topic_creation",
    "visible_time",
)


def of_help(directory: Path) -> Outputs:
    """Return the help of every program of the root and of every command."""
    with place(directory):
        found = {f"{name}.txt": said(importlib.import_module(name).main, "--help") for name in PROGRAMS}
        found["windowbench.txt"] = said(windowbench.__main__.main, "--help")
        for command in windowbench.__main__.COMMANDS:
            found[f"windowbench-{command}.txt"] = said(windowbench.__main__.main, command, "--help")
        return found


# --- loads ------------------------------------------------------------------------------------------------------------

WORKLOADS = ("ad_ctr", "product_ctr", "ad_clicks", "web_analytics")
ARRIVALS = ("uniform", "poisson", "mmpp")
SEEDS = (1, 42)
EVENTS = 3000
"""Of each producer."""


def of_load(workload: str) -> Outputs:
    """Return the hash of what both producers send first, and when, with an event of each in full."""
    found: dict[str, Any] = {}
    for arrivals, seed in itertools.product(ARRIVALS, SEEDS):
        config = Config().replace(
            workload=workload,
            data_generator=arrivals,
            seed=seed,
            rate=500.0,
            events_per_producer=None,
            window_size_sec=2.0,
            out_of_order_share=0.1,
            out_of_order_extent_ms=900,
            too_late_share=0.05,
            late_guard_seconds=1.0,
        )
        found[f"{arrivals}-{seed}"] = [_first_events(config, producer) for producer in range(2)]
    found["end"] = end_record("a-run", 1_760_000_000_000).decode()
    return {"load.json": json.dumps(found, indent=2) + "\n"}


def _first_events(config: Config, producer: int) -> dict[str, Any]:
    schedule, encoder = plan(config, 1_760_000_000_123_456_789), encoder_of(config)
    due, payloads, left = hashlib.sha256(), hashlib.sha256(), EVENTS
    example = b""
    for block in event_blocks(config, producer, arrival_offsets(config, producer), schedule.load_length_ns):
        piece = block.part(0, left)
        rendered = [*zip(encoder.keys(piece), encoder.encode(piece, schedule), piece.partition.tolist(), strict=True)]
        for key, payload, partition in rendered:
            payloads.update(b"%s\t%d\t%s\n" % (key, partition, payload))
        due.update(piece.due_offset_ns.astype("<i8").tobytes())
        example = example or rendered[0][1]
        left -= len(rendered)
        if not left:
            break
    return {
        "events": EVENTS - left,
        "due": due.hexdigest(),
        "keys, partitions and payloads": payloads.hexdigest(),
        "the first": example[:300].decode(),
    }


# --- comparing with what is expected ----------------------------------------------------------------------------------


def differences(found: Outputs, expected: Path) -> str:
    """Return how texts differ from the files of a directory, empty when they are the same byte for byte."""
    kept = {path.name: path.read_bytes().decode() for path in expected.iterdir()} if expected.is_dir() else {}
    told = []
    for name in sorted(kept.keys() | found.keys()):
        if kept.get(name) == found.get(name):
            continue
        if name not in kept or name not in found:
            told.append(f"{name}: only {'found' if name in found else 'expected'}")
            continue
        lines = [text.splitlines(keepends=True) for text in (kept[name], found[name])]
        told.append("".join(difflib.unified_diff(*lines, f"expected {name}", f"found {name}", n=1)))
    return "\n".join(told)
