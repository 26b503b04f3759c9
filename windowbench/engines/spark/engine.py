"""Spark Structured Streaming, as the harness sees it."""

from __future__ import annotations

from config import Config
from windowbench.engines.contract import ClassArchive, Engine, Source, Term, our_program
from windowbench.engines.spark.classes import keeping_classes
from windowbench.engines.spark.installation import check_spark, driver_archive, install_spark, prepare_spark
from windowbench.engines.spark.realtime import check_realtime
from windowbench.engines.spark.tuning import heap_of, parts_of
from windowbench.settings.engine import PYTHON_WORKER


def _trigger(config: Config) -> str:
    if config.real_time:
        return "rows as they come, one by one"
    interval_s = config.engine.trigger_interval_s
    return f"a batch every {interval_s * 1000:g} ms" if interval_s else "a batch as soon as the last one ended"


def _batch(config: Config) -> str:
    batch_s = config.engine.real_time_batch_s
    return "every batch" if batch_s is None else f"{batch_s:g} s"


ENGINE = Engine(
    command=our_program("SparkJob.py"),
    succession=True,
    java=True,
    jars=("spark",),
    parts=parts_of,
    check=lambda config: check_realtime(config, partitions=config.kafka.partitions),
    install=install_spark,
    prepare=prepare_spark,
    heap=heap_of,
    checks=(check_spark,),
    class_archive=ClassArchive(path=driver_archive, keeping=keeping_classes),
    terms={
        Term.RESULT_ACKS: Source(reported=("writeStream.kafka.acks",), default="all"),
        # What the Kafka client takes that its connector brings, 3.9.
        Term.RESULT_LINGER: Source(reported=("writeStream.kafka.linger.ms",), default="0"),
        Term.DELIVERY: Source(fixed="at-least-once"),
        Term.TRIGGER: Source(configured=_trigger),
        Term.IDLE_PARTITIONS: Source(fixed="hold nothing back"),
        Term.NETWORK_BUFFER: Source(fixed="none"),
        Term.PARALLELISM: Source(reported=("spark.master",), default="local[*]"),
        Term.AGGREGATION_PARALLELISM: Source(reported=("spark.sql.shuffle.partitions",), default="200"),
        Term.CHECKPOINT_INTERVAL: Source(configured=_batch),
        Term.PYTHON_WORKER: Source(reported=(PYTHON_WORKER,), default="none"),
        Term.STATE_STORE: Source(
            reported=("spark.sql.streaming.stateStore.providerClass",), default="HDFSBackedStateStoreProvider"
        ),
    },
)
