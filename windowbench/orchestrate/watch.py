"""Watching a run: whether everything it started still works, and what its view shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from config import Config
from windowbench.broker.embedded import EmbeddedBroker
from windowbench.load.schedule import NS_PER_S, Schedule
from windowbench.orchestrate.host import HostMonitor
from windowbench.orchestrate.live import LiveResults, Snapshot
from windowbench.orchestrate.result_consumer import ResultConsumer
from windowbench.orchestrate.services import JsonLineService, page_of, position_of
from windowbench.orchestrate.timeline import Timeline
from windowbench.orchestrate.view import View


@dataclass(slots=True)
class Services:
    """What a run has started so far; None until then."""

    broker: EmbeddedBroker | None = None
    engine: JsonLineService | None = None
    producers: JsonLineService | None = None
    consumer: ResultConsumer | None = None
    observer: JsonLineService | None = None
    host: HostMonitor | None = None

    def check(self) -> None:
        """Raise when one of them can not go on, the broker first: when it is gone, the others fail because of it.

        The consumer of results takes no part: without it, the run is measured all the same.

        Raises
        ------
        HarnessError
            Of that service's own type.
        """
        for service in (self.broker, self.engine, self.producers, self.observer, self.host):
            if service is not None:
                service.check()

    def pids(self) -> dict[str, Callable[[], int | None]]:
        """Return for each service under its name how to ask for the pid it hangs below."""
        return {
            "producers": lambda: self.producers.pid if self.producers else None,
            "engine": lambda: self.engine.pid if self.engine else None,
            "broker": lambda: self.broker.child.pid if self.broker and self.broker.child else None,
            "consumer": lambda: self.consumer.pid if self.consumer else None,
            "observer": lambda: self.observer.pid if self.observer else None,
        }


class Watch:
    """Looks after the services of a run and shows how it goes."""

    def __init__(self, config: Config, services: Services, live: LiveResults, timeline: Timeline, view: View) -> None:
        self._services = services
        self._live = live
        self._timeline = timeline
        self._view = view
        self._target_rate = float(config.load.total_rate)
        self._tells_position = not config.real_time  # there only once a batch
        self._schedule: Schedule | None = None

    def follow(self, schedule: Schedule) -> None:
        """Show from now on how far the run is on its schedule."""
        self._schedule = schedule

    def look(self) -> None:
        """Check, and show the latest numbers; raises as :meth:`Services.check`."""
        self._services.check()
        if self._services.consumer is not None:
            self._services.consumer.watch()
        self._view.update(self._snapshot())

    def _snapshot(self) -> Snapshot:
        producers, engine, schedule = self._services.producers, self._services.engine, self._schedule
        producing = producers.latest("progress") if producers else None
        computing = engine.latest("progress") if engine else None
        left = None
        if schedule is not None:
            left = max(0.0, (schedule.load_end_ns - time.time_ns()) / NS_PER_S)
        unread = None
        if engine is not None and producing and self._tells_position:
            unread = max(0, (producing.count("acknowledged") or 0) - sum(position_of(engine).values()))
        return Snapshot(
            phase=self._timeline.current,
            seconds_left=left,
            target_rate=self._target_rate,
            achieved_rate=producing.number("rate") if producing else None,
            sent=(producing.count("sent") if producing else None) or 0,
            failed=(producing.count("failed") if producing else None) or 0,
            lateness_p99_ms=producing.number("lateness_p99_ms") if producing else None,
            batch_ms=computing.number("batch_ms") if computing else None,
            unread=unread,
            engine_page=page_of(engine) if engine else None,
            results=self._live.figures(),
        )
