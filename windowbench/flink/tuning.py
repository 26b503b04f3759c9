"""Settings of Flink, its JVM and its Kafka connector for low latency on a small machine, each with its reason.

A user's ``--flink-conf`` overrides any of :data:`FLINK_SETTINGS`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from config import Config
from windowbench.engine_job import Job

JVM_FLAGS = (
    # The optimising compiler pays after minutes only, and takes the cores from the first windows.
    "-XX:TieredStopAtLevel=1",
    # No collector threads beside two busy cores.
    "-XX:+UseSerialGC",
    # Counters mapped to a file can stall a pause while the disk is busy.
    "-XX:-UsePerfData",
)

FLINK_SETTINGS: Mapping[str, str] = {
    # Windows start at multiples of their size since 1970, not since midnight of this machine.
    "table.local-time-zone": "UTC",
    # Otherwise one idle partition holds back every window.
    "table.exec.source.idle-timeout": "1 s",
    # A window closes with a watermark: with the usual 200 ms, that is how long a row may wait.
    "pipeline.auto-watermark-interval": "10 ms",
    # A row does not wait for a network buffer to fill; the usual 100 ms would be added to every row.
    "execution.buffer-timeout.interval": "1 ms",
    # Operators of one chain hand rows on without copying them.
    "pipeline.object-reuse": "true",
    # A failure is the end of the run, never a silent restart with a gap in it.
    "restart-strategy.type": "disable",
    # A few dozen groups fit the heap.
    "state.backend.type": "hashmap",
    # Nobody reaches the job from another machine, and nobody submits or cancels through the web page.
    "rest.address": "127.0.0.1",
    "rest.bind-address": "127.0.0.1",
    "rest.bind-port": "0",
    "web.submit.enable": "false",
    "web.cancel.enable": "false",
    # Metrics are gathered only when they are asked for, and then they should be of now, not of 10 s ago.
    "metrics.fetcher.update-interval": "100",
    # Round-trip markers through every operator are not needed.
    "metrics.latency.interval": "0 ms",
}

SOURCE_OPTIONS: Mapping[str, str] = {
    # Every run has its own topic; from its beginning.
    "scan.startup.mode": "earliest-offset",
    # The topic does not grow partitions during a run.
    "scan.topic-partition-discovery.interval": "0 ms",
    # The broker answers a fetch at once when there is data, and soon when there is none.
    "properties.fetch.max.wait.ms": "10",
    # An event that cannot be read must not end the job.
    "value.json.ignore-parse-errors": "true",
}

SINK_OPTIONS: Mapping[str, str] = {
    # The rows of a window come together; there is nothing to wait for.
    "properties.linger.ms": "0",
    "properties.acks": "all",
}

TRANSACTION_TIMEOUT_MS = 600_000
"""Below the 15 minutes that a broker allows; Flink's own default is above."""

LOG_SETTINGS = """\
rootLogger.level = WARN
rootLogger.appenderRef.file.ref = file
appender.file.name = file
appender.file.type = FILE
appender.file.fileName = {file}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{ISO8601}} %-5p %-60c %x - %m%n
"""


def parallelism_of(config: Config, cores: int | None = None) -> int:
    """Return the parallelism of the job: that asked for, else one subtask a partition but no more than cores."""
    if config.engine.flink_parallelism is not None:
        return config.engine.flink_parallelism
    return max(1, min(config.kafka.partitions, cores or os.cpu_count() or 1))


def job_settings(job: Job, *, rest_port: int | None, jars: Sequence[Path]) -> dict[str, str]:
    """Return the settings of the job, the user's among them.

    Parameters
    ----------
    job : Job
    rest_port : int, optional
        Port of the REST interface of a Flink of our own; None in somebody's cluster.
    jars : sequence of Path
        Jars to be sent to a cluster.
    """
    engine = job.config.engine
    checkpoints = job.checkpoint if "://" in job.checkpoint else Path(job.checkpoint).absolute().as_uri()
    ours = {
        **FLINK_SETTINGS,
        "pipeline.name": f"windowbench {job.run_id}",
        "parallelism.default": str(parallelism_of(job.config)),
        "execution.checkpointing.interval": f"{engine.flink_checkpoint_interval_ms} ms",
        "execution.checkpointing.mode": engine.flink_delivery.replace("-", "_").upper(),
        "execution.checkpointing.storage": "filesystem",
        "execution.checkpointing.dir": checkpoints,
    }
    if rest_port is None:
        ours = {name: value for name, value in ours.items() if not name.startswith(("rest.", "web."))}
    else:
        ours |= {"rest.port": str(rest_port), "rest.bind-port": str(rest_port)}
    if jars:
        ours["pipeline.jars"] = ";".join(jar.absolute().as_uri() for jar in jars)
    return ours | dict(engine.flink_conf)


def source_options(config: Config) -> dict[str, str]:
    """Return the options of the table of events, the broker's address and its settings not among them."""
    return {
        "connector": "kafka",
        "topic": config.kafka.events_topic,
        "value.format": "json",
        "properties.group.id": f"windowbench-{config.run.run_id}",
        **SOURCE_OPTIONS,
    }


def sink_options(config: Config) -> dict[str, str]:
    """Return the options of the table of results, the broker's address and its settings not among them."""
    options = {
        "connector": "kafka",
        "topic": config.kafka.result_topic,
        "key.format": "raw",
        "key.fields": "record_key",
        "value.format": "json",
        "value.fields-include": "EXCEPT_KEY",
        **SINK_OPTIONS,
        "sink.delivery-guarantee": config.engine.flink_delivery,
    }
    if config.engine.flink_delivery == "exactly-once":
        options["sink.transactional-id-prefix"] = str(config.run.run_id)
        options["properties.transaction.timeout.ms"] = str(TRANSACTION_TIMEOUT_MS)
    return options
