"""Kafka -> the workload's SQL -> Kafka, as one Flink job.

Started as ``python FlinkJob.py`` or ``flink run -py FlinkJob.py``, by the Python of the Flink environment, with the
settings of ``config.py`` (``--help`` lists them); a benchmark run starts it with ``--config <run>/config.json``. It
runs until SIGTERM, which cancels the job and ends with exit code 0.

On standard output it says, one JSON object a line:

* ``{"type": "settings", "effective": {...}}``: every Flink and Kafka setting we chose, secrets masked;
* ``{"type": "ui", "address": "http://..."}``: with ``--engine-ui``, where Flink's web page is;
* ``{"type": "ready"}``: the job is RUNNING with all its subtasks, and its sources have their partitions;
* ``{"type": "progress", ...}``: next offset of each partition, watermark;
* ``{"type": "error", "message": "..."}``: the job failed, restarted or never ran; the exit code is 10.

Under ``flink run`` the cluster is there before this file is read; memory and flags of its JVMs are its own.
"""

from __future__ import annotations

if __name__ == "__main__":
    from windowbench.processes.interrupt import end_quietly_on_interrupt

    end_quietly_on_interrupt()

import logging
import os
import sys
import threading
import time
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from windowbench.broker.storage import free_port
from windowbench.engines.flink.progress import Progress
from windowbench.engines.flink.query import FlinkQuery
from windowbench.engines.flink.rest import FlinkRest, cause_of
from windowbench.engines.flink.settings import FlinkSettings
from windowbench.engines.flink.tuning import LOG_SETTINGS, job_settings, jvm_flags, sink_options, source_options
from windowbench.engines.job import Job, announce, masked, next_job, read_job, say, shall_end, until_stopped
from windowbench.errors import EngineFailed, EnvironmentProblem, heed_signal, raise_on_signals, run_program
from windowbench.kafka.settings import bootstrap_of, java_settings, secrets
from windowbench.load.numbering import input_partitions
from windowbench.settings.masking import hide_values
from windowbench.toolchain.jars import default_cache_dir, ensure_jars
from windowbench.toolchain.java import find_java, temporary_files_flags

if TYPE_CHECKING:
    from pyflink.table import TableEnvironment

POLL_SECONDS = 0.2
CANCEL_SECONDS = 3
JVM_END_SECONDS = 30
RESTART_CHECK_SECONDS = 1.0
ADMIN_TIMEOUT_MS = 20_000
SUPPORTED_PYTHON = ((3, 9), (3, 12))


# --- before the JVM ---------------------------------------------------------------------------------------------------


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Make sure that PyFlink is there, and runs with this Python.

    Raises
    ------
    EnvironmentProblem
        When it does not.
    """
    least, greatest = SUPPORTED_PYTHON
    if not least <= version <= greatest:
        raise EnvironmentProblem(
            f"PyFlink does not support Python {version[0]}.{version[1]}",
            remedy="use Python 3.11 or 3.12 for it: WINDOWBENCH_FLINK_PYTHON=python3.12 make flink-environment",
        )
    try:
        import_module("pyflink")
    except ImportError:
        raise EnvironmentProblem(
            f"PyFlink is not installed for {sys.executable}",
            remedy="run: make flink-environment, then: .venv-flink/bin/python FlinkJob.py",
        ) from None


def submitted() -> bool:
    """Whether ``flink run`` started us, with a cluster that runs already."""
    return "PYFLINK_GATEWAY_PORT" in os.environ


def prepare_jvm(job: Job, jars: list[Path]) -> None:
    """Tell PyFlink, which listens to the environment alone, how to start its JVM."""
    config = job.config
    log_settings = job.log.with_suffix(".log4j.properties")
    log_settings.parent.mkdir(parents=True, exist_ok=True)
    log_settings.write_text(LOG_SETTINGS.format(file=job.log), encoding="utf-8")
    for name in ("FLINK_HOME", "FLINK_CONF_DIR", "FLINK_LIB_DIR", "FLINK_OPT_DIR", "FLINK_PLUGINS_DIR"):
        os.environ.pop(name, None)  # another installation would bring its own version and defaults
    os.environ.update(
        JAVA_HOME=str(find_java(default_cache_dir(config.run.cache_dir)).path),
        JVM_ARGS=" ".join((*jvm_flags(config), *temporary_files_flags(os.environ))),
        FLINK_LOG_DIR=str(job.log.parent),
        LOG4J_PROPERTIES=str(log_settings),
        HADOOP_CLASSPATH=os.pathsep.join(map(str, jars)),  # the one way to add to the class path
        # Else PyFlink opens a port to everyone, at which workers for Python functions can be started; there are none.
        _python_worker_execution_mode="process",
    )


# --- the job ----------------------------------------------------------------------------------------------------------


def table_environment(settings: dict[str, str]) -> TableEnvironment:
    """Start Flink, or join the one that ``flink run`` started."""
    from pyflink.common import Configuration
    from pyflink.table import EnvironmentSettings, TableEnvironment

    configuration = Configuration()
    for name, value in settings.items():
        configuration.set_string(name, value)
    chosen = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    return TableEnvironment.create(chosen)


def with_clause(options: dict[str, str]) -> str:
    """Return the options of a table as SQL."""
    quoted = ((name.replace("'", "''"), value.replace("'", "''")) for name, value in options.items())
    return ", ".join(f"'{name}' = '{value}'" for name, value in quoted)


def start_job(tables: TableEnvironment, job: Job, query: FlinkQuery, settings: dict[str, str]) -> Any:  # noqa: ANN401
    """Say which settings are in force, start the job and return its client."""
    config = job.config
    broker = {"bootstrap.servers": bootstrap_of(config), **java_settings(config)}
    properties = {f"properties.{name}": value for name, value in broker.items()}
    sources = [{**properties, **source_options(config, topic)} for topic in config.input_topics]
    sinks = [{**properties, **sink_options(config, topic)} for topic in config.result_topics]
    effective = dict(settings)
    effective |= {f"source.{name}": value for name, value in sources[0].items()}
    effective |= {f"sink.{name}": value for name, value in sinks[0].items()}
    effective |= {"source.topic": ",".join(config.input_topics), "sink.topic": ",".join(config.result_topics)}
    say("settings", effective=masked(effective, hide_values(secrets(config))))
    statements = query.statements(config, job.run_id, [*map(with_clause, sources)], [*map(with_clause, sinks)])
    results = [tables.execute_sql(statement) for statement in statements]
    return results[-1].get_job_client()


def watch(client: Any, progress: Progress, job: Job, deadline: float) -> None:  # noqa: ANN401 - PyFlink's client
    """Report readiness and progress until the job makes room for that of another run.

    Raises
    ------
    EngineFailed
        When it ends before, which it does only when it fails; with Flink's own words.
    """
    ended = client._j_job_client.getJobExecutionResult()  # noqa: SLF001 - its Python twin can only be waited for
    ready, last, next_check = False, None, 0.0
    while not shall_end(job):
        heed_signal()
        if ended.isDone():
            ended.get()
            raise EngineFailed("the job ended by itself")
        with suppress(OSError):  # not there yet, or just gone
            if time.monotonic() >= next_check:
                next_check = time.monotonic() + RESTART_CHECK_SECONDS
                progress.check_restarts()
            if ready:
                now = progress.message()
                if now != last:
                    say("progress", **now)
                last = now
            elif progress.ready():
                ready = True
                progress.announce()
            elif time.monotonic() > deadline:
                progress.give_up()
        time.sleep(POLL_SECONDS)


def cancel(client: Any) -> None:  # noqa: ANN401 - PyFlink's client
    """Cancel the job; when it is gone already, or does not listen, it ends with its JVM."""
    from pyflink.java_gateway import get_gateway

    with suppress(Exception):
        seconds = get_gateway().jvm.java.util.concurrent.TimeUnit.SECONDS
        client._j_job_client.cancel().get(CANCEL_SECONDS, seconds)  # noqa: SLF001 - with a time limit


def end_jvm() -> None:
    """Let our JVM end by itself, so that it removes its temporary files; one that takes too long ends with us."""
    from pyflink import java_gateway

    gateway = java_gateway._gateway  # noqa: SLF001 - asked for in the open, it would start a JVM where there is none
    if gateway is None:
        return

    def leave() -> None:
        with suppress(Exception):  # the answer never comes
            gateway.jvm.java.lang.System.exit(0)

    leaving = threading.Thread(target=leave, name="end-jvm", daemon=True)
    leaving.start()
    leaving.join(JVM_END_SECONDS)


def log_begins(job: Job) -> dict[int, int]:
    """Return where each partition that holds events begins, by its number, and make sure that all topics exist.

    The connector's own client is asked, which only the class path of our own JVM has: under ``flink run`` nothing is
    checked, and the answer is empty.

    Raises
    ------
    EnvironmentProblem
        When the broker does not answer, or a topic is missing.
    """
    from pyflink.java_gateway import get_gateway

    if submitted():
        return {}
    java: Any = get_gateway().jvm
    kafka = java.org.apache.flink.kafka.shaded.org.apache.kafka
    properties = java.java.util.Properties()
    for name, value in {**java_settings(job.config), "bootstrap.servers": bootstrap_of(job.config)}.items():
        properties.setProperty(name, value)
    properties.setProperty("default.api.timeout.ms", str(ADMIN_TIMEOUT_MS))
    properties.setProperty("request.timeout.ms", str(ADMIN_TIMEOUT_MS))
    client = kafka.clients.admin.AdminClient.create(properties)
    try:
        names = client.listTopics().names().get()
        for topic in (*job.config.input_topics, *job.config.result_topics):
            if not names.contains(topic):
                raise EnvironmentProblem(
                    f"there is no topic {topic} at {bootstrap_of(job.config)}",
                    remedy="check the name; python topic_creation.py makes the topics of a configuration",
                )
        inputs = input_partitions(job.config)
        described = client.describeTopics(list(inputs.topics)).allTopicNames().get()
        wanted, numbers = java.java.util.HashMap(), {}
        for topic in inputs.topics:
            for part in described.get(topic).partitions():
                place = kafka.common.TopicPartition(topic, part.partition())
                wanted.put(place, kafka.clients.admin.OffsetSpec.earliest())
                numbers[topic, part.partition()] = inputs.number(topic, part.partition())
        found = client.listOffsets(wanted).all().get()
        return {
            numbers[entry.getKey().topic(), entry.getKey().partition()]: int(entry.getValue().offset())
            for entry in found.entrySet()
        }
    finally:
        client.close()


# --- the program ------------------------------------------------------------------------------------------------------


def rest_address(tables: TableEnvironment, settings: dict[str, str]) -> str:
    """Return where the job's REST interface is: that of our own Flink, or of the cluster we were submitted to."""
    if not submitted():
        return f"http://127.0.0.1:{settings['rest.port']}"
    found = tables.get_config().get_configuration()
    return f"http://{found.get_string('rest.address', '127.0.0.1')}:{found.get_string('rest.port', '8081')}"


def serve(job: Job, jars: list[Path], query: FlinkQuery, deadline: float) -> None:
    """Run a job until another run follows, a signal ends it or it fails."""
    ours = job_settings(job, rest_port=None if submitted() else free_port(), jars=jars if submitted() else [])
    settings = {**query.settings(job.config), **ours}  # in which are the user's
    tables = table_environment(settings)
    raise_on_signals()
    begins = log_begins(job)
    with ExitStack() as stack:
        client = start_job(tables, job, query, settings)
        stack.callback(cancel, client)
        rest = FlinkRest(rest_address(tables, settings), str(client.get_job_id()))
        page = rest.address if FlinkSettings.of(job.config.engine).engine_ui else None
        progress = Progress(rest, input_partitions(job.config), begins, page)
        stack.callback(progress.last_word)
        watch(client, progress, job, deadline)


def stream(job: Job) -> None:
    """Run job after job until a signal ends it or one fails.

    Raises
    ------
    EngineFailed
        When Flink or the job fails.
    """
    started = time.monotonic()
    jars = ensure_jars("flink", default_cache_dir(job.config.run.cache_dir))
    if not submitted():
        prepare_jvm(job, jars)
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]
    from pyflink.util.exceptions import JavaException

    # PyFlink's client writes a stack trace of each call that a JVM does not answer any more; we tell of it once.
    logging.disable(logging.CRITICAL)
    query = FlinkQuery.of(job.config.engine.workload)
    try:
        while True:
            serve(job, jars, query, started + job.config.engine.engine_ready_seconds)
            job = next_job(job)
            started = time.monotonic()
    except (EngineFailed, JavaException, Py4JError, RuntimeError) as error:
        raise EngineFailed(hide_values(secrets(job.config))(cause_of(str(error)))) from None
    finally:
        if not submitted():
            end_jvm()


def _body(argv: list[str] | None) -> int:
    job = read_job(argv, program="FlinkJob.py", description=__doc__, engine="flink")
    address = bootstrap_of(job.config)
    check_python()
    with until_stopped():
        if job.alone:
            announce(job, address, log=job.log)
        stream(job)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the job until it is told to stop, and return its exit code."""
    return run_program(_body, argv)


if __name__ == "__main__":
    sys.exit(main())
