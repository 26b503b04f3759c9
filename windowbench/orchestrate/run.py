"""One benchmark run, phase by phase: prepare, start, ready, warm-up, measure, cool-down, drain, stop, verify, report.

The rules this file keeps:

* everything that is started is on one ExitStack and comes down in reverse on every way out;
* ready means that a service answered, never that seconds passed;
* what is judged is read after the engine stopped;
* every way out leaves ``status.json`` and ``summary.json`` that say how it ended.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from config import Config, Loaded
from windowbench.broker.embedded import EmbeddedBroker
from windowbench.broker.storage import check_free_disk
from windowbench.engines.contract import engine_of
from windowbench.judge.truth.rows import RowModel
from windowbench.kafka.admin import Admin
from windowbench.kafka.clock import measure_clock_offset
from windowbench.load.numbering import input_partitions, result_partitions
from windowbench.load.salt import salted
from windowbench.load.schedule import NS_PER_MS, NS_PER_S, Schedule, plan
from windowbench.orchestrate.drain import SILENCE_SECONDS, EndWriter, drain
from windowbench.orchestrate.environment import describe_environment, jvm_flags
from windowbench.orchestrate.expected import expected_counts
from windowbench.orchestrate.installation import Installation, find_installation
from windowbench.orchestrate.leftovers import clean_up
from windowbench.orchestrate.lifetime import Lifetime
from windowbench.orchestrate.live import LiveResults
from windowbench.orchestrate.prepare import planned_bytes, run_directory, with_run_topics
from windowbench.orchestrate.recording import check_events, found_topics, prepared_topics, record_results
from windowbench.orchestrate.salt import salt_of, tell_salt, write_path
from windowbench.orchestrate.services import JsonLineService, position_of
from windowbench.orchestrate.start import Launcher
from windowbench.orchestrate.timeline import Timeline
from windowbench.orchestrate.view import View
from windowbench.orchestrate.watch import Services, Watch
from windowbench.orchestrate.watchdog import watched
from windowbench.processes.runlock import RunLock
from windowbench.runs.dump import dump_topics
from windowbench.runs.files.codec import from_json
from windowbench.runs.files.topics import TopicsFile
from windowbench.runs.store import RunDirectory

_TICK_SECONDS = 0.2
_PRODUCERS_READY_SECONDS = 60.0
_OBSERVER_READY_SECONDS = 30.0
_LAST_WORD_SECONDS = 3.0
"""An engine that gives up by itself when its time is over has these to say why."""
_FLUSH_SECONDS = 90.0


class Run:
    """One run from its settings to its recorded samples; `lifetime` says how long broker and engine live."""

    def __init__(
        self, loaded: Loaded, view: View, lifetime: Lifetime | None = None, *, salt: str | None = None
    ) -> None:
        """Take the settings; nothing is written or started yet.

        A blind run that is one of several is given its salt by those who tell it when all of them are over.
        """
        self.config: Config = loaded.config
        self.salt = salt or salt_of(loaded)
        self._tells_salt = salt is None
        self._origins = loaded.origins
        self.view = view
        self.timeline = Timeline(lambda phase: view.note(f"· {phase}"))
        self.directory: RunDirectory | None = None
        self._lifetime = lifetime or Lifetime()
        self._held = ExitStack()
        self._services = Services()
        self._ahead_ns = 0
        """How far the wall clock was ahead of the monotonic one, by which phases go, when the load was planned."""

    @cached_property
    def _live(self) -> LiveResults:
        return LiveResults(
            self.config.run.run_id or "",
            RowModel.of(self.config.engine.workload).live,
            delay_ms=self.config.windows.delay_ms,
            mode=self.config.output_mode,
        )

    @cached_property
    def _watch(self) -> Watch:
        return Watch(self.config, self._services, self._live, self.timeline, self.view)

    def release(self) -> None:
        """Give up the run's directory, which others may work in from now on."""
        self._held.close()

    def execute(self) -> RunDirectory:
        """Go through every phase up to verify and return the directory that holds what was recorded.

        It stays locked until :meth:`release`, so that nobody clears it away while it is judged.

        Raises
        ------
        HarnessError
            When a service fails or the machine lacks something; everything started is gone then.
        """
        self.timeline.enter("prepare")
        installation, run, lock = self._prepare()
        try:
            with watched(self.config, lambda: self.timeline.current), ExitStack() as stack:
                self.timeline.enter("start")
                launcher = Launcher(stack=stack, lock=lock, run=run, installation=installation, services=self._services)
                engine, producers = self._start(launcher)
                schedule = self._await_ready(launcher, engine, producers)
                end = EndWriter(self.config)
                self._send_load(schedule, producers)
                self._drain(run, schedule, engine, end)
                self.timeline.enter("stop")
                self._lifetime.end_query(engine, abort=self._services.check)
                if self._services.observer is not None:
                    self._services.observer.stop()
                self._verify(run)
        finally:
            run.write_json("timeline.json", self.timeline.as_dict())
            if self.salt is not None and self._tells_salt:
                tell_salt(run, self.salt)
        return run

    @property
    def _load_config(self) -> Config:
        """The settings that the load is made from; of a blind run no file has them before its engine has ended."""
        return salted(self.config, self.salt)

    def _prepare(self) -> tuple[Installation, RunDirectory, RunLock]:
        clean_up(Path(self.config.run.runs_dir), self.view.note)
        installation = find_installation(self.config, self.view.note)
        run = self.directory = run_directory(self.config)
        lock = self._held.enter_context(RunLock(run.path))
        config = self.config = with_run_topics(self.config.replace(run_id=run.run_id), self._origins)
        run.write_config(config)
        run.write_json("origins.json", dict(self._origins))
        if config.kafka.embedded:
            check_free_disk(run.path, planned_bytes(config))
        return installation, run, lock

    def _start(self, launcher: Launcher) -> tuple[JsonLineService, JsonLineService]:
        run = launcher.run
        launcher.host_monitor()
        if self.config.kafka.embedded:
            broker = self._lifetime.broker(launcher, self.config, self._end_broker)
            self.config = self.config.replace(bootstrap_servers=broker.bootstrap_servers, broker="embedded")
            run.write_config(self.config)
        else:
            self._external_clock(run, "before")
        launcher.topics(self.config, self._live)
        run.write_json("topics.json", prepared_topics(self.config))
        launcher.consumer(self.config, self.view.note)
        if self.config.observes_visible_time:
            launcher.observer(self.config)
        engine, producers = self._lifetime.engine(launcher, self.config), launcher.producers(self.config, self.salt)
        self._describe(launcher)
        return engine, producers

    def _describe(self, launcher: Launcher) -> None:
        """Write what the machine and its software are."""
        java, admin = launcher.installation.java, Admin(self.config)
        environment = describe_environment(
            launcher.run.path,
            java=f"{java.version} ({java.source})" if java else None,
            broker={
                "embedded": self.config.kafka.embedded,
                "brokers": admin.brokers(),
                "settings": admin.broker_settings(),
            },
            engine_python=launcher.installation.engine_python,
            jars=[*(["broker"] if self.config.kafka.embedded else []), *engine_of(self.config).jars],
        )
        launcher.run.write_json("environment.json", environment)

    def _end_broker(self, broker: EmbeddedBroker) -> None:
        """Stop the broker, or leave it when the user asked for that and the run came to its end."""
        if self.config.kafka.keep_broker and self.timeline.current == "verify" and broker.alive():
            self.view.note(broker.leave_running())
        else:
            broker.stop()

    def _await_ready(self, launcher: Launcher, engine: JsonLineService, producers: JsonLineService) -> Schedule:
        self.timeline.enter("ready")
        producers.await_message("ready", _PRODUCERS_READY_SECONDS, abort=self._services.check)
        if self._services.observer is not None:
            self._services.observer.await_message("ready", _OBSERVER_READY_SECONDS, abort=self._services.check)
        patience = self.config.engine.engine_ready_seconds + _LAST_WORD_SECONDS
        engine.await_message("ready", patience, abort=self._services.check)
        if self._services.consumer is not None:
            self._services.consumer.await_ready(abort=self._services.check)
        run = launcher.run
        jvms = jvm_flags({name: pid_of() for name, pid_of in self._services.pids().items()})
        run.write_json("environment.json", {**run.read_json("environment.json"), "jvm_flags": jvms})
        now_ns = time.time_ns()
        self._ahead_ns = now_ns - time.monotonic_ns()
        schedule = plan(self.config, now_ns)
        run.write_schedule(schedule)
        if self.salt is None:
            write_path(run, self.config, schedule)
        self._live.measure(schedule.base_time_ns // NS_PER_MS, schedule.measure_end_ns // NS_PER_MS)
        self._watch.follow(schedule)
        return schedule

    def _send_load(self, schedule: Schedule, producers: JsonLineService) -> None:
        for phase, end_ns in (
            ("warm-up", schedule.base_time_ns),
            ("measure", schedule.measure_end_ns),
            ("cool-down", schedule.load_end_ns),
        ):
            self.timeline.enter(phase)
            while (left := end_ns - self._ahead_ns - time.monotonic_ns()) > 0:
                self._watch.look()
                time.sleep(min(_TICK_SECONDS, left / NS_PER_S))
        producers.finish(_FLUSH_SECONDS, abort=self._watch.look)

    def _drain(self, run: RunDirectory, schedule: Schedule, engine: JsonLineService, end: EndWriter) -> None:
        self.timeline.enter("drain")
        admin = Admin(self.config)

        def log_ends() -> dict[int, int]:
            return {n: end for n, (_, end) in admin.numbered_ranges(input_partitions(self.config)).items()}

        drained = drain(
            self.config.judge.drain_timeout_seconds,
            log_ends=log_ends,
            position=lambda: position_of(engine),
            write_end=end.write,
            expected=lambda: expected_counts(self._load_config, schedule),
            missing=self._live.missing,
            abort=self._watch.look,
            arrived=lambda: self._live.rows,
            silence_seconds=SILENCE_SECONDS + 2 * self.config.engine.trigger_interval_s,
            results_tell=self.config.real_time,
        )
        run.write_json("drain.json", drained.as_dict())
        if not drained.completed_ns:
            self.view.note(f"{len(drained.missing)} expected rows have not come in time")

    def _verify(self, run: RunDirectory) -> None:
        self.timeline.enter("verify")
        assert self._services.host is not None
        self._services.host.stop()
        prepared = from_json(run.read_json("topics.json"), TopicsFile)
        run.write_json("topics.json", found_topics(self.config, prepared))
        record_results(self.config, run.result_samples)
        run.write_json("events_topic.json", check_events(self._load_config, run))
        if self.config.kafka.dump_topics != "none":
            dump_topics(self.config, run.file("dump"), self.config.kafka.dump_topics)
        if not self.config.kafka.embedded:
            self._external_clock(run, "after")
        if self._services.consumer is not None:
            ranges = Admin(self.config).numbered_ranges(result_partitions(self.config))
            self._services.consumer.finish({n: end for n, (_, end) in ranges.items()})

    def _external_clock(self, run: RunDirectory, when: str) -> None:
        known = run.read_json_if_present("external_clock.json") or {}
        known[when] = measure_clock_offset(self.config)
        run.write_json("external_clock.json", known)
