"""Watching a run: what ends it, in which order, and what the view is told. Services are what they said last."""

import pytest

from config import Config
from windowbench.errors import BrokerFailed, EngineFailed, EnvironmentProblem
from windowbench.orchestrate.host import LEAST_FREE_BYTES, HostMonitor
from windowbench.orchestrate.live import LiveResults
from windowbench.orchestrate.timeline import Timeline
from windowbench.orchestrate.watch import Services, Watch
from windowbench.processes.messages import Message


class Service:
    def __init__(self, failure=None, progress=None):
        self.failure = failure
        self.progress = progress

    def check(self):
        if self.failure is not None:
            raise self.failure

    def latest(self, kind):
        return self.progress if kind == "progress" else None


class Shown:
    def __init__(self):
        self.snapshots = []

    def update(self, snapshot):
        self.snapshots.append(snapshot)


def watch_of(services, view=None, **settings):
    timeline = Timeline(lambda phase: None)
    timeline.enter("measure")
    return Watch(
        Config().replace(**settings), services, LiveResults("run", dict, delay_ms=0), timeline, view or Shown()
    )


def test_nothing_started_is_nothing_wrong():
    view = Shown()
    watch_of(Services(), view).look()
    (snapshot,) = view.snapshots
    assert (snapshot.phase, snapshot.unread, snapshot.seconds_left, snapshot.sent) == ("measure", None, None, 0)


def test_a_dead_broker_is_named_before_the_engine_that_failed_because_of_it():
    services = Services(broker=Service(BrokerFailed("gone")), engine=Service(EngineFailed("no broker")))
    with pytest.raises(BrokerFailed):
        watch_of(services).look()


@pytest.mark.parametrize("name", ["broker", "engine", "producers", "host"])
def test_each_service_is_checked_before_anything_is_shown(name):
    view = Shown()
    with pytest.raises(EngineFailed):
        watch_of(Services(**{name: Service(EngineFailed(name))}), view).look()
    assert view.snapshots == []


def test_what_the_engine_has_not_read_is_what_was_acknowledged_less_its_position():
    view = Shown()
    services = Services(
        producers=Service(progress=Message("progress", {"acknowledged": 500, "sent": 510, "failed": 1, "rate": 99.0})),
        engine=Service(progress=Message("progress", {"position": {"0": 200, "1": 180}, "batch_ms": 40})),
    )
    watch_of(services, view, rate=100.0, events_per_producer=None).look()
    (snapshot,) = view.snapshots
    assert (snapshot.unread, snapshot.sent, snapshot.failed, snapshot.batch_ms) == (120, 510, 1, 40)
    assert (snapshot.achieved_rate, snapshot.target_rate) == (99.0, 100.0)


@pytest.mark.parametrize(("free", "enough"), [(LEAST_FREE_BYTES, True), (LEAST_FREE_BYTES - 1, False)])
def test_a_run_ends_before_its_disk_is_full(tmp_path, free, enough):
    host = HostMonitor(tmp_path / "host.parquet", {})
    host.free_disk_bytes = free
    try:
        if enough:
            host.check()
        else:
            with pytest.raises(EnvironmentProblem, match="1 GB of disk"):
                host.check()
    finally:
        host.stop()


@pytest.mark.parametrize("lost", ["throttled", "disk"])
def test_a_run_whose_machine_is_not_watched_any_more_ends(tmp_path, monkeypatch, lost):
    def refuses(*_):
        raise OSError(lost)

    host = HostMonitor(tmp_path / "host.parquet", Services().pids())
    monkeypatch.setattr("windowbench.orchestrate.host._EVERY_SECONDS", 0.0)
    monkeypatch.setattr(
        *{
            "throttled": ("windowbench.orchestrate.host._throttled_seconds", refuses),
            "disk": ("windowbench.orchestrate.host.SampleWriter.append", lambda *_, **__: refuses()),
        }[lost]
    )
    host.start()
    host._thread.join()
    with pytest.raises(EnvironmentProblem, match=f"not watched any more: OSError: {lost}"):
        host.check()
    host.stop()
