"""Every command and every program explains itself."""

from __future__ import annotations

import importlib

import pytest

from windowbench.__main__ import COMMANDS

PROGRAMS = (
    "clear_topics",
    "consumer",
    "latency_calculator",
    "master_code_flink",
    "master_code_spark",
    "producer",
    "topic_creation",
    "visible_time",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_is_printed_whole(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        COMMANDS[command].body()(["--help"])
    assert ended.value.code == 0
    assert "--help" in capsys.readouterr().out


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_of_a_program_is_printed_whole(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    main = importlib.import_module(program).main
    try:
        code = main(["--help"])
    except SystemExit as ended:
        code = ended.code
    assert code == 0
    assert "--help" in capsys.readouterr().out
