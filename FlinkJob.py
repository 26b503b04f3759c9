"""Kafka -> the workload's SQL -> Kafka, as one Flink job.

Started as ``python FlinkJob.py`` or ``flink run -py FlinkJob.py``, by the Python of the Flink environment, with the
settings of ``config.py`` (``--help`` lists them); a benchmark run starts it with ``--config <run>/config.json``. It
runs until SIGTERM, which cancels the job and ends with exit code 0.

On standard output it says, one JSON object a line:

* ``{"type": "settings", "effective": {...}}``: every Flink and Kafka setting we chose, secrets masked;
* ``{"type": "ready"}``: the job is RUNNING with all its subtasks, and its sources have their partitions;
* ``{"type": "progress", ...}``: next offset of each partition, watermark;
* ``{"type": "error", "message": "..."}``: the job failed or never ran; the exit code is 10.

Under ``flink run`` the cluster is there before this file is read; memory and flags of its JVMs are its own.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from windowbench.broker.jars import default_cache_dir, ensure_jars
from windowbench.broker.java import find_java
from windowbench.broker.storage import free_port
from windowbench.engine_job import Job, announce, masked, next_job, read_job, say, shall_end, until_stopped
from windowbench.errors import EngineFailed, EnvironmentProblem, raise_on_signals, run_program
from windowbench.flink.rest import (
    FlinkRest,
    accepted_metrics,
    cause_of,
    is_running,
    offset_metrics,
    positions,
    rejected_records,
)
from windowbench.flink.tuning import JVM_FLAGS, LOG_SETTINGS, job_settings, sink_options, source_options
from windowbench.kafka.settings import bootstrap_of, java_settings, secrets
from windowbench.process import hide_values
from windowbench.schedule import END_EVENT_TIME_NS, NS_PER_MS

if TYPE_CHECKING:
    from pyflink.table import TableEnvironment

POLL_SECONDS = 0.2
CANCEL_SECONDS = 3
LAST_QUESTIONS = 2
"""Flink gathers its metrics when it is asked, and tells them the next time."""
END_WATERMARK_MS = END_EVENT_TIME_NS // NS_PER_MS - 86_400_000
"""A watermark beyond this, a day before END, can only come of END."""
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
            remedy="use Python 3.11 or 3.12 for it: make flink-environment FLINK_PYTHON=python3.12",
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
    heap = config.engine.flink_memory
    for name in ("FLINK_HOME", "FLINK_CONF_DIR", "FLINK_LIB_DIR", "FLINK_OPT_DIR", "FLINK_PLUGINS_DIR"):
        os.environ.pop(name, None)  # another installation would bring its own version and defaults
    os.environ.update(
        JAVA_HOME=str(find_java(default_cache_dir(config.run.cache_dir)).path),
        JVM_ARGS=" ".join((f"-Xms{heap}", f"-Xmx{heap}", *JVM_FLAGS)),
        FLINK_LOG_DIR=str(job.log.parent),
        LOG4J_PROPERTIES=str(log_settings),
        HADOOP_CLASSPATH=os.pathsep.join(map(str, jars)),  # the one way to add to the class path
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


def start_job(tables: TableEnvironment, job: Job, workload: Any, settings: dict[str, str]) -> Any:  # noqa: ANN401
    """Say which settings are in force, start the job and return its client."""
    config = job.config
    broker = {"bootstrap.servers": bootstrap_of(config), **java_settings(config)}
    properties = {f"properties.{name}": value for name, value in broker.items()}
    source = {**properties, **source_options(config)}
    sink = {**properties, **sink_options(config)}
    effective = dict(settings)
    effective |= {f"source.{name}": value for name, value in source.items()}
    effective |= {f"sink.{name}": value for name, value in sink.items()}
    say("settings", effective=masked(effective, hide_values(secrets(config))))
    columns = workload.event_columns(job.run_id, config.windows.delay_ms)
    tables.execute_sql(f"CREATE TEMPORARY TABLE events ({columns}) WITH ({with_clause(source)})")
    tables.execute_sql(f"CREATE TEMPORARY TABLE results ({workload.RESULT_COLUMNS}) WITH ({with_clause(sink)})")
    query = workload.result_query("events", config.windows, job.run_id)
    result = tables.execute_sql(f"INSERT INTO results {query}")
    return result.get_job_client()


class Progress:
    """Turns what Flink's REST interface says into messages of the engine protocol."""

    def __init__(self, rest: FlinkRest, topic: str, begins: dict[int, int]) -> None:
        self._rest = rest
        self._topic = topic
        self._begins = begins
        self._source = self._last = ""
        self._offsets: dict[str, int] = {}
        self._accepted: list[str] = []
        self._before: tuple[dict[str, int], int] | None = None
        self._rejected = 0

    def ready(self) -> bool:
        """Whether the job runs and its sources have all partitions."""
        job = self._rest.ask()
        if not is_running(job):
            return False
        self._source, self._last = job["vertices"][0]["id"], job["vertices"][-1]["id"]
        names = self._rest.metric_names(self._source)
        self._offsets, self._accepted = offset_metrics(names, self._topic), accepted_metrics(names)
        return len(self._offsets) >= max(1, len(self._begins))

    def message(self) -> dict[str, Any]:
        """Return where the job is."""
        values = self._rest.metrics(self._source, [*self._offsets, *self._accepted])
        position = positions(values, self._offsets, self._begins)
        watermark_ms = self._rest.watermark_ms(self._last)
        now = position, sum(int(values.get(name, "0")) for name in self._accepted)
        if now == self._before:
            ended = watermark_ms is not None and watermark_ms >= END_WATERMARK_MS
            self._rejected = rejected_records(position, self._begins, now[1], ended=ended)
        self._before = now
        return {"position": position, "watermark_ms": watermark_ms, "rejected": self._rejected}

    def last_word(self) -> None:
        """Report once more when the job is about to end, after what it says has come to rest."""
        with suppress(OSError):
            if self._offsets:
                for _ in range(LAST_QUESTIONS):
                    self.message()
                    time.sleep(POLL_SECONDS)
                say("progress", **self.message())


def watch(client: Any, progress: Progress, job: Job) -> None:  # noqa: ANN401 - PyFlink's client
    """Report readiness and progress until the job makes room for that of another run.

    Raises
    ------
    EngineFailed
        When it ends before, which it does only when it fails; with Flink's own words.
    """
    ready_seconds = job.config.engine.engine_ready_seconds
    ended = client._j_job_client.getJobExecutionResult()  # noqa: SLF001 - its Python twin can only be waited for
    deadline = time.monotonic() + ready_seconds
    ready, last = False, None
    while not shall_end(job):
        if ended.isDone():
            ended.get()
            raise EngineFailed("the job ended, though nobody stopped it")
        with suppress(OSError):  # not there yet, or just gone
            if not ready:
                ready = progress.ready()
                if ready:
                    say("ready")
            else:
                now = progress.message()
                if now != last:
                    say("progress", **now)
                last = now
        if not ready and time.monotonic() > deadline:
            raise EngineFailed(f"the job is not RUNNING after {ready_seconds:g} s")
        time.sleep(POLL_SECONDS)


def cancel(client: Any) -> None:  # noqa: ANN401 - PyFlink's client
    """Cancel the job; when it is gone already, or does not listen, it ends with its JVM."""
    from pyflink.java_gateway import get_gateway

    with suppress(Exception):
        seconds = get_gateway().jvm.java.util.concurrent.TimeUnit.SECONDS
        client._j_job_client.cancel().get(CANCEL_SECONDS, seconds)  # noqa: SLF001 - with a time limit


def log_begins(job: Job) -> dict[int, int]:
    """Return where each partition of the events topic begins, and make sure that both topics exist.

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
        for topic in (job.config.kafka.events_topic, job.config.kafka.result_topic):
            if not names.contains(topic):
                raise EnvironmentProblem(
                    f"there is no topic {topic} at {bootstrap_of(job.config)}",
                    remedy="check the name; python topic_creation.py makes the topics of a configuration",
                )
        events = job.config.kafka.events_topic
        described = client.describeTopics([events]).allTopicNames().get().get(events)
        wanted = java.java.util.HashMap()
        for part in described.partitions():
            wanted.put(kafka.common.TopicPartition(events, part.partition()), kafka.clients.admin.OffsetSpec.earliest())
        found = client.listOffsets(wanted).all().get()
        return {entry.getKey().partition(): int(entry.getValue().offset()) for entry in found.entrySet()}
    finally:
        client.close()


# --- the program ------------------------------------------------------------------------------------------------------


def rest_address(tables: TableEnvironment, settings: dict[str, str]) -> str:
    """Return where the job's REST interface is: our own one's, or that of the cluster we were submitted to."""
    if not submitted():
        return f"http://127.0.0.1:{settings['rest.port']}"
    found = tables.get_config().get_configuration()
    return f"http://{found.get_string('rest.address', '127.0.0.1')}:{found.get_string('rest.port', '8081')}"


def serve(job: Job, jars: list[Path], workload: Any) -> None:  # noqa: ANN401 - a module
    """Run a job until another run follows, a signal ends it or it fails."""
    settings = job_settings(job, rest_port=None if submitted() else free_port(), jars=jars if submitted() else [])
    tables = table_environment(settings)
    raise_on_signals()
    begins = log_begins(job)
    with ExitStack() as stack:
        client = start_job(tables, job, workload, settings)
        stack.callback(cancel, client)
        rest = FlinkRest(rest_address(tables, settings), str(client.get_job_id()))
        progress = Progress(rest, job.config.kafka.events_topic, begins)
        stack.callback(progress.last_word)
        watch(client, progress, job)


def stream(job: Job) -> None:
    """Run job after job until a signal ends it or one fails.

    Raises
    ------
    EngineFailed
        When Flink or the job fails.
    """
    jars = ensure_jars("flink", default_cache_dir(job.config.run.cache_dir))
    if not submitted():
        prepare_jvm(job, jars)
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]
    from pyflink.util.exceptions import JavaException

    # PyFlink's client writes a stack trace of each call that a JVM does not answer any more; we tell of it once.
    logging.disable(logging.CRITICAL)
    workload = import_module(f"windowbench.workloads.{job.config.engine.workload}.flink")
    try:
        while True:
            serve(job, jars, workload)
            job = next_job(job)
    except (JavaException, Py4JError, RuntimeError) as error:
        raise EngineFailed(hide_values(secrets(job.config))(cause_of(str(error)))) from None


def body(argv: list[str] | None) -> int:
    """Run the program."""
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
    return run_program(body, argv)


if __name__ == "__main__":
    sys.exit(main())
