"""consumer.py as a program, between a real broker and a real PostgreSQL: whatever is killed, the table is the topic.

What is right is read from the topic by another client: of the rows of a key, the last.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
from confluent_kafka import Producer

from tests.integration.test_spark_job import Running
from tests.patience import PATIENCE
from windowbench.kafka.admin import Admin
from windowbench.kafka.reader import read_topic
from windowbench.processes.waiting import wait_until
from windowbench.workloads.ad_ctr.model import RESULT_TABLE

COLUMNS = RESULT_TABLE.columns
TABLE = RESULT_TABLE.name
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "consumer.py"

KILLED_BETWEEN = """
import os, signal, sys
import consumer
from windowbench.kafka.committed import CommittedReader
commit, commits = CommittedReader.commit, []
def dies_before_the_second(self):
    if self.position and sum(self.position.values()):
        commits.append(1)
    if len(commits) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return commit(self)
CommittedReader.commit = dies_before_the_second
sys.exit(consumer.main(sys.argv[1:]))
"""
"""The consumer, killed when its second batch is in the database and the broker does not know."""

pytestmark = pytest.mark.all

numbers = itertools.count(1)


@pytest.fixture
def config(make_topics):
    """Make topics for a run nobody else has; results have two partitions."""
    return make_topics(run_id=f"run-{next(numbers)}-{os.getpid()}", result_partitions=2)


@pytest.fixture
def start(tmp_path):
    """Start consumers that are certainly gone after the test."""
    running = []

    def start_one(config, *arguments, program=(str(PROGRAM),)):
        settings = {
            "bootstrap-servers": config.kafka.bootstrap_servers,
            "result-topic": config.kafka.result_topic,
            "run-id": config.run.run_id,
        }
        flags = [f"--{name}={value}" for name, value in settings.items()]
        directory = tmp_path / str(len(running))
        directory.mkdir()
        command = [sys.executable, *program, *flags, *arguments]
        running.append(Running(command, directory, PYTHONPATH=str(ROOT), PYTHONUNBUFFERED="1"))
        return running[-1]

    yield start_one
    for one in running:
        one.kill()


def row(run_id, number):
    """Return the n-th row of a run: most keys come once, every tenth row replaces the one before it."""
    key = number - 1 if number % 10 == 9 else number
    return {
        "run_id": run_id,
        "campaign_id": key % 7,
        "window_start": 1000 * (key // 7),
        "window_end": 1000 * (key // 7) + 1000,
        "views": number,
        "clicks": 1,
        "purchases": 2,
        "events": number + 3,
        "max_produce_time": 7,
        "max_event_time_ns": 8,
        "ctr": 1 / number if number else None,
        "ctr_smoothed": 1 / (number + 1),
    }


def send(config, numbers, strangers=()):
    producer = Producer({"bootstrap.servers": config.kafka.bootstrap_servers, "acks": "all"})
    rows = [row(config.run.run_id, number) for number in numbers]
    values = [(json.dumps(one).encode(), one["campaign_id"] % 2) for one in rows] + [(value, 0) for value in strangers]
    for value, partition in values:
        producer.produce(config.kafka.result_topic, value, partition=partition)
        producer.poll(0)
    assert producer.flush(PATIENCE) == 0


def on_the_topic(config):
    """Return what the table must hold: for each key of the run its last row, with where it stood."""
    found = {}
    for record in (record for batch in read_topic(config, config.kafka.result_topic) for record in batch):
        try:
            values = json.loads(record.value)
        except ValueError:
            continue
        if isinstance(values, dict) and values["run_id"] == config.run.run_id:
            place = (record.partition, record.offset, record.timestamp_ms)
            found[values["window_start"], values["campaign_id"]] = (*(values[n] for n in list(COLUMNS)[:-3]), *place)
    return found


def in_the_table(dsn, config):
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(f"SELECT * FROM {TABLE} WHERE run_id = %s", (config.run.run_id,)).fetchall()
    found = {(one[2], one[1]): one for one in rows}
    assert len(found) == len(rows)
    return found


def committed(config, group):
    """Return the sum of the group's offsets, as the broker knows them."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": config.kafka.bootstrap_servers, "group.id": group})
    partitions = [TopicPartition(config.kafka.result_topic, n) for n in range(2)]
    offsets = [max(0, one.offset) for one in consumer.committed(partitions, timeout=PATIENCE)]
    consumer.close()
    return sum(offsets)


def log_ends(config):
    return {str(n): end for n, (_, end) in Admin(config).log_ranges(config.kafka.result_topic).items()}


def await_end(consumer, config):
    ends = log_ends(config)
    wait_until(lambda: consumer.position() == ends, PATIENCE, f"position {ends}", last_seen=consumer.position)


def test_killed_between_rows_and_offsets_a_restart_loses_nothing_and_doubles_nothing(config, start, database):
    send(config, range(2_500))
    dsn = f"--postgres-dsn={database.dsn}"
    killed = start(config, dsn, program=("-c", KILLED_BETWEEN))
    assert killed.wait() == -signal.SIGKILL, killed.stderr
    group = killed.said("ready")[0]["group"]
    written = in_the_table(database.dsn, config)
    known = committed(config, group)
    assert 0 < known < sum(one[-2] + 1 for one in last_of_partition(written).values())
    again = start(config, dsn, "--until-end")
    assert again.wait() == 0, again.stderr
    assert in_the_table(database.dsn, config) == on_the_topic(config)
    assert again.said("progress")[-1]["rows"] == 2_500 - known
    assert committed(config, group) == 2_500


def last_of_partition(rows):
    """Return for each partition the row that stood last of those in the table."""
    found = {}
    for one in sorted(rows.values(), key=lambda one: one[-2]):
        found[one[-3]] = one
    return found


def test_with_the_database_away_rows_wait_on_the_topic_and_none_is_lost_or_doubled(config, start, database):
    send(config, range(1_500))
    consumer = start(config, f"--postgres-dsn={database.dsn}")
    consumer.wait_for("ready")
    await_end(consumer, config)
    database.stop()
    try:
        send(config, range(1_500, 3_000))
        said = consumer.wait_for("waiting")["message"]
        assert "rows wait on the topic" in said
        assert committed(config, consumer.said("ready")[0]["group"]) == 1_500
        assert sum(consumer.position().values()) == 1_500
    finally:
        database.start()
        database.ready()
    await_end(consumer, config)
    assert len(consumer.said("resumed")) == 1
    assert said in consumer.stderr
    assert in_the_table(database.dsn, config) == on_the_topic(config)
    consumer.process.send_signal(signal.SIGTERM)
    assert consumer.wait() == 0, consumer.stderr


def test_a_database_of_its_own_goes_with_it_however_it_ends_and_keeps_its_rows(config, start, open_directory):
    place = open_directory / config.run.run_id
    flags = ("--postgres=embedded", f"--postgres-dir={place}")
    send(config, range(1_200))
    consumer = start(config, *flags)
    consumer.wait_for("ready")
    await_end(consumer, config)
    family = psutil.Process(consumer.process.pid).children(recursive=True)
    assert len(family) > 3
    consumer.process.kill()
    assert psutil.wait_procs(family, PATIENCE)[1] == []
    send(config, range(1_200, 1_300))
    again = start(config, *flags)
    dsn = again.wait_for("ready")["database"]
    await_end(again, config)
    assert in_the_table(dsn, config) == on_the_topic(config)
    assert again.said("progress")[-1]["rows"] <= 1_300
    family = psutil.Process(again.process.pid).children(recursive=True)
    again.process.send_signal(signal.SIGTERM)
    assert again.wait() == 0, again.stderr
    assert psutil.wait_procs(family, PATIENCE)[1] == []


def over(process):
    """Whether a process has ended, be it that its parent has not asked for its end yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_database_of_its_own_that_dies_is_started_again(config, start, open_directory):
    send(config, range(100))
    place = open_directory / config.run.run_id
    consumer = start(config, "--postgres=embedded", f"--postgres-dir={place}")
    dsn = consumer.wait_for("ready")["database"]
    await_end(consumer, config)
    (guard,) = psutil.Process(consumer.process.pid).children()
    guard.children()[0].kill()
    wait_until(lambda: over(guard), PATIENCE, "the database to be dead")
    send(config, range(100, 200))
    await_end(consumer, config)
    assert in_the_table(dsn, config) == on_the_topic(config)
    family = psutil.Process(consumer.process.pid).children(recursive=True)
    consumer.process.terminate()
    assert psutil.wait_procs(family, PATIENCE)[1] == []


def test_records_of_others_are_counted_and_left_out(config, start, database):
    other = json.dumps(row("another-run", 1)).encode()
    send(config, range(50), [b"", b"{", b"[1]", b"\xff", b'{"run_id": "x"}', other])
    consumer = start(config, f"--postgres-dsn={database.dsn}", "--until-end")
    assert consumer.wait() == 0, consumer.stderr
    assert consumer.said("progress")[-1] == {"type": "progress", "position": log_ends(config), "rows": 50, "foreign": 6}
    assert len(in_the_table(database.dsn, config)) == len(on_the_topic(config)) == 45


def test_another_database_gets_every_row_though_the_group_of_the_first_has_read_them(config, start, database):
    send(config, range(100))
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{config.run.run_id}"')
    for base in ("postgres", config.run.run_id):
        dsn = database.dsn.replace("dbname=postgres", f"dbname={base}")
        consumer = start(config, f"--postgres-dsn={dsn}", "--until-end")
        assert consumer.wait() == 0, consumer.stderr
        assert in_the_table(dsn, config) == on_the_topic(config)


def test_a_database_that_cannot_be_reached_is_said_at_once_with_a_remedy(config, start):
    consumer = start(config, "--postgres-dsn=host=127.0.0.1 port=1 dbname=x")
    assert consumer.wait() == 3
    assert "PostgreSQL cannot be reached" in consumer.stderr
    assert "PGPASSWORD" in consumer.stderr
    assert "Traceback" not in consumer.stderr
    assert "PostgreSQL cannot be reached" in consumer.said("error")[0]["message"]


def test_a_malformed_connection_string_is_a_usage_error(config, start):
    consumer = start(config, "--postgres-dsn=hst=127.0.0.1")
    assert consumer.wait() == 2
    assert 'invalid connection option "hst"' in consumer.stderr


def test_a_topic_that_is_not_there_is_said_with_what_makes_it(config, start, database):
    nowhere = config.replace(result_topic="nowhere")
    consumer = start(nowhere, f"--postgres-dsn={database.dsn}")
    assert consumer.wait() == 3
    assert "there is no topic nowhere" in consumer.stderr
    assert "topic_creation.py" in consumer.stderr
