"""A producer waits for a broker that stalls without taking the CPU that the broker may lack."""

from __future__ import annotations

import time

import psutil
import pytest

from config import Config
from tests.patience import PATIENCE
from topic_creation import create_topics
from windowbench.broker.embedded import installed_broker
from windowbench.kafka.admin import cluster_id
from windowbench.kafka.sender import KafkaSender

pytestmark = pytest.mark.all

PAUSES, EVENTS = 1_500, 5
PAUSE_SECONDS = 0.002
MOST_CPU = 0.2
"""Of the time that passes; it takes 0.03. Looking for room without pause would take all there is."""


def cpu_share(sender):
    """Send a few events at a time, with pauses, and return how much CPU this process took of that time."""
    cpu, began = time.process_time(), time.monotonic()
    for number in range(PAUSES):
        for _ in range(EVENTS):
            for partition in (0, 1):
                sender.send(b"x" * 400, b"%d" % number, partition, 1)
        sender.poll()
        time.sleep(PAUSE_SECONDS)
    return (time.process_time() - cpu) / (time.monotonic() - began)


def test_sending_to_a_broker_that_stands_still_takes_hardly_any_cpu(tmp_path):
    with installed_broker(tmp_path, cluster_id, heap_mb=256) as broker:
        config = Config().replace(bootstrap_servers=broker.ready(), run_id="stalled")
        create_topics(config)
        sender = KafkaSender(config, config.kafka.events_topic)
        cpu_share(sender)  # connects
        (jvm,) = psutil.Process(broker.child.pid).children()
        jvm.suspend()
        try:
            stalled = cpu_share(sender)
        finally:
            jvm.resume()
        assert sender.flush(PATIENCE) == 0
    assert sender.acknowledged == 2 * PAUSES * EVENTS * 2
    assert stalled < MOST_CPU
