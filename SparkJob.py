"""Kafka -> the workload's Spark transformation -> Kafka, as one streaming query.

Started as ``python SparkJob.py`` or ``spark-submit SparkJob.py``, from any directory, with the settings of
``config.py`` (``--help`` lists them); a benchmark run starts it with ``--config <run>/config.json``. It runs until
SIGTERM, which ends it with exit code 0.

On standard output it says, one JSON object a line:

* ``{"type": "settings", "effective": {...}}``: every Spark and Kafka setting in force, secrets masked;
* ``{"type": "ui", "address": "http://..."}``: with ``--engine-ui``, where Spark's web page is;
* ``{"type": "ready"}``: the query has asked Kafka for offsets and waits for data, or its first batch is done; in
  Real-Time Mode all its tasks run;
* ``{"type": "progress", ...}`` for each committed batch, see
  :class:`windowbench.engines.spark.progress.BatchLog`; Spark says nothing within a batch, however long it lasts;
* ``{"type": "error", "message": "..."}``: the query failed; the exit code is 10.

Under ``spark-submit`` the JVM runs before this file is read. Memory and flags of the JVM and the jars of the Kafka
connector must then be given to ``spark-submit`` itself (``--driver-memory``, ``--driver-java-options``, ``--jars``):
``spark_driver_memory`` and the preset's flags come too late. What ``spark-submit`` was told wins over our defaults.
SIGTERM then meets the JVM first, and the exit code is 143.
"""

from __future__ import annotations

if __name__ == "__main__":
    from windowbench.processes.interrupt import end_quietly_on_interrupt

    end_quietly_on_interrupt()

import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from config import JobConfig
from windowbench.engines.job import Job, announce, masked, next_job, read_job, say, shall_end, until_stopped
from windowbench.engines.spark.checkpoint import claim, local_directory
from windowbench.engines.spark.classes import CONF_DIR, KEEP_FLAG, empty_conf_dir, sharing_flags
from windowbench.engines.spark.installation import archive_of_driver, settings_are_ours, spark_conf_dir
from windowbench.engines.spark.jvm import end_children, end_jvm, hush, quietly
from windowbench.engines.spark.progress import BatchLog, cause_of, is_waiting
from windowbench.engines.spark.query import OBSERVATION, SparkQuery
from windowbench.engines.spark.realtime import check_realtime
from windowbench.engines.spark.settings import SparkSettings
from windowbench.engines.spark.tuning import (
    JVM_OPTIONS,
    UI_SETTINGS,
    jvm_settings,
    master_of,
    session_settings,
    shuffle_partitions_of,
    sink_options,
    source_options,
)
from windowbench.errors import EngineFailed, EnvironmentProblem, heed_signal, raise_on_signals, run_program
from windowbench.kafka.admin import Admin
from windowbench.kafka.settings import bootstrap_of, java_settings, secrets
from windowbench.load.numbering import input_partitions
from windowbench.settings.engine import PYTHON_WORKER
from windowbench.settings.masking import hide_values
from windowbench.toolchain.jars import SETUP_REMEDY, default_cache_dir, ensure_jars, jar_paths
from windowbench.toolchain.java import find_java, temporary_files_flags

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming import StreamingQuery

LOOPBACK = "127.0.0.1"
POLL_MS = 100
STOP_SECONDS, KEEP_SECONDS = 4.0, 60.0
"""How long Spark may take to end by itself, and to write its class archive then; after that it is killed."""
CONNECTOR_CLASSES = (  # one of each jar
    "org.apache.spark.sql.kafka010.KafkaSourceProvider",
    "org.apache.spark.kafka010.KafkaTokenUtil",
    "org.apache.kafka.clients.consumer.KafkaConsumer",
    "org.apache.commons.pool2.ObjectPool",
)


# --- before the JVM ---------------------------------------------------------------------------------------------------


def check_topics(job: Job) -> int:
    """Make sure that all topics exist and that the checkpoint fits; return how many partitions hold events.

    Raises
    ------
    EnvironmentProblem
        When the broker does not answer, a topic is missing or the checkpoint belongs to another one.
    ConfigError
        When the mode of the query rules out the number of partitions, or the checkpoint.
    """
    admin, inputs = Admin(job.config), job.config.input_topics
    partitions = {topic: len(admin.partitions(topic)) for topic in (*inputs, *job.config.result_topics)}
    for topic, count in partitions.items():
        if not count:
            raise EnvironmentProblem(
                f"there is no topic {topic} at {bootstrap_of(job.config)}",
                remedy="check the name; python topic_creation.py makes the topics of a configuration",
            )
    count = sum(partitions[topic] for topic in inputs)
    check_realtime(job.config, partitions=count, checkpoint=job.checkpoint)
    directory = local_directory(job.checkpoint)
    if directory is not None:
        claim(directory, ",".join(inputs), ",".join(map(admin.topic_id, inputs)))
    return count


def submitted() -> bool:
    """Whether spark-submit started us, with a JVM that runs already."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


# --- the session ------------------------------------------------------------------------------------------------------


def jars_command(config: JobConfig) -> str:
    """Return what to type where the connector is missing."""
    jars = ",".join(map(str, jar_paths("spark", default_cache_dir(config.run.cache_dir))))
    return f"{SETUP_REMEDY}, then: spark-submit --jars {jars} {Path(__file__).resolve()}"


def is_local(config: JobConfig) -> bool:
    """Whether all of Spark is one process on this machine."""
    return master_of(config, partitions=0).startswith("local")


def connector_settings(config: JobConfig) -> dict[str, str]:
    """Return the settings that put the jars of the Kafka connector where this master needs them.

    Raises
    ------
    EnvironmentProblem
        When jars are missing or not as locked.
    """
    chosen = dict(SparkSettings.of(config.engine).spark_conf)
    if {"spark.jars", "spark.jars.packages", "spark.driver.extraClassPath"} & chosen.keys():
        return {}
    try:
        jars = [str(jar) for jar in ensure_jars("spark", default_cache_dir(config.run.cache_dir))]
    except EnvironmentProblem as problem:
        raise EnvironmentProblem(str(problem), remedy=jars_command(config)) from None
    if not is_local(config):
        return {"spark.jars": ",".join(jars)}
    # One process needs no copies of them sent to executors.
    return {"spark.driver.extraClassPath": os.pathsep.join(jars)}


def share_classes(config: JobConfig) -> tuple[str, ...]:
    """Let the JVM to be started find its class archive; return its flags for that, none where it has none.

    Whoever has a Spark, or settings in its directory, of their own needs them more than a quick start.
    """
    if config.engine.chosen_preset != "tuned" or not is_local(config):
        return ()
    if {CONF_DIR, "SPARK_HOME"} & os.environ.keys() or not settings_are_ours(spark_conf_dir()):
        return ()
    cache = default_cache_dir(config.run.cache_dir)
    os.environ[CONF_DIR] = str(empty_conf_dir(cache))
    return sharing_flags(archive_of_driver(find_java(cache), cache))


def shows_page(job: Job) -> bool:
    """Whether Spark's web page is asked for, and ours to open."""
    return SparkSettings.of(job.config.engine).engine_ui and not submitted()


def our_settings(job: Job, query: SparkQuery, partitions: int) -> dict[str, str]:
    """Return our settings of the session, the user's not among them; `partitions` are the events topic's."""
    common = session_settings(job.config, partitions=partitions, of_query=query.tuned(job.config))
    ours = {"spark.app.name": f"windowbench {job.run_id}", **common, **query.settings}
    if shows_page(job):
        ours |= UI_SETTINGS
    if not submitted():
        jvm = jvm_settings(job.config, *share_classes(job.config), lasting=job.orders is not None)
        return ours | jvm | connector_settings(job.config)
    if SparkSettings.of(job.config.engine).spark_master is None:
        del ours["spark.master"]
    return ours


def start_session(job: Job, query: SparkQuery, partitions: int, stack: ExitStack) -> SparkSession:
    """Start Spark, or join the one that spark-submit started; `stack` ends it."""
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    hush()
    ours, conf = our_settings(job, query, partitions), SparkConf()
    if submitted():
        SparkContext._ensure_initialized()  # noqa: SLF001 - from here on a SparkConf knows what spark-submit was told
        conf = SparkConf()
        ours = {name: value for name, value in ours.items() if name == "spark.master" or not conf.contains(name)}
    conf.setAll([*ours.items(), *SparkSettings.of(job.config.engine).spark_conf])
    gateway = None
    if not submitted():
        stack.callback(end_children)
        streams = {"stderr": stack.enter_context(job.log.open("ab"))} if job.alone else {}
        gateway = launch_gateway(conf, streams)  # type: ignore[no-untyped-call]
        stack.callback(end_jvm, gateway)
    context = SparkContext(conf=conf, gateway=gateway)
    stack.callback(quietly, context.stop)
    raise_on_signals()  # Spark has just taken SIGINT for itself
    return SparkSession(context)


def check_connector(spark: SparkSession, config: JobConfig) -> None:
    """Make sure that Spark finds every part of its Kafka connector.

    Raises
    ------
    EnvironmentProblem
        With the command that names the jars.
    """
    jvm: Any = spark._jvm  # noqa: SLF001 - the only way to ask a class loader
    utils = jvm.org.apache.spark.util.Utils
    missing = [name for name in CONNECTOR_CLASSES if not utils.classIsLoadable(name)]
    if missing:
        raise EnvironmentProblem(
            f"Spark does not find its Kafka connector ({', '.join(missing)})", remedy=jars_command(config)
        )


# --- the query --------------------------------------------------------------------------------------------------------


def start_query(spark: SparkSession, job: Job, asked: SparkQuery) -> StreamingQuery:
    """Say which settings are in force and start the query."""
    config = job.config
    broker = {"kafka.bootstrap.servers": bootstrap_of(config)}
    broker |= {f"kafka.{name}": value for name, value in java_settings(config).items()}
    group = {"groupIdPrefix": f"windowbench-{job.run_id}"}
    source = {**broker, **source_options(config), **group}
    subscribed = config.input_topics if asked.apart else (",".join(config.input_topics),)
    sink = {**broker, **sink_options(config), "checkpointLocation": job.checkpoint}
    if len(config.result_topics) == 1:  # of several, each record names its own
        sink["topic"] = config.kafka.result_topic
    effective = dict(spark.sparkContext.getConf().getAll())
    effective |= {f"readStream.{name}": value for name, value in source.items()}
    effective["readStream.subscribe"] = ", ".join(subscribed)
    effective |= {f"writeStream.{name}": value for name, value in sink.items()}
    if asked.python_worker:
        effective[PYTHON_WORKER] = "on the measured path"
    say("settings", effective=masked(effective, hide_values(secrets(config))))
    raw = [spark.readStream.format("kafka").options(**source, subscribe=topics).load() for topics in subscribed]
    records = asked.records(asked.results(raw, config))
    writer = records.writeStream.format("kafka").options(**sink).outputMode(config.output_mode)
    batch_s, trigger_s = config.engine.real_time_batch_s, config.engine.trigger_interval_s
    if batch_s is not None:
        batch = f"{round(batch_s * 1000)} milliseconds"
        writer = writer.trigger(realTime=batch)  # type: ignore[call-overload]  # its stubs do not know that
    elif trigger_s:
        writer = writer.trigger(processingTime=f"{round(trigger_s * 1000)} milliseconds")
    return writer.start()


def watch(query: StreamingQuery, log: BatchLog, job: Job, runs: Callable[[], bool]) -> None:
    """Report readiness and progress until the query makes room for that of another run.

    Parameters
    ----------
    query : StreamingQuery
    log : BatchLog
    job : Job
    runs : callable
        Whether the tasks of a query run that never waits for data between its batches.

    Raises
    ------
    EngineFailed
        When it ends before, which it does only when it fails.
    """
    java = query._jsq  # noqa: SLF001 - PySpark's progress objects fetch each field by a call of its own
    ready = False
    while not shall_end(job):
        heed_signal()
        if java.awaitTermination(POLL_MS):
            raise EngineFailed("the query ended by itself")
        messages = log.take(fresh_reports(java, log.last_batch))
        if not ready and (messages or is_waiting(java.status().message()) or runs()):
            ready = True
            say("ready")
        for message in messages:
            print(json.dumps(message), flush=True)


def all_tasks_run(spark: SparkSession, tasks: int) -> bool:
    """Whether at least so many tasks are running."""
    tracker = spark.sparkContext.statusTracker()
    stages = [tracker.getStageInfo(number) for number in tracker.getActiveStageIds()]
    return sum(stage.numActiveTasks for stage in stages if stage is not None) >= tasks


def fresh_reports(java: Any, last_batch: int) -> list[dict[str, Any]]:  # noqa: ANN401 - py4j has no types
    """Return the progress reports since batch `last_batch`; the usual answer, none, costs two short calls."""
    newest = java.lastProgress()
    number = -1 if newest is None else newest.batchId()
    if number <= last_batch:
        return []
    reports = [newest] if number == last_batch + 1 else java.recentProgress()
    return [json.loads(report.json()) for report in reports]


# --- the program ------------------------------------------------------------------------------------------------------


def serve(spark: SparkSession, job: Job, asked: SparkQuery, partitions: int) -> None:
    """Run the query of a job until another run follows, a signal ends it or it fails.

    Raises
    ------
    EngineFailed
        When it fails, or does not end for the next.
    """
    tasks = partitions + (shuffle_partitions_of(job.config) or 0)
    with ExitStack() as stack:
        query = start_query(spark, job, asked)
        stack.callback(quietly, query.stop)
        watch(
            query,
            BatchLog(input_partitions(job.config), OBSERVATION),
            job,
            lambda: job.config.real_time and all_tasks_run(spark, tasks),
        )
    if query.isActive:  # what is left of it would take the cores from the next
        raise EngineFailed("the query does not end, so that of the next run cannot start")


def stream(job: Job, partitions: int) -> None:
    """Run query after query until a signal ends it or one fails; `partitions` are the events topic's.

    Raises
    ------
    EngineFailed
        When Spark or the query fails.
    """
    from py4j.protocol import Py4JError, Py4JJavaError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException

    hide = hide_values(secrets(job.config))
    query = SparkQuery.of(job.config.engine.workload)
    with ExitStack() as stack:
        try:
            spark = start_session(job, query, partitions, stack)
            if shows_page(job):
                say("ui", address=f"http://{LOOPBACK}:{urlsplit(spark.sparkContext.uiWebUrl or '').port}")
            check_connector(spark, job.config)
            while True:
                serve(spark, job, query, partitions)
                job = next_job(job)
                partitions = check_topics(job)
        except (PySparkException, Py4JJavaError) as error:
            raise EngineFailed(hide(cause_of(error))) from None
        except (Py4JError, ConnectionError):  # no answer, half of one, or nothing left to ask
            raise EngineFailed("Spark's JVM ended without a message: was it killed, or short of memory?") from None
        finally:
            keeps = KEEP_FLAG in dict(SparkSettings.of(job.config.engine).spark_conf).get(JVM_OPTIONS, "")
            patience = threading.Timer(KEEP_SECONDS if keeps else STOP_SECONDS, end_children)
            patience.daemon = True
            patience.start()


def _body(argv: list[str] | None) -> int:
    job = read_job(argv, program="SparkJob.py", description=__doc__, engine="spark")
    address = bootstrap_of(job.config)
    if not submitted():
        os.environ["JAVA_HOME"] = str(find_java(default_cache_dir(job.config.run.cache_dir)).path)
        # Not among the settings of the session, where a user's own flags would replace it.
        flags = [*temporary_files_flags(os.environ), os.environ.get("SPARK_SUBMIT_OPTS", "")]
        os.environ["SPARK_SUBMIT_OPTS"] = " ".join(filter(None, flags))
        if is_local(job.config):
            # Only we talk to this Spark: no look-up of the host's name, no port open to others.
            os.environ["SPARK_LOCAL_IP"] = LOOPBACK
            # Where rows pass a Python worker, it is this Python, which has what Spark needs for that.
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with until_stopped():
        partitions = check_topics(job)
        if job.alone:
            job.log.parent.mkdir(parents=True, exist_ok=True)
            announce(job, address, checkpoint=job.checkpoint, **({} if submitted() else {"log": job.log}))
        stream(job, partitions)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the job until it is told to stop, and return its exit code."""
    return run_program(_body, argv)


if __name__ == "__main__":
    sys.exit(main())
