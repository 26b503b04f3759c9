"""Settings of Spark, its JVM and its Kafka connector by preset, each with its reason.

``stock`` is Spark as it comes. What a job of ours cannot do without is the same in every preset: a name, a master
(Spark has none by itself; ``local[*]`` is what its own scripts take), the jars of the Kafka connector, topics read from
their beginning, listeners on the loopback address (``SPARK_LOCAL_IP``). ``default`` adds what any user of two cores
sets, master and shuffle partitions. ``tuned`` is the project's best for short batches on a small machine, measured at
10,000 events/s with broker and producers on the same two cores.

A user's ``--spark-conf`` overrides any of them, in every preset.
"""

from __future__ import annotations

from collections.abc import Mapping

from config import Config

SHUFFLE_PARTITIONS = "spark.sql.shuffle.partitions"
_SPARKS_OWN_SHUFFLE_PARTITIONS = 200

DEFAULT_SETTINGS: Mapping[str, str] = {
    # One task a core; Spark's own 200 are for a cluster.
    SHUFFLE_PARTITIONS: "2",
}

SPARK_SETTINGS: Mapping[str, str] = {
    # A time stamp in a log means the same everywhere.
    "spark.sql.session.timeZone": "UTC",
    # A batch leaves some dozens of groups; every further partition costs a task and state files.
    SHUFFLE_PARTITIONS: "1",
    # Otherwise each checkpoint file starts a chmod and gets a twin with its checksum.
    "spark.hadoop.fs.AbstractFileSystem.file.impl": "org.apache.hadoop.fs.local.RawLocalFs",
    # One more twin less.
    "spark.sql.streaming.checkpoint.fileChecksum.enabled": "false",
    # A task starts anywhere at once.
    "spark.locality.wait": "0",
    # A query with state cannot use it, and would say so in the log.
    "spark.sql.adaptive.enabled": "false",
    # The last windows close in a batch without data; must never be off.
    "spark.sql.streaming.noDataMicroBatches.enabled": "true",
    # Stopping never waits for ever.
    "spark.sql.streaming.stopTimeout": "3s",
    # Progress is polled; after a pause of the reader none may be missing.
    "spark.sql.streaming.numRecentProgressUpdates": "1000",
    # A warning again and again about state snapshots, which small states do not need.
    "spark.sql.streaming.stateStore.coordinatorReportSnapshotUploadLag": "false",
    "spark.sql.streaming.stateStore.forceSnapshotUploadOnLag": "false",  # must go with it
    # No web server and no bookkeeping of every task for it.
    "spark.ui.enabled": "false",
    # No progress bar in a captured log.
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "WARN",
}
"""The session's settings of the preset ``tuned``, whatever the mode."""

REALTIME_SETTINGS: Mapping[str, str] = {
    # A row on its way from the reading to the counting task waits for a full buffer no longer than this, in ms, and
    # not Spark's own 50: at a few thousand rows a second a buffer is never full.
    "spark.shuffle.streaming.networkBufferMaxWaitTimeMs": "5",
}
"""What the preset ``tuned`` adds in Real-Time Mode."""

JVM_FLAGS = (
    # No collector threads beside two busy cores, and half the memory (0.6 GB against 1.3 GB resident).
    "-XX:+UseSerialGC",
    # Hadoop starts programs; a fork would copy the page tables of the whole heap.
    "-Djdk.lang.Process.launchMechanism=VFORK",
    # Counters mapped to a file can stall a pause while the disk is busy.
    "-XX:-UsePerfData",
)

QUICK_COMPILER_FLAG = "-XX:TieredStopAtLevel=1"

UI_SETTINGS: Mapping[str, str] = {
    # Asked for with --engine-ui; 0 is any free port.
    "spark.ui.enabled": "true",
    "spark.ui.port": "0",
    # Nobody ends a job or a stage from there.
    "spark.ui.killEnabled": "false",
}

SOURCE_OPTIONS: Mapping[str, str] = {
    # From the second start on the checkpoint decides.
    "startingOffsets": "earliest",
    # Events deleted before they were read are an error, not a gap.
    "failOnDataLoss": "true",
}

SINK_OPTIONS: Mapping[str, str] = {
    # The rows of a batch come together; there is nothing to wait for.
    "kafka.linger.ms": "0",
}
"""Of the preset ``tuned``."""

_HEAP = "2g"
_SPARKS_OWN_HEAP = "1g"


def session_settings(config: Config, *, partitions: int) -> dict[str, str]:
    """Return what the preset sets in the session, master included, the user's own settings not.

    Parameters
    ----------
    config : Config
    partitions : int
        Partitions of the events topic.
    """
    preset = config.engine.preset
    settings = {"spark.master": master_of(config, partitions=partitions)}
    if preset == "default":
        settings |= DEFAULT_SETTINGS
    if preset == "tuned":
        settings |= SPARK_SETTINGS
        settings |= REALTIME_SETTINGS if config.real_time else {}
    return settings


def shuffle_partitions_of(config: Config) -> int | None:
    """Return the shuffle partitions in force, None where the user gave something that is no number."""
    chosen = dict(config.engine.spark_conf).get(SHUFFLE_PARTITIONS)
    if chosen is not None:
        return int(chosen) if chosen.isascii() and chosen.isdigit() else None
    preset = {"default": DEFAULT_SETTINGS, "tuned": SPARK_SETTINGS}.get(config.engine.preset, {})
    return int(preset.get(SHUFFLE_PARTITIONS, _SPARKS_OWN_SHUFFLE_PARTITIONS))


def master_of(config: Config, *, partitions: int) -> str:
    """Return the master: the user's, else local threads.

    Notes
    -----
    The tasks of Real-Time Mode run all at once and wait for data most of the time, so there are more threads than
    cores: one for each partition of the events topic and one for each shuffle partition.
    """
    if config.engine.spark_master is not None:
        return config.engine.spark_master
    if config.engine.preset == "stock":
        return "local[*]"
    if config.real_time:
        return f"local[{partitions + (shuffle_partitions_of(config) or 0)}]"
    return "local[2]"


def optimises(config: Config) -> bool:
    """Whether the preset ``tuned`` leaves the JVM its optimising compiler: the place to switch, by rate or mode.

    It pays after minutes only, and takes the cores from the first windows: they came up to four times as late with
    it, batches of a warm job 5 % sooner (append, 10,000 events/s).
    """
    del config
    return False


def heap_of(config: Config) -> str:
    """Return the greatest heap of the driver, in the form that ``spark_driver_memory`` has."""
    return config.engine.spark_driver_memory or (_HEAP if config.engine.preset == "tuned" else _SPARKS_OWN_HEAP)


def jvm_settings(config: Config) -> dict[str, str]:
    """Return the settings of a JVM still to be started: in the preset ``tuned`` a heap that never grows, and flags."""
    heap = heap_of(config)
    if config.engine.preset != "tuned":
        return {} if config.engine.spark_driver_memory is None else {"spark.driver.memory": heap}
    compiler = () if optimises(config) else (QUICK_COMPILER_FLAG,)
    return {
        "spark.driver.memory": heap,
        "spark.driver.extraJavaOptions": " ".join((f"-Xms{heap}", *compiler, *JVM_FLAGS)),
    }


def sink_options(config: Config) -> Mapping[str, str]:
    """Return what the preset sets in the sink."""
    return SINK_OPTIONS if config.engine.preset == "tuned" else {}
