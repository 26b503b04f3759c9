"""One benchmark run, phase by phase: prepare, start, ready, warm-up, measure, cool-down, drain, stop, verify, report.

The rules this file keeps:

* everything that is started is on one ExitStack and comes down in reverse on every way out;
* ready means that a service answered, never that seconds passed;
* what is judged is read after the engine stopped;
* every way out leaves ``status.json`` and ``summary.json`` that say how it ended.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from config import Config, Loaded
from windowbench import process
from windowbench.arrivals import modulating_path
from windowbench.broker.embedded import EmbeddedBroker, check_free_disk
from windowbench.broker.jars import default_cache_dir, ensure_jars
from windowbench.broker.java import JavaHome, find_java
from windowbench.broker.storage import properties_path
from windowbench.dump import dump_topics
from windowbench.errors import EngineFailed, EnvironmentProblem, ExitCode, HarnessError, ProducersFailed
from windowbench.kafka.admin import Admin, cluster_id, planned_topics
from windowbench.kafka.clock import measure_clock_offset
from windowbench.kafka.settings import secrets
from windowbench.kafka.tail import TopicTail
from windowbench.orchestration.drain import drain, write_end
from windowbench.orchestration.environment import describe_environment
from windowbench.orchestration.expected import expected_counts
from windowbench.orchestration.flink_environment import prepare_flink
from windowbench.orchestration.host import HostMonitor
from windowbench.orchestration.live import LiveResults, Snapshot
from windowbench.orchestration.prepare import (
    LEAST_FREE_BYTES,
    check_engine_command,
    child_environment,
    engine_command,
    planned_bytes,
    prepare_topic,
    producer_command,
    with_run_id,
    with_run_topics,
)
from windowbench.orchestration.recording import check_events, record_results
from windowbench.orchestration.services import JsonLineService, ProgressLog, position_of
from windowbench.orchestration.timeline import Timeline
from windowbench.orchestration.view import View
from windowbench.results.store import RunDirectory
from windowbench.runlock import RunLock, clean_leftovers
from windowbench.schedule import NS_PER_MS, NS_PER_S, Schedule, plan

JAVA_ENGINES = frozenset({"spark", "flink"})
_TICK_SECONDS = 0.2
_PRODUCERS_READY_SECONDS = 60.0
_FLUSH_SECONDS = 90.0
_STOP_SECONDS = 5.0


class Run:
    """One run from its settings to its recorded samples.

    Parameters
    ----------
    loaded : Loaded
        What the user asked for.
    view : View
        Where progress is shown.
    """

    def __init__(self, loaded: Loaded, view: View) -> None:
        """Decide name and topics; nothing is written or started yet."""
        self.config: Config = with_run_topics(with_run_id(loaded.config), loaded.origins)
        self._origins = loaded.origins
        self.view = view
        self.timeline = Timeline(lambda phase: view.note(f"· {phase}"))
        self.directory: RunDirectory | None = None
        self._broker: EmbeddedBroker | None = None
        self._engine: JsonLineService | None = None
        self._engine_python: Path | None = None
        self._producers: JsonLineService | None = None
        self._host: HostMonitor | None = None
        self._live = LiveResults(self.config.run.run_id or "", self.config.windows.delay_ms)
        self._schedule: Schedule | None = None
        timeout = self.config.run.run_timeout_seconds
        self._deadline = None if timeout is None else time.monotonic() + timeout

    # --- the phases ---------------------------------------------------------------------------------------------------

    def execute(self) -> RunDirectory:
        """Go through every phase up to verify and return the directory that holds what was recorded.

        Raises
        ------
        HarnessError
            When a service fails or the machine lacks something; everything started is gone then.
        """
        self.timeline.enter("prepare")
        run = self._prepare()
        try:
            with ExitStack() as stack:
                self._start(stack, run)
                self._await_ready(run)
                self._send_load()
                self._drain(run)
                self.timeline.enter("stop")
                assert self._engine is not None
                self._engine.stop()
                self._verify(run)
        finally:
            run.write_json("timeline.json", self.timeline.as_dict())
        return run

    def _prepare(self) -> RunDirectory:
        config = self.config
        runs = Path(config.run.runs_dir)
        for leftover in clean_leftovers(runs):
            self.view.note(f"cleaned up after an earlier run that died: {leftover}")
            word = status_of("unknown", status="aborted", exit_code=ExitCode.TERMINATED, error="its process was killed")
            RunDirectory(runs / leftover.run).write_json("status.json", word)
        assert config.run.run_id is not None
        self._cache = default_cache_dir(config.run.cache_dir)
        self._java: JavaHome | None = None
        check_engine_command(config)
        if config.kafka.embedded or config.engine.engine in JAVA_ENGINES:
            self._java = find_java(self._cache)
        self._broker_jars = ensure_jars("broker", self._cache) if config.kafka.embedded else []
        if config.engine.engine == "spark":
            ensure_jars("spark", self._cache)
        if config.engine.engine == "flink":
            assert self._java is not None
            self._engine_python = prepare_flink(config, self._java, self._cache, self.view.note)
        if not config.kafka.embedded:
            Admin(config).brokers()
        run = self.directory = RunDirectory.create(runs / config.run.run_id)
        run.write_config(config)
        run.write_json("origins.json", dict(self._origins))
        if config.kafka.embedded:
            check_free_disk(run.path, planned_bytes(config))
        return run

    def _start(self, stack: ExitStack, run: RunDirectory) -> None:
        self.timeline.enter("start")
        lock = stack.enter_context(RunLock(run.path))
        progress = ProgressLog(run.progress)
        stack.callback(progress.close)
        self._host = HostMonitor(
            run.host_samples,
            {
                "producers": lambda: self._producers.pid if self._producers else None,
                "engine": lambda: self._engine.pid if self._engine else None,
                "broker": lambda: self._broker.child.pid if self._broker and self._broker.child else None,
            },
        )
        stack.callback(self._host.stop)
        self._host.start()
        if self.config.kafka.embedded:
            self._start_broker(stack, run, lock)
        else:
            self._external_clock(run, "before")
        admin = Admin(self.config)
        for topic in planned_topics(self.config):
            prepare_topic(admin, topic, clear=self.config.kafka.clear_topics)
        tail = TopicTail(self.config, self.config.kafka.result_topic, self._live)
        stack.callback(tail.stop)
        tail.start()
        redact = process.hide_values(secrets(self.config))
        env = child_environment(os.environ)
        if self._java is not None:
            env = self._java.environment(env)
        self._engine = JsonLineService(
            "engine",
            engine_command(self.config, run.config, self._engine_python),
            log_path=run.log("engine"),
            failure=EngineFailed,
            env=env,
            redact=redact,
            on_message=progress,
        )
        self._producers = JsonLineService(
            "producers",
            producer_command(run.config, run.schedule),
            log_path=run.log("producers"),
            failure=ProducersFailed,
            env=env,
            redact=redact,
        )
        for service in (self._engine, self._producers):
            stack.callback(service.stop, _STOP_SECONDS)
            service.start()
            assert service.child is not None
            lock.add(service.child)
        environment = describe_environment(
            run.path,
            java=f"{self._java.version} ({self._java.source})" if self._java else None,
            broker={"embedded": self.config.kafka.embedded, "brokers": admin.brokers()},
        )
        run.write_json("environment.json", environment)

    def _start_broker(self, stack: ExitStack, run: RunDirectory, lock: RunLock) -> None:
        assert self._java is not None
        broker = self._broker = EmbeddedBroker(
            java=self._java,
            jars=self._broker_jars,
            data_dir=run.file("broker"),
            log_path=run.log("broker"),
            cache_dir=self._cache,
            cluster_id_of=lambda address: cluster_id(address, timeout_seconds=1.0),
            heap_mb=self.config.kafka.broker_heap_mb,
        )
        stack.callback(self._end_broker)
        broker.start()
        broker.ready(abort=self._check_deadline)
        if not self.config.kafka.keep_broker:
            assert broker.child is not None
            lock.add(broker.child)
            for scratch in (broker.data_dir, properties_path(broker.data_dir)):
                lock.add_scratch(scratch)
        self.config = self.config.replace(bootstrap_servers=broker.bootstrap_servers, broker="embedded")
        run.write_config(self.config)

    def _end_broker(self) -> None:
        """Stop the broker, or leave it when the user asked for that and the run came to its end."""
        assert self._broker is not None
        if self.config.kafka.keep_broker and self.timeline.current == "verify" and self._broker.alive():
            self.view.note(self._broker.leave_running())
        else:
            self._broker.stop()

    def _await_ready(self, run: RunDirectory) -> None:
        self.timeline.enter("ready")
        assert self._engine is not None
        assert self._producers is not None
        self._producers.await_message("ready", _PRODUCERS_READY_SECONDS, abort=self._check)
        self._engine.await_message("ready", self.config.engine.engine_ready_seconds, abort=self._check)
        self._schedule = plan(self.config, time.time_ns())
        run.write_schedule(self._schedule)
        path = modulating_path(self.config, self._schedule.load_length_ns)
        if path is not None:
            columns = {"starts_ns": path.starts_ns, "states": path.states, "rates": path.rates}
            run.write_json("mmpp_path.json", {name: column.tolist() for name, column in columns.items()})
        self._live.measure(self._schedule.base_time_ns // NS_PER_MS, self._schedule.measure_end_ns // NS_PER_MS)

    def _send_load(self) -> None:
        schedule, producers = self._schedule, self._producers
        assert schedule is not None
        assert producers is not None
        for phase, end_ns in (
            ("warm-up", schedule.base_time_ns),
            ("measure", schedule.measure_end_ns),
            ("cool-down", schedule.load_end_ns),
        ):
            self.timeline.enter(phase)
            while (left := end_ns - time.time_ns()) > 0:
                self._watch()
                time.sleep(min(_TICK_SECONDS, left / NS_PER_S))
        producers.finish(_FLUSH_SECONDS, abort=self._watch)

    def _drain(self, run: RunDirectory) -> None:
        self.timeline.enter("drain")
        engine, schedule = self._engine, self._schedule
        assert engine is not None
        assert schedule is not None
        admin = Admin(self.config)

        def log_ends() -> dict[int, int]:
            return {n: end for n, (_, end) in admin.log_ranges(self.config.kafka.events_topic).items()}

        drained = drain(
            self.config.judge.drain_timeout_seconds,
            log_ends=log_ends,
            position=lambda: position_of(engine),
            write_end=lambda: write_end(self.config),
            expected=lambda: expected_counts(self.config, schedule),
            missing=self._live.missing,
            abort=self._watch,
        )
        run.write_json("drain.json", drained.as_dict())
        if not drained.completed_ns:
            self.view.note(f"{len(drained.missing)} expected rows have not come in time")

    def _verify(self, run: RunDirectory) -> None:
        self.timeline.enter("verify")
        assert self._host is not None
        self._host.stop()
        record_results(self.config, run.result_samples)
        run.write_json("events_topic.json", check_events(self.config, run))
        if self.config.kafka.dump_topics != "none":
            dump_topics(self.config, run.file("dump"), self.config.kafka.dump_topics)
        if not self.config.kafka.embedded:
            self._external_clock(run, "after")

    def _external_clock(self, run: RunDirectory, when: str) -> None:
        known = run.read_json_if_present("external_clock.json") or {}
        known[when] = measure_clock_offset(self.config).as_dict()
        run.write_json("external_clock.json", known)

    # --- watching -----------------------------------------------------------------------------------------------------

    def _check_deadline(self) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            msg = f"the run took longer than --run-timeout ({self.config.run.run_timeout_seconds:g} s)"
            raise RunTimeout(
                msg, remedy=f"it was in phase {self.timeline.current}; look at the logs in the run directory"
            )

    def _check(self) -> None:
        """Raise when a service has died, the run's time is over or the disk is nearly full."""
        self._check_deadline()
        if self._broker is not None:
            self._broker.check()
        for service in (self._engine, self._producers):
            if service is not None:
                service.check()
        if self._host is not None and self._host.free_disk_bytes < LEAST_FREE_BYTES:
            msg = (
                f"less than {LEAST_FREE_BYTES / 1e9:.0f} GB of disk are free; the run was ended before the broker fails"
            )
            raise EnvironmentProblem(msg, remedy="free some space, or name another --runs-dir")

    def _watch(self) -> None:
        self._check()
        self.view.update(self._snapshot())

    def _snapshot(self) -> Snapshot:
        producing = (self._producers.latest("progress") if self._producers else None) or {}
        engine = (self._engine.latest("progress") if self._engine else None) or {}
        schedule = self._schedule
        left = None
        if schedule is not None:
            left = max(0.0, (schedule.load_end_ns - time.time_ns()) / NS_PER_S)
        unread = None
        if self._engine is not None and producing:
            unread = max(0, int(producing["acknowledged"]) - sum(position_of(self._engine).values()))
        return Snapshot(
            phase=self.timeline.current,
            seconds_left=left,
            target_rate=float(self.config.load.total_rate),
            achieved_rate=producing.get("rate"),
            sent=producing.get("sent", 0),
            failed=producing.get("failed", 0),
            lateness_p99_ms=producing.get("lateness_p99_ms"),
            batch_ms=engine.get("batch_ms"),
            unread=unread,
            results=self._live.figures(),
        )


class RunTimeout(HarnessError):
    """The run took longer than the user allowed."""

    exit_code = EnvironmentProblem.exit_code


def status_of(phase: str, *, status: str, exit_code: int, error: str | None = None) -> dict[str, Any]:
    """Return the content of ``status.json``."""
    return {"status": status, "phase": phase, "exit_code": exit_code, "error": error}
