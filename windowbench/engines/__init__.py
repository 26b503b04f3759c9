"""The stream processors. One folder an engine: its settings, how it is started, what it can do.

An engine is added by adding a folder and its settings to :data:`ENGINES`. Those are loaded with the configuration and
need the standard library alone. All else is the ``engine`` module of its folder, which holds what
``windowbench/engines/contract.py`` asks of an engine, and is imported on demand.
"""

from __future__ import annotations

from windowbench.engines.command.settings import CommandSettings
from windowbench.engines.flink.settings import FlinkSettings
from windowbench.engines.kafka_streams.settings import KafkaStreamsSettings
from windowbench.engines.reference.settings import ReferenceSettings
from windowbench.engines.spark.settings import SparkSettings
from windowbench.settings.engine import EngineSettings

ENGINES: dict[str, type[EngineSettings]] = {
    "spark": SparkSettings,
    "flink": FlinkSettings,
    "kafka_streams": KafkaStreamsSettings,
    "reference": ReferenceSettings,
    "command": CommandSettings,
}
"""The settings of each engine, by its name, which is that of its folder."""
