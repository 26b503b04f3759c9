"""Any command as engine: the documented example, an engine that is late by a known time, and one wrong in each way."""

from __future__ import annotations

import re
import shlex
import sys

import pyarrow.parquet as pq
import pytest

from tests.e2e.started import PLAIN_ENGINE, ROOT, TINY, plain_engine, start
from tests.engines.plain_engine import DEFECTS
from windowbench.load.schedule import NS_PER_MS

MASTER = "master_code_spark.py"
DELAY_MS = 700
MEASURED_WINDOWS = 10


def test_the_example_of_the_documentation_gives_every_row_and_no_other(tmp_path, broker):
    command = shlex.join([sys.executable, str(ROOT / "docs" / "example_engine.py")])
    flags = ("--engine=command", f"--engine-command={command}", f"--bootstrap-servers={broker}")
    program = start(tmp_path, MASTER, *TINY, *flags)
    try:
        program.finish_right()
    finally:
        program.kill_all()


@pytest.mark.all
def test_no_row_of_an_engine_that_holds_every_row_back_by_d_ms_is_measured_to_be_earlier_than_d_ms(tmp_path, broker):
    engine = plain_engine(f"--delay-ms={DELAY_MS}")
    program = start(tmp_path, MASTER, *TINY, "--duration=5", *engine, f"--bootstrap-servers={broker}")
    try:
        program.finish_right()
    finally:
        program.kill_all()
    rows = pq.read_table(program.run / "samples" / "rows.parquet").to_pandas()
    measured = rows[rows["counts"] & rows["window_id"].between(0, MEASURED_WINDOWS - 1)]
    assert measured["window_id"].nunique() == MEASURED_WINDOWS
    assert measured["excess_ns"].min() >= (DELAY_MS - 1) * NS_PER_MS, "the broker cuts its time to whole ms"


def test_every_defect_of_the_plain_engine_is_used_by_a_test():
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "e2e").glob("*.py"))
    assert PLAIN_ENGINE.is_file()
    assert [name for name in DEFECTS if not re.search(rf'"(--defect=)?{name}"', text)] == []
