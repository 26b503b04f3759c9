"""Kafka -> the workload's Spark transformation -> Kafka, as one streaming query.

Started as ``python SparkJob.py`` or ``spark-submit SparkJob.py``, from any directory, with the settings of ``config.py``
(``--help`` lists them); a benchmark run starts it with ``--config <run>/config.json``. It runs until SIGTERM, which
ends it with exit code 0.

What it says on standard output, one JSON object a line:

* ``{"type": "settings", "effective": {...}}``: every Spark and Kafka setting in force, secrets masked;
* ``{"type": "ready"}``: the query has asked Kafka for offsets and waits for data, or works on it;
* ``{"type": "progress", ...}``, one for each committed batch: ``position`` (next offset of each partition),
  ``batch_id``, ``batch_ms``, ``phases_ms``, ``watermark_ms``, ``input_rows``, ``rejected`` (records the guard has turned
  away, in all), ``dropped`` (partial aggregates behind the watermark: an alarm, not a count of events);
* ``{"type": "error", "message": "..."}``: the query failed; exit code 10.

Under ``spark-submit`` the JVM runs before this file is read. Heap and flags of the JVM and the jars of the Kafka connector
must then be given to ``spark-submit`` itself (``--driver-memory``, ``--driver-java-options``, ``--jars``);
``spark_driver_memory`` and our JVM flags have no effect, and what ``spark-submit`` was told wins over our defaults.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config import Config, Loaded, config_parser, load
from windowbench.broker.jars import default_cache_dir, jars_dir, read_lock
from windowbench.broker.java import find_java
from windowbench.errors import EngineFailed, EnvironmentProblem, Terminated, raise_on_signals, run_program
from windowbench.kafka.admin import Admin
from windowbench.kafka.settings import bootstrap_of, java_settings, secrets
from windowbench.process import hide_values

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming import StreamingQuery

POLL_SECONDS = 0.1
STOP_SECONDS = 4.0

JVM_FLAGS = (
    "-Djdk.lang.Process.launchMechanism=VFORK",  # Hadoop's file system starts programs; a fork copies page tables
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",  # no memory-mapped counters, whose write-back can stall a pause
)

SETTINGS: dict[str, str] = {
    "spark.sql.shuffle.partitions": "1",  # ten campaigns need no second reducer; each costs a task and state files
    "spark.sql.session.timeZone": "UTC",  # epoch milliseconds everywhere; no daylight saving in between
    # Without it every checkpoint file starts a chmod and writes a checksum twin.
    "spark.hadoop.fs.AbstractFileSystem.file.impl": "org.apache.hadoop.fs.local.RawLocalFs",
    "spark.sql.streaming.checkpoint.fileChecksum.enabled": "false",  # likewise, one twin less
    "spark.locality.wait": "0",  # a task may run anywhere at once
    "spark.sql.streaming.stopTimeout": f"{round(STOP_SECONDS * 1000)}ms",  # a stop never waits for ever
    "spark.ui.enabled": "false",  # its web server and its listeners take part of two cores
    "spark.ui.showConsoleProgress": "false",  # a progress bar in a captured log
    "spark.log.level": "WARN",
}


def main(argv: list[str] | None = None) -> int:
    """Run the job until it is told to stop."""
    return run_program(_run, argv)


if __name__ == "__main__":
    sys.exit(main())
