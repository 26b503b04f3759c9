"""A real broker for the end-to-end tests that need one of their own beside the run's."""

from __future__ import annotations

import pytest

from windowbench.broker.embedded import EmbeddedBroker
from windowbench.broker.jars import default_cache_dir, ensure_jars
from windowbench.broker.java import find_java
from windowbench.kafka.admin import cluster_id


@pytest.fixture(scope="session")
def broker_address(tmp_path_factory):
    """Return the address of a broker that lives as long as the test session."""
    cache = default_cache_dir()
    directory = tmp_path_factory.mktemp("broker")
    broker = EmbeddedBroker(
        java=find_java(cache),
        jars=ensure_jars("broker", cache),
        data_dir=directory / "data",
        log_path=directory / "broker.log",
        cache_dir=cache,
        cluster_id_of=cluster_id,
        heap_mb=256,
    )
    with broker:
        yield broker.ready()
