"""What a reader of committed records sees, and when, against a real broker: the recording, and visible_time.py."""

import signal
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.integration.test_spark_job import Running
from tests.patience import PATIENCE
from windowbench.kafka.admin import Admin
from windowbench.orchestrate.recording import record_results
from windowbench.processes.waiting import wait_until
from windowbench.runs.samples import read_table
from windowbench.runs.store import RunDirectory

pytestmark = pytest.mark.all

PROGRAM = Path(__file__).resolve().parents[2] / "visible_time.py"


@pytest.fixture
def transactions(make_topics):
    """Give a configuration, and a function that writes a row in a transaction and ends it in a given way."""
    config = make_topics()
    made = []

    def write(value, end):
        settings = {"bootstrap.servers": config.kafka.bootstrap_servers, "linger.ms": 0}
        producer = Producer({**settings, "transactional.id": f"{config.kafka.result_topic}-{len(made)}"})
        made.append(producer)
        producer.init_transactions(PATIENCE)
        producer.begin_transaction()
        producer.produce(config.kafka.result_topic, value, partition=0)
        assert producer.flush(PATIENCE) == 0
        end(producer)

    yield config, write
    for producer in made:
        producer.purge()


def commit(producer):
    producer.commit_transaction(PATIENCE)


def abort(producer):
    producer.abort_transaction(PATIENCE)


def leave_open(_producer):
    pass


def test_rows_of_an_aborted_transaction_or_of_one_that_was_never_ended_are_not_recorded(transactions, tmp_path):
    config, write = transactions
    write(b"aborted", abort)
    write(b"committed", commit)
    write(b"open", leave_open)
    assert record_results(config, tmp_path / "results.parquet") == 1
    assert read_table(tmp_path / "results.parquet").column("value").to_pylist() == [b"committed"]


def test_a_row_is_visible_after_the_commit_of_its_transaction_and_never_when_that_is_aborted(transactions, tmp_path):
    config, write = transactions
    config = config.replace(run_id="observed", visible_time=True, runs_dir=str(tmp_path))
    run = RunDirectory.create(tmp_path / "observed")
    run.write_config(config)
    observer = Running([sys.executable, PROGRAM, "--config", run.config], tmp_path)
    observer.wait_for("ready")
    committing = []

    def commit_late(producer):
        wait_until(lambda: Admin(config).records(config.kafka.result_topic) >= 3, PATIENCE, "the row in the log")
        committing.append(time.time_ns())
        commit(producer)

    write(b"aborted", abort)  # and its marker
    write(b"committed", commit_late)
    wait_until(lambda: Admin(config).records(config.kafka.result_topic) == 4, PATIENCE, "the marker of the commit")
    plain = Producer({"bootstrap.servers": config.kafka.bootstrap_servers})
    plain.produce(config.kafka.result_topic, b"in no transaction", partition=0)
    assert plain.flush(PATIENCE) == 0
    wait_until(lambda: Admin(config).records(calibration_of(config)) >= 10, PATIENCE, "some calibration records")
    observer.process.send_signal(signal.SIGTERM)
    assert observer.wait() == 0, observer.stderr
    rows = read_table(run.visible_samples).to_pylist()
    assert [row["offset"] for row in rows] == [2, 4]
    assert rows[0]["visible_ns"] > committing[0]
    assert all(row["visible_ns"] // 1_000_000 >= row["append_ms"] for row in rows)
    calibration = read_table(run.visible_calibration).to_pylist()
    assert len(calibration) >= 9
    assert all(record["visible_ns"] // 1_000_000 >= record["append_ms"] for record in calibration)
    observer.kill()


def calibration_of(config):
    from windowbench.kafka.visibility import calibration_topic

    return calibration_topic(config).name


def test_without_a_run_the_observer_says_what_it_needs(tmp_path):
    observer = Running([sys.executable, PROGRAM], tmp_path)
    assert observer.wait() == 2
    assert "--config <run>/config.json" in observer.stderr
    observer.kill()
