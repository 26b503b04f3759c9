"""Settings of Spark, its JVM and its Kafka connector by preset, each with its reason.

``stock`` is Spark as it comes. What a job of ours cannot do without is the same in every preset: a name, a master
(Spark has none by itself; ``local[*]`` is what its own scripts take), the jars of the Kafka connector, topics read from
their beginning, listeners on the loopback address (``SPARK_LOCAL_IP``). ``default`` adds what any user of two cores
sets, master and shuffle partitions. ``tuned`` is the project's best for short batches on a small machine: all of
:data:`PARTS`, whose effect ``make tuning-study`` measures (docs/tuning.md), and :data:`HOUSEKEEPING`.

A user's ``--spark-conf`` overrides any of them, in every preset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from config import JobConfig
from windowbench.engines.parts import Part, in_force
from windowbench.engines.spark.settings import SparkSettings

JVM_OPTIONS = "spark.driver.extraJavaOptions"
SHUFFLE_PARTITIONS = "spark.sql.shuffle.partitions"
_SPARKS_OWN_SHUFFLE_PARTITIONS = 200
_SPARKS_OWN_HEAP = "1g"

DEFAULT_SETTINGS: Mapping[str, str] = {
    # One task a core; Spark's own 200 are for a cluster.
    SHUFFLE_PARTITIONS: "2",
}

PARTS: Sequence[Part] = (
    Part(
        name="one-shuffle-partition",
        reason="A batch leaves some dozens of groups; every further partition costs a task and a state file.",
        settings={SHUFFLE_PARTITIONS: "1"},
    ),
    Part(
        name="plain-checkpoint-files",
        reason="Otherwise Hadoop starts five programs (chmod, readlink) for each of a batch's checkpoint files, and"
        " writes a twin with a checksum beside it.",
        settings={
            "spark.sql.streaming.checkpointFileManagerClass": (
                "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
            ),
            "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
            "spark.sql.streaming.checkpoint.fileChecksum.enabled": "false",
        },
    ),
    Part(
        name="serial-collector",
        reason="No collector threads beside two busy cores; a heap that never grows, and about half the memory.",
        jvm_flags=("-XX:+UseSerialGC",),
        heap="2g",
    ),
    Part(
        name="quick-start-of-programs",
        reason="Where Hadoop still starts a program, a fork would copy the page tables of the whole heap; and counters"
        " mapped to a file can stall a pause while the disk is busy.",
        jvm_flags=("-Djdk.lang.Process.launchMechanism=VFORK", "-XX:-UsePerfData"),
    ),
    Part(
        name="no-web-page",
        reason="No web server, and no bookkeeping of every task for it.",
        settings={"spark.ui.enabled": "false"},
    ),
    Part(
        name="no-waiting",
        reason="A task starts anywhere at once; the rows of a batch come together, and wait for no others in the sink.",
        settings={"spark.locality.wait": "0"},
        sink={"kafka.linger.ms": "0"},
    ),
)
"""The preset ``tuned``, whatever the mode, but for the compiler: see :func:`optimises`."""

REALTIME_PART = Part(
    name="short-buffers",
    reason="A row on its way from the reading to the counting task waits for a full buffer no longer than this, in ms,"
    " and not Spark's own 50: at a few thousand rows a second a buffer is never full.",
    settings={"spark.shuffle.streaming.networkBufferMaxWaitTimeMs": "5"},
)
"""What the preset ``tuned`` adds in Real-Time Mode."""

COMPILER_PART = Part(
    name="quick-compiler",
    reason="The optimising compiler takes the cores from the first windows of a short run.",
    jvm_flags=("-XX:TieredStopAtLevel=1",),
)
"""What the preset ``tuned`` adds where it does not optimise."""

HOUSEKEEPING: Mapping[str, str] = {
    # A time stamp in a log means the same everywhere.
    "spark.sql.session.timeZone": "UTC",
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
    # No progress bar in a captured log.
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "WARN",
}
"""What the preset ``tuned`` sets besides, for other reasons than speed."""

_PATIENCE_SECONDS = 30.0

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


TUNED_SOURCE: Mapping[str, str] = {
    # Where a query reads a place behind the one that it read last, its consumer must first be answered
    # what it asked for meanwhile: at the end of the log that takes this long, 500 ms by default, for each partition.
    "kafka.fetch.max.wait.ms": "20",
}
"""What the preset ``tuned`` adds to them."""


def source_options(config: JobConfig) -> Mapping[str, str]:
    """Return what the preset sets in the source."""
    return {**SOURCE_OPTIONS, **(TUNED_SOURCE if config.engine.chosen_preset == "tuned" else {})}


def parts_of(config: JobConfig, *, lasting: bool = False) -> Sequence[Part]:
    """Return the parts of the preset ``tuned`` for a configuration, whether or not it is in force.

    Parameters
    ----------
    config : JobConfig
    lasting : bool, optional
        Whether the JVM serves run after run, and so is worth the work of the optimising compiler.
    """
    real_time = (REALTIME_PART,) if config.real_time else ()
    return (*PARTS, *real_time, *(() if lasting or optimises(config) else (COMPILER_PART,)))


def _chosen(config: JobConfig, *, lasting: bool = False) -> Part:
    return in_force(parts_of(config, lasting=lasting), SparkSettings.of(config.engine))


def session_settings(
    config: JobConfig, *, partitions: int, of_query: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """Return what the preset sets in the session, master included, the user's own settings not.

    Parameters
    ----------
    config : JobConfig
    partitions : int
        Partitions of the events topic.
    of_query : mapping of str to str, optional
        What makes the query of the workload faster; in the preset ``tuned`` alone.
    """
    preset = config.engine.chosen_preset
    settings = {"spark.master": master_of(config, partitions=partitions)}
    if preset == "default":
        settings |= DEFAULT_SETTINGS
    if preset == "tuned":
        settings |= {**HOUSEKEEPING, **of_query}
    return {**settings, **_chosen(config).settings}


def shuffle_partitions_of(config: JobConfig) -> int | None:
    """Return the shuffle partitions in force, None where the user gave something that is no number."""
    chosen = dict(SparkSettings.of(config.engine).spark_conf).get(SHUFFLE_PARTITIONS)
    if chosen is not None:
        return int(chosen) if chosen.isascii() and chosen.isdigit() else None
    ours = DEFAULT_SETTINGS if config.engine.chosen_preset == "default" else {}
    return int({**ours, **_chosen(config).settings}.get(SHUFFLE_PARTITIONS, _SPARKS_OWN_SHUFFLE_PARTITIONS))


def master_of(config: JobConfig, *, partitions: int) -> str:
    """Return the master: the user's, else local threads.

    Notes
    -----
    The tasks of Real-Time Mode run all at once and wait for data most of the time, so there are more threads than
    cores: one for each partition of the events topic and one for each shuffle partition.
    """
    engine = SparkSettings.of(config.engine)
    if engine.spark_master is not None:
        return engine.spark_master
    if engine.preset == "stock":
        return "local[*]"
    if config.real_time:
        return f"local[{partitions + (shuffle_partitions_of(config) or 0)}]"
    return "local[2]"


def optimises(config: JobConfig) -> bool:
    """Whether the preset ``tuned`` leaves the JVM its optimising compiler: where the warm-up is long enough for it.

    It takes the cores from the first windows, and pays soon after: with the 30 s of a default run the excess was 0.39
    to 0.60 of that without it at P90, at 667 and at 5,000 events/s.
    """
    return config.expected_warmup_seconds >= _PATIENCE_SECONDS


def heap_of(config: JobConfig) -> str:
    """Return the greatest heap of the driver, in the form that ``spark_driver_memory`` has."""
    return SparkSettings.of(config.engine).spark_driver_memory or _chosen(config).heap or _SPARKS_OWN_HEAP


def jvm_settings(config: JobConfig, *flags: str, lasting: bool = False) -> dict[str, str]:
    """Return the settings of a JVM still to be started: its heap, where it is not Spark's own, and flags.

    Parameters
    ----------
    config : JobConfig
    *flags : str
        Further flags.
    lasting : bool, optional
        As in :func:`parts_of`.
    """
    chosen, heap = _chosen(config, lasting=lasting), heap_of(config)
    settings = {}
    if SparkSettings.of(config.engine).spark_driver_memory is not None or chosen.heap is not None:
        settings["spark.driver.memory"] = heap
    words = ([] if chosen.heap is None else [f"-Xms{heap}"]) + [*chosen.jvm_flags, *flags]
    return settings | ({JVM_OPTIONS: " ".join(words)} if words else {})


def sink_options(config: JobConfig) -> Mapping[str, str]:
    """Return what the preset sets in the sink."""
    return _chosen(config).sink
