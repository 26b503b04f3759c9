"""What every engine's folder says of it, and what is said of one that keeps no contract."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from config import Config
from tests.patience import PATIENCE
from windowbench.engines import ENGINES
from windowbench.engines.contract import (
    OK,
    PROBLEM,
    ROOT,
    Engine,
    Finding,
    Machine,
    Term,
    engine_named,
    engine_of,
    finding_of,
)
from windowbench.errors import EnvironmentProblem
from windowbench.processes.process import run_briefly
from windowbench.settings.engine import EngineSettings
from windowbench.toolchain.jars import kinds_of

COMMAND = {"command": {"engine_command": "my-engine --fast"}}
OURS = [name for name in ENGINES if name != "command"]


def config_of(engine, **settings):
    return Config().replace(engine=engine, **COMMAND.get(engine, {}), **settings)


def machine_of(config, tmp_path):
    return Machine(config=config, cache_dir=tmp_path, java=None, say=print)


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_keeps_the_contract(name):
    engine = engine_of(config_of(name))
    assert isinstance(engine, Engine)
    assert engine is engine_named(name)
    assert issubclass(ENGINES[name], EngineSettings)
    assert ENGINES[name].__dataclass_fields__["engine"].default == name


def test_names_and_older_names_of_engines_are_each_used_once():
    names = [*ENGINES, *(alias for settings in ENGINES.values() for alias in settings.ALIASES)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", OURS)
def test_every_engine_but_any_command_has_a_source_for_every_line_of_the_table(name):
    terms = engine_named(name).terms
    assert terms.keys() == set(Term)
    for term, source in terms.items():
        assert source.reported or source.configured or source.fixed, term


@pytest.mark.parametrize("name", OURS)
def test_an_engine_of_ours_is_started_by_a_program_in_the_root_or_in_its_folder(name):
    python, program = engine_named(name).command(config_of(name), "some-python")
    assert python == "some-python"
    assert Path(program).is_file()
    assert Path(program).parent in {ROOT, ROOT / "windowbench" / "engines" / name}


@pytest.mark.parametrize("name", OURS)
def test_a_program_of_an_engine_finds_our_modules_from_any_working_directory(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    done = run_briefly([*engine_named(name).command(config_of(name), sys.executable), "--help"], timeout=PATIENCE)
    assert done.code == 0, done.output


@pytest.mark.parametrize("name", ENGINES)
def test_the_jars_of_an_engine_have_a_lock_and_what_needs_jars_needs_java(name):
    engine = engine_named(name)
    assert set(engine.jars) <= set(kinds_of())
    assert engine.java or not engine.jars


@pytest.mark.parametrize(
    ("name", "settings"), [*((name, {}) for name in ENGINES), ("spark", {"spark_mode": "realtime"})]
)
def test_parts_of_a_preset_have_names_of_their_own_reasons_and_something_to_set(name, settings):
    config = config_of(name, **settings)
    parts = engine_named(name).parts(config)
    assert bool(parts) == (config.engine.chosen_preset is not None)
    assert len({part.name for part in parts}) == len(parts)
    assert all(part.name and part.reason and part.words for part in parts)


def test_a_command_that_is_not_there_is_refused_before_anything_starts(tmp_path):
    here, nowhere = config_of("command").replace(engine_command=sys.executable), config_of("command")
    assert engine_of(here).prepare(machine_of(here, tmp_path)) is None
    with pytest.raises(EnvironmentProblem, match="there is no program my-engine"):
        engine_of(nowhere).prepare(machine_of(nowhere, tmp_path))


def test_an_unknown_engine_is_named_with_those_there_are():
    with pytest.raises(KeyError, match=f"unknown engine 'storm'; there are {', '.join(ENGINES)}"):
        engine_named("storm")


@pytest.mark.parametrize("content", [{}, {"ENGINE": None}, {"ENGINE": Engine}], ids=["nothing", "None", "the class"])
def test_a_folder_that_keeps_no_contract_is_a_type_error_that_names_the_file(monkeypatch, content):
    module = ModuleType("windowbench.engines.storm.engine")
    vars(module).update(content)
    monkeypatch.setitem(ENGINES, "storm", EngineSettings)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(TypeError, match=r"windowbench/engines/storm/engine\.py has no Engine"):
        engine_named("storm")


def test_a_check_that_raises_is_a_problem_with_the_same_words_and_remedy(tmp_path):
    def check_storm(_machine):
        raise EnvironmentProblem("there is no storm", remedy="wait", log_tail=("calm", "calm"))

    def check_files(_machine):
        raise OSError("no such file")

    def check_weather(_machine):
        return Finding(check="weather", status=OK, detail="fine")

    machine = machine_of(Config(), tmp_path)
    assert finding_of(check_storm, machine) == Finding(
        check="storm", status=PROBLEM, detail="there is no storm | calm | calm", remedy="wait"
    )
    assert finding_of(check_files, machine).status == PROBLEM
    assert finding_of(check_weather, machine).detail == "fine"
