"""Each program on its own against a running broker, checked with kafka-python, a client windowbench does not use."""

from __future__ import annotations

import contextlib
import csv
import json
import signal
import uuid

import pyarrow.parquet as pq
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from tests.e2e.started import TINY, plain_engine, start
from tests.patience import LASTING, PATIENCE

pytestmark = pytest.mark.all

LOAD = (
    "--rate=400",
    "--duration=2",
    "--warmup=0.5",
    "--cooldown=0.2",
    "--window-size-sec=1",
    "--watermark-delay-sec=0.6",
)


@pytest.fixture
def topics():
    """Return names that no other test uses."""
    mark = uuid.uuid4().hex[:8]
    return f"events-{mark}", f"results-{mark}"


def flags(broker, topics):
    return (f"--bootstrap-servers={broker}", f"--events-topic={topics[0]}", f"--result-topic={topics[1]}")


def records_of(broker, topic):
    """Read a whole topic with kafka-python."""
    patience_ms = round(1000 * PATIENCE)
    consumer = KafkaConsumer(bootstrap_servers=broker, consumer_timeout_ms=patience_ms, enable_auto_commit=False)
    partitions = [TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic) or ())]
    ends = consumer.end_offsets(partitions)
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    wanted = sum(ends.values()) - sum(consumer.beginning_offsets(partitions).values())
    found = []
    while len(found) < wanted:
        found.append(next(consumer))
    consumer.close()
    return found


@contextlib.contextmanager
def stranger(broker):
    """Give a producer that is no part of windowbench."""
    producer = KafkaProducer(bootstrap_servers=broker)
    try:
        yield producer
        producer.flush()
    finally:
        producer.close()


def ran(directory, program, *arguments):
    """Run a program to its end."""
    directory.mkdir(exist_ok=True)
    program = start(directory, program, *arguments)
    try:
        code = program.finish()
    finally:
        program.kill_all()
    return code, program


def ran_right(directory, *arguments):
    """Make a run to its end; all must be right in it."""
    directory.mkdir(exist_ok=True)
    program = start(directory, "master_code_spark.py", *arguments)
    try:
        program.finish_right()
    finally:
        program.kill_all()
    return program


def test_topics_are_created_once_with_partitions_and_timestamp_types(tmp_path, broker, topics):
    for expected in ("created", "exists already"):
        code, program = ran(tmp_path, "topic_creation.py", *flags(broker, topics), "--partitions=3")
        assert code == 0, program.errors
        assert program.output.count(expected) == 2
    admin = KafkaAdminClient(bootstrap_servers=broker)
    listed = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(list(topics))}
    admin.close()
    assert listed == {topics[0]: 3, topics[1]: 1}


def test_a_topic_of_another_shape_is_refused_not_used(tmp_path, broker, topics):
    assert ran(tmp_path, "topic_creation.py", *flags(broker, topics))[0] == 0
    code, program = ran(tmp_path, "topic_creation.py", *flags(broker, topics), "--partitions=5")
    assert code == 3
    assert "2 partitions" in program.errors


def test_clearing_empties_both_topics_and_may_be_repeated(tmp_path, broker, topics):
    ran(tmp_path, "topic_creation.py", *flags(broker, topics))
    with stranger(broker) as producer:
        for topic in topics:
            producer.send(topic, b"left over")
    for expected in (1, 0):
        code, program = ran(tmp_path, "clear_topics.py", *flags(broker, topics))
        assert code == 0, program.errors
        assert program.output.count(f": {expected} records deleted") == 2
    assert records_of(broker, topics[0]) == []


def test_the_producer_alone_sends_every_scheduled_event_with_its_partition_and_time(tmp_path, broker, topics):
    ran(tmp_path, "topic_creation.py", *flags(broker, topics))
    code, program = ran(tmp_path, "producer.py", *flags(broker, topics), *LOAD)
    assert code == 0, program.errors
    counts = json.loads((program.run / "producers.json").read_text())["producers"]
    records = records_of(broker, topics[0])
    assert len(records) == sum(count["acknowledged"] for count in counts) == sum(c["scheduled"] for c in counts)
    sent = [pq.read_table(program.run / f"samples/producer-{n}.parquet")["sent_ns"].to_pylist() for n in range(2)]
    for record in records:
        producer, number = map(int, record.key.split(b":"))
        event = json.loads(record.value)
        assert record.partition == number % 2
        assert record.timestamp == event["produce_time"] == sent[producer][number] // 1_000_000
        assert event["event_time_ns"] <= sent[producer][number]
        assert list(event)[-1] == "produce_time"


def test_the_producer_alone_refuses_a_topic_that_is_not_there(tmp_path, broker, topics):
    code, program = ran(tmp_path, "producer.py", *flags(broker, topics), *LOAD)
    assert code == 3
    assert "topic_creation.py" in program.errors


def test_ctrl_c_ends_the_producer_alone_without_a_traceback(tmp_path, broker, topics):
    ran(tmp_path, "topic_creation.py", *flags(broker, topics))
    program = start(tmp_path, "producer.py", *flags(broker, topics), "--rate=100", LASTING)
    try:
        assert '"ready"' in program.process.stdout.readline()
        program.process.send_signal(signal.SIGINT)
        assert program.finish() == 130
        program.await_gone()
    finally:
        program.kill_all()


def test_a_run_on_an_external_broker_leaves_named_topics_that_two_readers_agree_on(tmp_path, broker):
    arguments = (*TINY, *plain_engine(), f"--bootstrap-servers={broker}", "--dump-topics=parquet")
    program = ran_right(tmp_path, *arguments)
    config = program.json("config.json")
    assert config["events_topic"] == f"events_spark-{program.run.name}"
    clock = program.json("external_clock.json")["before"]
    assert abs(clock["offset_ms"]) <= clock["bound_ms"], "broker and run share a clock"
    rows = [json.loads(record.value) for record in records_of(broker, config["result_topic"])]
    with (program.run / "windows.csv").open(encoding="utf-8") as file:
        assert len({row["window_start"] for row in rows}) == len(list(csv.DictReader(file)))
    dumped = pq.read_table(program.run / "dump" / f"{config['events_topic']}.parquet")
    assert dumped.num_rows == len(records_of(broker, config["events_topic"]))


def test_a_named_topic_with_records_is_refused_and_emptied_only_when_told(tmp_path, broker, topics):
    ran(tmp_path, "topic_creation.py", *flags(broker, topics))
    with stranger(broker) as producer:
        producer.send(topics[0], b"somebody's record")
    arguments = (*TINY, *plain_engine(), *flags(broker, topics))
    code, program = ran(tmp_path / "refused", "master_code_spark.py", *arguments)
    assert code == 3
    assert "--clear-topics" in program.errors
    assert len(records_of(broker, topics[0])) == 1, "nothing was lost"
    ran_right(tmp_path / "cleared", *arguments, "--clear-topics")


def test_records_of_others_in_both_topics_are_counted_and_do_no_harm(tmp_path, broker, topics):
    program = start(tmp_path, "master_code_spark.py", *TINY, *plain_engine(), *flags(broker, topics))
    try:
        program.await_phase("measure")
        with stranger(broker) as producer:
            for value in (b"not json", b"\xff\xfe", None, b"[1, 2]"):
                producer.send(topics[0], value, key=b"stranger")
                producer.send(topics[1], value, key=b"stranger")
        verdict = program.finish_right()["verdict"]
    finally:
        program.kill_all()
    assert program.json("events_topic.json")["foreign"] == 4
    assert any("others" in warning or "foreign" in warning for warning in verdict["warnings"]), verdict


def test_secrets_of_a_client_file_reach_no_file_of_the_run(tmp_path, broker):
    secret = "do-not-show-this-9"
    client_file = tmp_path / "client.properties"
    client_file.write_text(f"security.protocol=PLAINTEXT\nsasl.password={secret}\n")
    arguments = (*TINY, *plain_engine(), f"--bootstrap-servers={broker}", f"--kafka-config={client_file}")
    program = ran_right(tmp_path, *arguments)
    assert secret not in program.output + program.errors
    for path in program.run.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_the_calculator_alone_judges_a_finished_run_again_from_its_samples(tmp_path):
    program = ran_right(tmp_path, *TINY, *plain_engine())
    derived = {"summary.json", "verdict.json", "windows.csv"}
    before = {name: (program.run / name).read_text() for name in derived}
    for name in derived:
        (program.run / name).unlink()
    again = start(tmp_path, "latency_calculator.py", str(program.run))
    assert again.finish() == program.process.returncode, again.errors
    assert {name: (program.run / name).read_text() for name in derived} == before
