"""How long broker and engine live, with services that are only remembered."""

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config import Config
from windowbench.errors import EngineFailed
from windowbench.orchestrate.lifetime import Lifetime, ManyRuns
from windowbench.orchestrate.services import JsonLineService, position_of
from windowbench.orchestrate.watch import Services
from windowbench.runs.store import RunDirectory

SPARK, REFERENCE = Config(), Config().replace(engine="reference")


class FakeBroker:
    """A broker that answers."""

    def check(self):
        pass


@dataclass
class FakeEngine:
    """Says ``next`` and ``resting`` when it is awaited, unless it is `stuck`."""

    flags: tuple[str, ...]
    stuck: bool = False
    said: list[str] = field(default_factory=list)

    def await_message(self, kind, timeout, *, abort):
        abort()
        if self.stuck:
            raise EngineFailed("it does not answer")
        self.said.append(kind)

    def expect_next(self, on_message):
        self.said.append("expects next")

    def tell(self, kind, **fields):
        self.said.append(f"was told {kind}")

    def stop(self, timeout=0.0):
        self.said.append("stopped")


@dataclass(frozen=True)
class FakeLauncher:
    """Starts what is only remembered, on the stack that it was given."""

    stack: ExitStack
    run: RunDirectory
    services: Services
    started: list
    lock: object = None
    stuck: bool = False

    def broker(self, config, end):
        broker = FakeBroker()
        self.started.append(("broker", self.run.path.name))
        self.stack.callback(self.started.append, ("broker ended", self.run.path.name))
        self.services.broker = broker
        return broker

    def engine(self, config, *flags):
        engine = self.services.engine = FakeEngine(flags, stuck=self.stuck)
        self.started.append(("engine", self.run.path.name))
        return engine

    def progress_log(self):
        return lambda message: None

    def engine_directory(self, config):
        return self.run.path


@pytest.fixture
def launch(tmp_path):
    """Return a maker of launchers, each with a run directory of its own, and what they started."""
    started: list = []

    def launcher(name, *, stuck=False):
        run = RunDirectory(Path(tmp_path / name))
        run.path.mkdir()
        return FakeLauncher(ExitStack(), run, Services(), started, stuck=stuck)

    return launcher, started


def nothing():
    pass


def begin(lifetime, launcher, config):
    lifetime.broker(launcher, config, nothing)
    return lifetime.engine(launcher, config)


def test_for_one_run_the_engine_is_started_plainly_and_stopped(launch):
    launcher, _ = launch
    engine = begin(Lifetime(), launcher("a"), SPARK)
    Lifetime().end_query(engine, abort=nothing)
    assert (engine.flags, engine.said) == ((), ["stopped"])


def test_broker_and_engine_of_the_first_run_serve_the_second(launch):
    launcher, started = launch
    many = ManyRuns(ExitStack(), lock=None)
    first, second = launcher("a"), launcher("b")
    engine = begin(many, first, SPARK)
    many.end_query(engine, abort=nothing)
    assert begin(many, second, SPARK) is engine
    assert (second.run.path / "engine.json").exists()
    assert engine.flags == ("--succession",)
    assert engine.said == ["was told rest", "resting", "expects next", "was told next", "next"]
    assert second.services.engine is engine
    assert second.services.broker is first.services.broker
    assert started == [("broker", "a"), ("engine", "a")]


def test_what_is_shared_ends_with_the_stack_of_all_runs_and_not_with_that_of_the_first(launch):
    launcher, started = launch
    stack = ExitStack()
    first = launcher("a")
    begin(ManyRuns(stack, lock=None), first, SPARK)
    first.stack.close()
    assert ("broker ended", "a") not in started
    stack.close()
    assert ("broker ended", "a") in started


def test_an_engine_that_cannot_go_on_is_started_anew_on_the_broker_that_is_there(launch):
    launcher, started = launch
    many = ManyRuns(ExitStack(), lock=None)
    first = begin(many, launcher("a"), REFERENCE)
    many.end_query(first, abort=nothing)
    second = begin(many, launcher("b"), REFERENCE)
    assert (first.flags, first.said) == ((), ["stopped"])
    assert second is not first
    assert started == [("broker", "a"), ("engine", "a"), ("engine", "b")]


def test_an_engine_that_does_not_come_to_rest_is_stopped_and_the_next_run_gets_another(launch):
    launcher, _ = launch
    many = ManyRuns(ExitStack(), lock=None)
    stuck = begin(many, launcher("a", stuck=True), SPARK)
    many.end_query(stuck, abort=nothing)
    assert stuck.said == ["was told rest", "stopped"]
    assert many.needs_warming(SPARK)
    assert begin(many, launcher("b"), SPARK) is not stuck


class Hearing:
    """A command that hears and says nothing by itself."""

    def __init__(self):
        self.heard = []

    def tell(self, line):
        self.heard.append(json.loads(line))


def service_of(tmp_path, on_message):
    service = JsonLineService(
        "engine", ["x"], log_path=tmp_path / "log", failure=EngineFailed, env={}, on_message=on_message
    )
    service._child = Hearing()
    return service


@pytest.mark.parametrize("kind", ["next", "resting"])
def test_an_answer_that_nobody_asked_for_is_named_and_silences_nothing(tmp_path, kind):
    said = []
    service = service_of(tmp_path, said.append)
    service._line('{"type": "ready"}')
    service._line(json.dumps({"type": kind}))
    service._line('{"type": "progress", "position": {"0": 7}}')
    assert [dict(message.fields) for message in said] == [
        {"type": "ready"},
        {"type": "unasked", "said": kind},
        {"type": "progress", "position": {"0": 7}},
    ]
    assert service.latest(kind) is None


def test_an_order_is_answered_once(tmp_path):
    said = []
    service = service_of(tmp_path, said.append)
    service.tell("rest")
    assert service._child.heard == [{"type": "rest"}]
    service._line('{"type": "resting"}')
    service._line('{"type": "resting"}')
    assert [message.kind for message in said] == ["resting", "unasked"]


def test_what_an_engine_says_after_next_is_about_the_next_run(tmp_path):
    first, second = [], []
    service = service_of(tmp_path, first.append)
    service._line('{"type": "ready"}')
    service._line('{"type": "progress", "position": {"0": 7}}')
    service.tell("rest")
    service.expect_next(second.append)
    service._line('{"type": "resting"}')
    assert service.latest("ready")
    service.tell("next", config="engine.json")
    service._line('{"type": "next", "run_id": "b"}')
    assert service.latest("next")
    assert service.latest("ready") is service.latest("progress") is None
    assert position_of(service) == {}
    service._line('{"type": "ready"}')
    assert [message.kind for message in first] == ["ready", "progress", "resting"]
    assert [message.kind for message in second] == ["next", "ready"]


def test_only_a_fresh_engine_that_can_go_on_needs_warming(launch):
    launcher, _ = launch
    many = ManyRuns(ExitStack(), lock=None)
    assert many.needs_warming(SPARK)
    assert not many.needs_warming(REFERENCE)
    begin(many, launcher("a"), SPARK)
    assert not many.needs_warming(SPARK)
    many.discard_engine()
    assert many.needs_warming(SPARK)
