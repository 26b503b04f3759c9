"""What Real-Time Mode cannot do, said before a JVM starts. No session is needed to know it.

All tasks of a query run at once, for as long as a batch lasts: one for each partition of the events topic and one for
each shuffle partition. Where there are fewer slots, the query would wait for ever or be refused once everything else
runs. Checkpoint and state store must be of the kinds that Spark chooses by itself in this mode.
"""

from __future__ import annotations

import os
import re

from config import ConfigError, JobConfig
from windowbench.engines.spark.checkpoint import local_directory
from windowbench.engines.spark.settings import SparkSettings
from windowbench.engines.spark.tuning import SHUFFLE_PARTITIONS, master_of, shuffle_partitions_of

_ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
_PROVIDER = "spark.sql.streaming.stateStore.providerClass"
_FORMAT = "spark.sql.streaming.stateStore.checkpointFormatVersion"
_SORT = "spark.sql.execution.sortBeforeRepartition"
_REMEDY = "leave that setting out"


def slots_of(master: str) -> int | None:
    """Return how many tasks a master runs at once, None for a cluster, of which nothing is known here."""
    if master == "local":
        return 1
    threads = re.fullmatch(r"local\[(\*|\d+)(?:,\s*\d+)?\]", master)
    if threads is None:
        return None
    return (os.cpu_count() or 1) if threads[1] == "*" else int(threads[1])


def check_realtime(config: JobConfig, *, partitions: int, checkpoint: str | None = None) -> None:
    """Refuse a query in Real-Time Mode that Spark could not run; any other mode passes.

    Parameters
    ----------
    config : JobConfig
    partitions : int
        Partitions of the events topic.
    checkpoint : str, optional
        Where the checkpoint will be; the one of `config` when None.

    Raises
    ------
    ConfigError
        With what is wrong and what to do about it.
    """
    if not config.real_time:
        return
    _check_slots(config, partitions)
    _check_settings(config)
    _check_fresh(checkpoint or SparkSettings.of(config.engine).checkpoint_dir)


def _check_slots(config: JobConfig, partitions: int) -> None:
    shuffle = shuffle_partitions_of(config)
    if not shuffle:
        chosen = dict(SparkSettings.of(config.engine).spark_conf)[SHUFFLE_PARTITIONS]
        raise ConfigError(f"{SHUFFLE_PARTITIONS} must be a positive number, not {chosen!r}")
    master = master_of(config, partitions=partitions)
    slots, needed = slots_of(master), partitions + shuffle
    if slots is not None and slots < needed:
        raise ConfigError(
            f"Real-Time Mode runs {needed} tasks at once, one for each of {partitions} partitions of the events topic"
            f" and {shuffle} shuffle partitions, but {master} has {slots} slots; give --spark-master 'local[{needed}]',"
            f" or fewer shuffle partitions by --spark-conf {SHUFFLE_PARTITIONS}=1"
        )


def _check_settings(config: JobConfig) -> None:
    chosen = dict(SparkSettings.of(config.engine).spark_conf)
    if chosen.get(_PROVIDER, _ROCKSDB) != _ROCKSDB:
        raise ConfigError(f"Real-Time Mode keeps its state in RocksDB, not in {chosen[_PROVIDER]}; {_REMEDY}")
    version = chosen.get(_FORMAT, "2")
    if not version.isdigit() or int(version) < 2:  # Spark's own bound
        raise ConfigError(f"Real-Time Mode needs {_FORMAT} 2, not {version}; {_REMEDY}")
    if chosen.get(_SORT, "false").lower() != "false":
        raise ConfigError(f"Real-Time Mode cannot sort an endless batch: {_SORT} must be false; {_REMEDY}")


def _check_fresh(checkpoint: str | None) -> None:
    directory = None if checkpoint is None else local_directory(checkpoint)
    if directory is not None and (directory / "offsets").exists():
        raise ConfigError(
            f"Real-Time Mode begins with a fresh checkpoint, and {directory} holds one of an earlier query; remove that"
            " directory, or name another one with --checkpoint-dir"
        )
