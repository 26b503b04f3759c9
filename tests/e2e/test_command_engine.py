"""Any command as engine: the documented example, an engine that is late by a known time, and one wrong in each way."""

from __future__ import annotations

import re
import shlex
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.e2e.started import PLAIN_ENGINE, ROOT, TINY, plain_engine, start
from tests.engines.plain_engine import DEFECTS

MASTER = "master_code_spark.py"
DELAY_MS = 80
MEASURED_WINDOWS = 30
WINDOWS_ENOUGH = ("--window-size-sec=0.5", "--duration=15", "--warmup=2", "--rate=400")


def test_the_example_of_the_documentation_gives_every_row_and_no_other(tmp_path, broker):
    command = shlex.join([sys.executable, str(ROOT / "docs" / "example_engine.py")])
    flags = ("--engine=command", f"--engine-command={command}", f"--bootstrap-servers={broker}")
    program = start(tmp_path, MASTER, *TINY, *flags)
    try:
        rows = program.finish_right()["rows"]
    finally:
        program.kill_all()
    assert rows["expected"] == rows["exact"] > 0


def valid(directory, *arguments):
    directory.mkdir()
    program = start(directory, MASTER, *TINY, *arguments)
    try:
        assert program.finish() == 0, program.errors + program.output
    finally:
        program.kill_all()
    return program


def window_excess_ms(program):
    """Return the median excess of each measured window."""
    rows = pq.read_table(program.run / "samples" / "rows.parquet").to_pandas()
    measured = rows[rows["counts"] & rows["window_id"].between(0, MEASURED_WINDOWS - 1)]
    excess = measured.groupby("window_id")["excess_ns"].median().to_numpy() / 1e6
    assert len(excess) == MEASURED_WINDOWS
    return excess


def median_with_interval(values):
    """Return the median and the half width of its 95 % bootstrap interval."""
    draws = np.random.default_rng(1).choice(values, size=(1000, len(values)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    return float(np.median(values)), float(high - low) / 2


@pytest.mark.alone
@pytest.mark.timeout(180)
def test_an_engine_that_holds_every_row_back_by_d_ms_is_slower_by_d_ms(tmp_path):
    at_once = valid(tmp_path / "0", *WINDOWS_ENOUGH, *plain_engine("--delay-ms=0"))
    delayed = valid(tmp_path / "d", *WINDOWS_ENOUGH, *plain_engine(f"--delay-ms={DELAY_MS}"))
    fast, fast_half = median_with_interval(window_excess_ms(at_once))
    slow, slow_half = median_with_interval(window_excess_ms(delayed))
    assert abs(slow - fast - DELAY_MS) <= 5 + float(np.hypot(fast_half, slow_half)), (fast, fast_half, slow, slow_half)


def test_every_defect_of_the_plain_engine_is_used_by_a_test():
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "e2e").glob("*.py"))
    assert PLAIN_ENGINE.is_file()
    assert [name for name in DEFECTS if not re.search(rf'"(--defect=)?{name}"', text)] == []
