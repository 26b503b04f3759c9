"""Settings of Flink, its JVM and its Kafka connector for low latency on a small machine, each with its reason.

The setting ``preset`` says how many of them are used: ``stock`` those without which there is no run (``RUN_``), Flink
being as it comes in all else; ``default`` a parallelism as well; ``tuned`` all, those of :data:`PARTS` among them,
whose effect ``make tuning-study`` measures (docs/tuning.md). ``--flink-conf`` overrides any.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from config import JobConfig
from windowbench.engines.flink.settings import EXACTLY_ONCE, MAX_TRANSACTION_MS, FlinkSettings
from windowbench.engines.job import Job
from windowbench.engines.parts import Part, in_force

LOOPBACK = "127.0.0.1"

PARTS: Sequence[Part] = (
    Part(
        name="frequent-watermarks",
        reason="A window closes with a watermark: with the usual 200 ms, that is how long a row may wait.",
        settings={"pipeline.auto-watermark-interval": "10 ms"},
    ),
    Part(
        name="short-buffers",
        reason="A row does not wait for a network buffer to fill; the usual 100 ms would be added to every row.",
        settings={"execution.buffer-timeout.interval": "1 ms"},
    ),
    Part(
        name="object-reuse",
        reason="Operators of one chain hand rows on without copying them.",
        settings={"pipeline.object-reuse": "true"},
    ),
    Part(
        name="one-phase",
        reason="Counted where a window closes, and not before the exchange as well: counts that wait there for a"
        " watermark are lost when their partition falls idle and the others close the window.",
        settings={"table.optimizer.agg-phase-strategy": "ONE_PHASE"},
    ),
    Part(
        name="short-fetches",
        reason="The broker answers a fetch at once when there is data, and soon when there is none.",
        source={"properties.fetch.max.wait.ms": "10"},
    ),
    Part(
        name="no-linger",
        reason="The rows of a window come together; there is nothing to wait for, and the usual 5 ms would be added to"
        " every row.",
        sink={"properties.linger.ms": "0"},
    ),
    Part(
        name="quick-compiler",
        reason="The optimising compiler pays after minutes only, and takes the cores from the first windows; counters"
        " mapped to a file can stall a pause while the disk is busy.",
        jvm_flags=("-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"),
    ),
    Part(
        name="serial-collector",
        reason="No collector threads beside two busy cores, and a heap that never grows.",
        jvm_flags=("-XX:+UseSerialGC",),
        heap="1g",
    ),
)
"""The preset ``tuned``."""

RUN_SETTINGS: Mapping[str, str] = {
    # Windows start at multiples of their size since 1970, not since midnight of this machine.
    "table.local-time-zone": "UTC",
    # A failure is the end of the run, never a silent restart with a gap in it.
    "restart-strategy.type": "disable",
    # Nobody reaches the job from another machine, and nobody submits or cancels through the web page.
    "rest.address": LOOPBACK,
    "rest.bind-address": LOOPBACK,
    "jobmanager.bind-host": LOOPBACK,
    "taskmanager.bind-host": LOOPBACK,
    "taskmanager.host": LOOPBACK,
    "web.submit.enable": "false",
    "web.cancel.enable": "false",
    # Metrics are gathered only when they are asked for, and then they should be of now, not of 10 s ago.
    "metrics.fetcher.update-interval": "100",
}

RUN_SOURCE_OPTIONS: Mapping[str, str] = {
    # Every run has its own topic; from its beginning.
    "scan.startup.mode": "earliest-offset",
    # The topic does not grow partitions during a run.
    "scan.topic-partition-discovery.interval": "0 ms",
    # An event that cannot be read must not end the job.
    "value.json.ignore-parse-errors": "true",
}

RUN_SINK_OPTIONS: Mapping[str, str] = {
    # A row counts when the broker has it for good.
    "properties.acks": "all",
}

TRANSACTION_TIMEOUT_MS = 2 * MAX_TRANSACTION_MS
"""A transaction is open from one checkpoint to the end of the next one. Below the 15 minutes that a broker allows;
Flink's own default, an hour, is above."""

OF_A_CLUSTER = ("rest.", "web.", "jobmanager.", "taskmanager.")
"""How the names begin of settings that only a Flink of our own gets."""

LOG_SETTINGS = """\
rootLogger.level = WARN
rootLogger.appenderRef.file.ref = file
appender.file.name = file
appender.file.type = FILE
appender.file.fileName = {file}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{ISO8601}} %-5p %-60c %x - %m%n
"""


def parallelism_of(config: JobConfig, cores: int | None = None) -> int:
    """Return the parallelism of the job: that asked for, else one subtask a partition but no more than cores."""
    wanted = FlinkSettings.of(config.engine).flink_parallelism
    if wanted is not None:
        return wanted
    return max(1, min(config.kafka.partitions, cores or os.cpu_count() or 1))


def _chosen(config: JobConfig) -> Part:
    return in_force(PARTS, FlinkSettings.of(config.engine))


def jvm_flags(config: JobConfig) -> list[str]:
    """Return the flags of the JVM: a heap that never grows where one is asked for or tuned, and our flags."""
    chosen = _chosen(config)
    heap = FlinkSettings.of(config.engine).flink_memory or chosen.heap
    fixed = [] if heap is None else [f"-Xms{heap}", f"-Xmx{heap}"]
    return [*fixed, *chosen.jvm_flags]


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
    engine = FlinkSettings.of(job.config.engine)
    checkpoints = job.checkpoint if "://" in job.checkpoint else Path(job.checkpoint).absolute().as_uri()
    ours = {
        **RUN_SETTINGS,
        **_chosen(job.config).settings,
        "pipeline.name": f"windowbench {job.run_id}",
        "execution.checkpointing.interval": f"{engine.flink_checkpoint_interval_ms} ms",
        "execution.checkpointing.mode": engine.flink_delivery.replace("-", "_").upper(),
        "execution.checkpointing.storage": "filesystem",
        "execution.checkpointing.dir": checkpoints,
    }
    if engine.preset == "tuned":
        # Otherwise one idle partition holds back every window, as it does in a Flink as it comes.
        ours["table.exec.source.idle-timeout"] = f"{engine.idle_timeout_ms} ms"
    if engine.preset != "stock" or engine.flink_parallelism is not None:
        ours["parallelism.default"] = str(parallelism_of(job.config))
    if rest_port is None:
        ours = {name: value for name, value in ours.items() if not name.startswith(OF_A_CLUSTER)}
    else:
        ours |= {"rest.port": str(rest_port), "rest.bind-port": str(rest_port)}
    if jars:
        ours["pipeline.jars"] = ";".join(jar.absolute().as_uri() for jar in jars)
    return ours | dict(engine.flink_conf)


def source_options(config: JobConfig, topic: str | None = None) -> dict[str, str]:
    """Return the options of a table of events, the broker's address and its settings not among them."""
    return {
        "connector": "kafka",
        "topic": topic or config.kafka.events_topic,
        "value.format": "json",
        "properties.group.id": f"windowbench-{config.run.run_id}",
        **RUN_SOURCE_OPTIONS,
        **_chosen(config).source,
    }


def sink_options(config: JobConfig, topic: str | None = None) -> dict[str, str]:
    """Return the options of a table of results, the broker's address and its settings not among them."""
    delivery = FlinkSettings.of(config.engine).flink_delivery
    options = {
        "connector": "kafka",
        "topic": topic or config.kafka.result_topic,
        "key.format": "raw",
        "key.fields": "record_key",
        "value.format": "json",
        "value.fields-include": "EXCEPT_KEY",
        **RUN_SINK_OPTIONS,
        **_chosen(config).sink,
        "sink.delivery-guarantee": delivery,
    }
    if delivery == EXACTLY_ONCE:
        # A second writer with the ids of the first would end its transactions.
        further = "" if topic in {None, config.kafka.result_topic} else f"-{topic}"
        options["sink.transactional-id-prefix"] = f"{config.run.run_id}{further}"
        options["properties.transaction.timeout.ms"] = str(TRANSACTION_TIMEOUT_MS)
    return options
