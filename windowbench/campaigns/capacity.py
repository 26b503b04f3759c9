"""The highest sustainable rate of an engine: run after run at the rates that the search asks for.

Which rate comes next is :mod:`windowbench.capacity.search`'s business; what a run says, that of the judge of every
run. Here runs are made. Broker and engine live as long as the search (:class:`ManyRuns`), because a JVM that has just
started is behind from its first second: at a rate near the limit it never catches up, and the search would find out how
fast an engine starts.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import Config, Loaded
from windowbench.campaigns.salts import tell_salts
from windowbench.capacity.content import exit_code_of, figures_of, probe_of
from windowbench.capacity.objective import Objective
from windowbench.capacity.outcome import Assessment, assess
from windowbench.capacity.search import TimeLeft, Try, next_step
from windowbench.errors import EngineFailed, HarnessError, ProducersFailed
from windowbench.kafka.admin import Admin, planned_topics
from windowbench.kafka.visibility import calibration_topic
from windowbench.orchestrate.benchmark import judged_run, leave_report
from windowbench.orchestrate.environment import describe_environment
from windowbench.orchestrate.leftovers import clean_up
from windowbench.orchestrate.lifetime import ManyRuns
from windowbench.orchestrate.live import Snapshot
from windowbench.orchestrate.prepare import check_judgeable
from windowbench.orchestrate.run import Run
from windowbench.orchestrate.salt import salt_of
from windowbench.orchestrate.view import View, open_view
from windowbench.processes.runlock import PROBES, RunLock
from windowbench.report.capacity_document import capacity_document, probe_line
from windowbench.report.markdown import markdown_text
from windowbench.report.terminal import plain, terminal_text
from windowbench.runs.files.capacity import Capacity, Found, Outcome, Plan, ProbeRecord, SearchStatus
from windowbench.runs.files.codec import as_json
from windowbench.runs.store import RunDirectory, first_unused
from windowbench.settings.masking import mask_value

_ORIGIN = "capacity search"
_OVERHEAD_SECONDS = 20.0
"""What a run takes beyond its load, until one was seen."""
_RECENT = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What is searched for.

    Attributes
    ----------
    objectives : tuple of Objective
        All must be met.
    time_limit_s : float
        For everything, the confirmation included.
    full_warmup_s, full_duration_s : float
        Warm-up and measured phase of a full run. A cold engine is given that warm-up before its first probe, too.
    """

    plan: Plan
    objectives: tuple[Objective, ...]
    time_limit_s: float
    full_warmup_s: float
    full_duration_s: float


class ProbeView(View):
    """Shows the numbers of a probe and none of its notes, for the search has its own; stays open for the next probe."""

    def __init__(self, view: View) -> None:
        """Show on `view`."""
        self._view = view

    def update(self, snapshot: Snapshot) -> None:
        """Show the latest numbers."""
        self._view.update(snapshot)


class CapacitySearch:
    """One search, from its first probe to its files; the rate of the settings is where it starts."""

    def __init__(self, loaded: Loaded, request: Request, view: View) -> None:
        """Take the settings; nothing is written or started yet."""
        self._base = loaded.config
        self._origins = loaded.origins
        self._request = request
        self._view = view
        self._name = ""
        self._records: list[ProbeRecord] = []
        self._began = time.monotonic()
        self._environment: Mapping[str, Any] = {}
        self._salt = salt_of(loaded)
        """Of all probes of a blind search: one engine sees them all, so that they keep it until it has ended."""

    def execute(self) -> tuple[Found, dict[str, Any], RunDirectory]:
        """Search; return what was found, the content of ``capacity.json`` and the directory that holds it.

        Raises
        ------
        HarnessError
            When a run could not be made for a reason that says nothing about its rate.
        """
        runs = Path(self._base.run.runs_dir)
        clean_up(runs, self._view.note)
        wanted = f"{time.strftime('%Y%m%d-%H%M%S')}-capacity-{self._base.engine.engine}"
        named = self._base.run.run_id
        directory = (
            first_unused(wanted, lambda name: RunDirectory.create(runs / name))
            if named is None
            else RunDirectory.create(runs / named)
        )
        self._name = directory.run_id
        with RunLock(directory.path) as lock:
            self._environment = describe_environment(directory.path, java=None, broker={})
            self._write(directory)
            try:
                found = self._search(directory, lock)
            except BaseException as error:
                self._write(directory, status="aborted", error=str(error) or type(error).__name__)
                raise
            return found, self._write(directory, found, status="completed"), directory

    def _search(self, directory: RunDirectory, lock: RunLock) -> Found:
        with ExitStack() as stack:
            stack.callback(self._tell_salt, directory)
            lifetime = ManyRuns(stack, lock)
            while isinstance(step := self._next(), Try):
                self._announce(step)
                self._records.append(self._attempt(step, directory, lifetime))
                content = self._write(directory)
                self._view.note(plain(probe_line(content, self._records[-1].number)))
        return step

    def _tell_salt(self, directory: RunDirectory) -> None:
        if self._salt is not None:
            tell_salts(
                [RunDirectory(config.parent) for config in directory.file(PROBES).glob("*/config.json")], self._salt
            )

    def _next(self) -> Try | Found:
        return next_step([probe_of(record) for record in self._records], self._request.plan, self._time_left())

    def _announce(self, step: Try) -> None:
        left = self._time_left().left_s / 60
        kind = "full run" if step.full else "probe"
        self._view.note(
            f"· {kind} {len(self._records) + 1}: {step.rate:,.0f} events/s ({step.why}), {left:.0f} min left at most"
        )

    # --- one probe ----------------------------------------------------------------------------------------------------

    def _attempt(self, step: Try, directory: RunDirectory, lifetime: ManyRuns) -> ProbeRecord:
        loaded = self._probe_settings(step, directory, cold=lifetime.needs_warming(self._base))
        began = time.monotonic()
        run = Run(loaded, ProbeView(self._view), lifetime, salt=self._salt)
        figures: dict[str, Any] = {}
        try:
            summary = judged_run(run).summary
            figures = figures_of(summary)
            assessment = assess(summary, self._request.objectives, cores=os.cpu_count() or 1)
        except (EngineFailed, ProducersFailed) as error:
            if not run.timeline.load_has_begun:
                raise
            behind = isinstance(error, ProducersFailed)
            outcome = Outcome.GENERATOR_SATURATED if behind else Outcome.UNSUSTAINABLE
            assessment = Assessment(outcome=outcome, why=str(error))
            lifetime.discard_engine()
        finally:
            self._remove_topics(run.config)
            run.release()
        if step.full and run.directory is not None and figures:
            leave_report(run.directory, self._view.note)  # of the others, `windowbench report` makes one when asked
        return ProbeRecord(
            number=len(self._records) + 1,
            rate=step.rate,
            full=step.full,
            why=step.why,
            outcome=assessment.outcome,
            words=assessment.why,
            throughput=assessment.throughput,
            seconds=round(time.monotonic() - began, 1),
            run=str(Path(PROBES) / str(loaded.config.run.run_id)),
            **figures,
        )

    def _probe_settings(self, step: Try, directory: RunDirectory, *, cold: bool) -> Loaded:
        """Return the settings of one probe; topics of its own keep it apart from the others on their broker."""
        run_id = f"{self._name}-{len(self._records) + 1:02d}"
        values, request = self._base.flat(), self._request
        changed: dict[str, object] = {
            "run_id": run_id,
            "runs_dir": str(directory.path / PROBES),
            "rate": step.rate,
            "events_per_producer": None,
            **{name: f"{values[name]}-{run_id}" for name in self._base.topic_settings},
        }
        if step.full or cold:
            changed["warmup_seconds"] = max(request.full_warmup_s, self._base.load.warmup_seconds)
        if step.full:
            changed["duration_seconds"] = max(request.full_duration_s, self._base.load.duration_seconds)
        origins = self._origins | dict.fromkeys(changed, _ORIGIN)
        return Loaded(config=self._base.replace(**changed), origins=origins, arguments=argparse.Namespace())

    def _remove_topics(self, config: Config) -> None:
        """Make room on the disk of our own broker; on somebody else's the topics of a run stay, as ever."""
        if not config.kafka.embedded or config.kafka.bootstrap_servers is None:
            return
        with suppress(HarnessError):  # a broker that is gone is told of by what met it first
            for topic in (*planned_topics(config), calibration_topic(config)):
                Admin(config).delete(topic.name)

    # --- time ---------------------------------------------------------------------------------------------------------

    def _time_left(self) -> TimeLeft:
        load, windows, request = self._base.load, self._base.windows, self._request
        tail_s = windows.window_size_sec + windows.watermark_delay_sec + load.cooldown_seconds
        probe_s = load.warmup_seconds + load.duration_seconds + tail_s
        full_s = max(request.full_warmup_s, load.warmup_seconds) + tail_s
        full_s += max(request.full_duration_s, load.duration_seconds)
        recent = [r.seconds - (full_s if r.full else probe_s) for r in self._records[-_RECENT:]]
        overhead_s = max(recent, default=_OVERHEAD_SECONDS)
        return TimeLeft(
            left_s=request.time_limit_s - (time.monotonic() - self._began),
            probe_s=probe_s + overhead_s,
            full_s=full_s + overhead_s,
        )

    # --- what is left of it -------------------------------------------------------------------------------------------

    def _write(
        self,
        directory: RunDirectory,
        found: Found | None = None,
        *,
        status: SearchStatus = "searching",
        error: str | None = None,
    ) -> dict[str, Any]:
        """Write ``capacity.json``, and the reports once the search has ended; return its content."""
        from windowbench.judge.figures import ranking_latency  # noqa: PLC0415 - loads SciPy, which no first run awaits
        from windowbench.report.page import html_page  # noqa: PLC0415 - likewise, Jinja

        capacity = Capacity(
            name=self._name,
            status=status,
            error=error,
            engine=self._base.engine.engine,
            headline=ranking_latency(self._base.output_mode, in_transactions=self._base.in_transactions),
            objectives=tuple(map(str, self._request.objectives)),
            plan=self._request.plan,
            time_limit_s=self._request.time_limit_s,
            seconds=round(time.monotonic() - self._began, 1),
            environment=dict(self._environment),
            config={name: mask_value(name, value) for name, value in self._base.flat().items()},
            origins=dict(self._origins),
            found=found,
            probes=tuple(self._records),
        )
        directory.write_json("capacity.json", capacity)
        content: dict[str, Any] = as_json(capacity)
        if found is not None:
            document = capacity_document(content)
            directory.write_text("capacity.md", markdown_text(document))
            directory.write_text("capacity.html", html_page(document))
        return content


def search_capacity(loaded: Loaded, request: Request) -> int:
    """Search, print what was found and return the exit code; raises ConfigError when no probe could be valid."""
    check_judgeable(loaded.config)
    view = open_view(quiet=loaded.config.run.quiet)
    try:
        found, content, directory = CapacitySearch(loaded, request, view).execute()
    finally:
        view.close()
    print(terminal_text(capacity_document(content, directory=str(directory.path))))
    return exit_code_of(found)
