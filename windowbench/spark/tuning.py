"""Settings of Spark, its JVM and its Kafka connector for short batches on a small machine, each with its reason.

Measured at 10,000 events/s with broker and producers on the same two cores; a user's ``--spark-conf`` overrides any.
"""

from __future__ import annotations

from collections.abc import Mapping

JVM_FLAGS = (
    # The optimising compiler pays after minutes only, and takes the cores from the first windows: they came up to
    # four times as late with it, batches of a warm job 5 % sooner.
    "-XX:TieredStopAtLevel=1",
    # No collector threads beside two busy cores, and half the memory (0.6 GB against 1.3 GB resident).
    "-XX:+UseSerialGC",
    # Hadoop starts programs; a fork would copy the page tables of the whole heap.
    "-Djdk.lang.Process.launchMechanism=VFORK",
    # Counters mapped to a file can stall a pause while the disk is busy.
    "-XX:-UsePerfData",
)

SPARK_SETTINGS: Mapping[str, str] = {
    # A time stamp in a log means the same everywhere.
    "spark.sql.session.timeZone": "UTC",
    # A batch leaves some dozens of groups; every further partition costs a task and state files.
    "spark.sql.shuffle.partitions": "1",
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


def driver_settings(memory: str) -> dict[str, str]:
    """Return the settings of a JVM still to be started: a heap that never grows, and our flags."""
    return {
        "spark.driver.memory": memory,
        "spark.driver.extraJavaOptions": " ".join((f"-Xms{memory}", *JVM_FLAGS)),
    }
