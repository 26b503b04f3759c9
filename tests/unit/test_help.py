"""The help of a program: what is shown at first, of a group, of all, and for which engine and workload."""

import pytest

from config import SETTINGS, ConfigError, config_parser, load
from windowbench import __main__ as command_line
from windowbench.configuration.known import GROUPS, USUAL, Chosen, known_settings

LARGEST = 30
"""What a screen of help may hold: about two dozen flags."""


def shown(capsys, *arguments, engine=USUAL.engine):
    with pytest.raises(SystemExit) as ended:
        load(config_parser("prog", "What it does.", epilog="examples:\n  prog --seed 7", engine=engine), [*arguments])
    assert ended.value.code == 0
    return capsys.readouterr().out


def flags_in(text):
    return {name for name, setting in SETTINGS.items() if f"  {setting.flag}" in text or f", {setting.flag} " in text}


@pytest.mark.parametrize("asked", ["--help", "-h"])
def test_the_help_shows_the_flags_that_people_use_and_how_to_see_the_others(capsys, asked):
    text = shown(capsys, asked)
    everyday = {name for name, setting in known_settings(USUAL).items() if setting.everyday}
    assert flags_in(text) == everyday
    assert 15 < len(everyday) <= LARGEST
    assert "--config" in text
    assert "--help all, or --help GROUP" in text
    assert text.endswith("examples:\n  prog --seed 7\n")


@pytest.mark.parametrize("group", GROUPS)
def test_the_help_on_a_group_shows_all_of_it_and_nothing_else(capsys, group):
    known = known_settings(USUAL)
    assert flags_in(shown(capsys, "--help", group)) == {name for name, s in known.items() if s.group == group}


@pytest.mark.parametrize("engine", SETTINGS["engine"].choices)
@pytest.mark.parametrize("workload", SETTINGS["workload"].choices)
def test_the_help_on_all_shows_the_flags_of_the_engine_and_the_workload_in_use(capsys, engine, workload):
    text = shown(capsys, "--engine", engine, "--help", "all", f"--workload={workload}")
    assert flags_in(text) == known_settings(Chosen(workload=workload, engine=engine)).keys()
    assert "more flags" not in text


def test_a_program_of_an_engine_shows_the_flags_of_that_engine(capsys):
    assert "flink_delivery" in flags_in(shown(capsys, "--help", engine="flink"))
    assert "spark_mode" in flags_in(shown(capsys, "--help", "--engine", "spark", engine="flink"))


def test_the_defaults_shown_are_those_of_the_workload(capsys):
    names = ("window_size_sec", "idle_timeout_ms")
    for workload in SETTINGS["workload"].choices:
        known = known_settings(Chosen(workload=workload, engine="flink"))
        text = " ".join(shown(capsys, "--help", "all", "--engine=flink", "--workload", workload).split())
        for name in names:
            assert f"{' '.join(known[name].help.split())} [default: {known[name].default}]" in text


def test_help_comes_whatever_else_is_wrong_on_the_line(capsys):
    assert shown(capsys, "--seed", "--nonsense", "--help")


@pytest.mark.parametrize(("topic", "hint"), [("evnts", "did you mean events"), ("spark_mode", "there is on all, run")])
def test_an_unknown_topic_is_refused_and_the_known_ones_are_named(topic, hint):
    with pytest.raises(ConfigError, match=hint):
        load(config_parser("prog", ""), ["--help", topic])


@pytest.mark.parametrize("name", SETTINGS)
def test_no_help_text_is_longer_than_three_lines(name):
    assert len(SETTINGS[name].help) <= 150


def test_the_usage_shows_every_command_once_with_a_line_in_its_group():
    lines = command_line.usage().splitlines()
    assert [line.removesuffix(":") for line in lines if line.endswith(":")] == list(command_line.GROUPS)
    assert [line.split()[0] for line in lines if line.startswith("  ")] == list(command_line.COMMANDS)
    assert max(map(len, lines)) <= 80
