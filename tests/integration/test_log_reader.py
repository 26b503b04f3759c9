"""What a real broker's log shows of its offsets: transactions and their ends, records removed, whatever the codec."""

import dataclasses

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.patience import PATIENCE
from windowbench.kafka.log_reader import account_of


@pytest.fixture
def topic(make_topics):
    """Give a configuration, the name of its topic of results and a function that writes records there."""
    config = make_topics()
    name = config.kafka.result_topic
    address = {"bootstrap.servers": config.kafka.bootstrap_servers}

    def write(count, *, end=None, size=10, **settings):
        producer = Producer({**address, **settings, **({} if end is None else {"transactional.id": f"{name}-{end}"})})
        if end is not None:
            producer.init_transactions(PATIENCE)
            producer.begin_transaction()
        for _ in range(count):
            producer.produce(name, b"x" * size, partition=0)
        assert producer.flush(PATIENCE) == 0
        if end == "commit":
            producer.commit_transaction(PATIENCE)
        elif end == "abort":
            producer.abort_transaction(PATIENCE)
        return producer

    def remove(before):
        admin = AdminClient(address)
        (future,) = admin.delete_records([TopicPartition(name, 0, before)]).values()
        future.result()

    return config, name, write, remove


def found(config, name, begin=0):
    return account_of(config, name, {0: begin})[0]


def test_records_in_and_out_of_transactions_are_told_apart(topic):
    config, name, write, _ = topic
    write(10)
    write(5, end="commit")
    write(3, end="abort")
    open_one = write(2, end="open")
    seen = found(config, name)
    assert (seen.committed, seen.in_transactions, seen.aborted) == (15, 5, 3)
    assert (seen.markers, seen.unfinished, seen.removed, seen.end) == (2, 2, 0, 22)
    open_one.purge()


def test_records_that_the_broker_was_told_to_delete_are_removed(topic):
    config, name, write, remove = topic
    write(60)
    remove(before=20)
    write(40)
    seen = found(config, name)
    assert (seen.begins_at, seen.committed, seen.removed) == (20, 80, 20)
    assert found(config, name, begin=20).removed == 0


def test_an_empty_topic_is_an_empty_account(topic):
    config, name, _, _ = topic
    assert not any(dataclasses.asdict(found(config, name)).values())


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_the_codec_of_the_records_does_not_matter(topic, codec):
    config, name, write, _ = topic
    write(500, **{"compression.type": codec, "linger.ms": 50})
    assert found(config, name).committed == 500


def test_a_log_of_many_answers_is_read_whole(topic):
    config, name, write, _ = topic
    write(3_000, size=4_000)
    assert found(config, name).committed == 3_000
