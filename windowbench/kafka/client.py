"""Making clients: the one place where what a user wrote about Kafka can turn out to be wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from confluent_kafka import KafkaException

from config import ConfigError, JobConfig
from windowbench.kafka.settings import client_settings, user_values

# Clients print connection failures on standard error by themselves; what a user needs is in our own message.
QUIET = logging.getLogger("windowbench.librdkafka")
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False

READS_COMMITTED = {
    "enable_auto_commit": False,
    "enable_partition_eof": True,
    "auto_offset_reset": "earliest",
    "isolation_level": "read_committed",
}
"""Of every consumer: rows of an aborted transaction, or of one that was never ended, are no results."""
_CLIENT = TypeVar("_CLIENT")


def make_client(kind: Callable[..., _CLIENT], config: JobConfig, **settings: Any) -> _CLIENT:  # noqa: ANN401 - librdkafka's
    """Make a client of `kind` with the user's settings and, over them, `settings` (dots spelled as underscores).

    Raises
    ------
    ConfigError
        When librdkafka refuses a setting; the message names it and hides every value of the user's file.
    """
    own = {name.replace("_", "."): value for name, value in settings.items()}
    try:
        return kind({**client_settings(config), **own}, logger=QUIET)
    except (KafkaException, TypeError, ValueError) as error:
        said = error.args[0].str() if isinstance(error, KafkaException) else str(error)
        for value in user_values(config):
            said = said.replace(value, "******")
        where = f"kafka_config {config.kafka.kafka_config}" if config.kafka.kafka_config else "the Kafka settings"
        msg = f"{where} cannot be used: {said}"
        raise ConfigError(msg) from None
