"""Runs that bring their results into PostgreSQL: every row arrives, and the run depends on it at the start only."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import psutil
import psycopg
import pyarrow.parquet as pq
import pytest

from tests.e2e.started import TINY, start
from tests.patience import LASTING, PATIENCE
from windowbench.postgres.server import EmbeddedPostgres
from windowbench.workloads.ad_ctr.model import RESULT_TABLE

pytestmark = pytest.mark.all

TABLE = RESULT_TABLE.name


@pytest.fixture
def run(open_directory):
    """Start runs with the reference engine in a place that the database's user may enter; nothing survives the test."""
    programs = []

    def starter(*arguments, **options):
        directory = Path(tempfile.mkdtemp(dir=open_directory))
        directory.chmod(0o755)
        programs.append(start(directory, "master_code_spark.py", *TINY, "--engine=reference", *arguments, **options))
        return programs[-1]

    yield starter
    for program in programs:
        program.kill_all()


def family_of(program):
    """Return every process of a run, those of the database among them."""
    found = psutil.Process(program.process.pid).children(recursive=True)
    assert [process for process in found if process.name() == "postgres"]
    return found


def test_every_row_of_a_run_is_in_the_database_it_leaves_and_nothing_else(run):
    program = run("--postgres=embedded")
    program.await_phase("measure")
    family = family_of(program)
    program.finish_right()
    assert psutil.wait_procs(family, PATIENCE)[1] == []
    recorded = pq.read_table(program.run / "samples/results.parquet").to_pylist()
    rows = {(one["window_start"], one["campaign_id"]): one for one in (json.loads(one["value"]) for one in recorded)}
    with EmbeddedPostgres(program.run / "postgres") as server, psycopg.connect(server.ready()) as connection:
        stored = connection.execute(f"SELECT row_to_json(r) FROM {TABLE} AS r").fetchall()
    places = {(one["partition"], one["offset"], one["append_time_ms"]) for one in recorded}
    assert {
        tuple(one.pop(n) for n in ("kafka_partition", "kafka_offset", "append_time")) for (one,) in stored
    } == places
    assert {(one["window_start"], one["campaign_id"]): one for (one,) in stored} == rows
    assert len(stored) == len(rows) == len(recorded) > 0
    word = program.json("consumer.json")
    assert (word["left"], word["error"], word["rows"], word["foreign"]) == (0, None, len(rows), 0)
    assert pq.read_table(program.run / "samples/host.parquet")["cpu_consumer"].to_numpy().max() > 0


def test_a_consumer_that_is_killed_does_not_fail_the_run_and_the_report_says_what_is_missing(run):
    program = run("--postgres=embedded")
    program.await_phase("measure")
    (guard,) = [child["pid"] for child in program.json("lock.json")["children"] if child["name"] == "consumer"]
    psutil.Process(guard).children()[0].kill()
    program.finish_right()
    assert "the run goes on without it: consumer was killed by signal 9" in program.errors
    warnings = program.json("verdict.json")["warnings"]
    assert any("the result consumer failed" in warning for warning in warnings)
    assert any("records of the results topic did not reach PostgreSQL" in warning for warning in warnings)
    assert program.json("consumer.json")["left"] > 0


def test_the_database_is_gone_soon_after_the_run_was_killed(run):
    program = run("--postgres=embedded", LASTING)
    program.await_phase("warm-up")
    family = family_of(program)
    program.process.kill()
    assert psutil.wait_procs(family, PATIENCE)[1] == []


def test_a_database_that_cannot_be_reached_ends_the_run_before_anything_starts(run):
    program = run("--postgres-dsn=host=127.0.0.1 port=1 dbname=results")
    assert program.finish() == 3
    assert "PostgreSQL cannot be reached" in program.errors
    assert "PGPASSWORD" in program.errors
    assert not program.runs.exists()


def test_with_skip_consumers_the_database_is_not_even_asked(run):
    program = run("--postgres-dsn=host=127.0.0.1 port=1 dbname=results", "--skip-consumers")
    program.await_phase("measure")
    assert [child["name"] for child in program.json("lock.json")["children"]] == ["broker", "engine", "producers"]
