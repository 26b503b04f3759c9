"""What a user sees when something goes wrong: one message, the remedy, the exit code, never a traceback."""

import os
import re
import signal
import time
import weakref
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.patience import PATIENCE
from windowbench import errors
from windowbench.errors import (
    FAULTS,
    BrokerFailed,
    EngineFailed,
    EnvironmentProblem,
    ExitCode,
    HarnessError,
    ProducersFailed,
    Terminated,
    heed_signal,
    raise_on_signals,
    run_program,
    signal_decides,
)
from windowbench.settings.knobs import ENV_PREFIX, ConfigError
from windowbench.settings.printing import printable_lines

WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _handlers_as_before(monkeypatch):
    monkeypatch.setattr(errors, "_received", [])
    monkeypatch.setattr(errors, "_kills", [])
    before = {number: signal.getsignal(number) for number in WATCHED}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _tracebacks_here(monkeypatch, tmp_path):
    monkeypatch.setenv(FAULTS, str(tmp_path))


def body_that_raises(error: BaseException):
    def body(_argv: list[str] | None) -> int:
        raise error

    return body


# --- exit codes -------------------------------------------------------------------------------------------------------


def test_exit_codes_are_those_of_the_documentation():
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "USAGE": 2,
        "ENVIRONMENT": 3,
        "ENGINE_FAILED": 10,
        "BROKER_FAILED": 11,
        "PRODUCERS_FAILED": 12,
        "RUN_INVALID": 20,
        "VERDICT_UNKNOWN": 21,
        "UNSUSTAINABLE": 22,
        "THRESHOLD_MISSED": 99,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ConfigError("unknown key 'x'"), 2, "error: unknown key 'x'\n"),
        (EnvironmentProblem("no Java"), 3, "error: no Java\n"),
        (EngineFailed("engine ended"), 10, "error: engine ended\n"),
        (BrokerFailed("broker ended"), 11, "error: broker ended\n"),
        (ProducersFailed("producer 1 ended"), 12, "error: producer 1 ended\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (Terminated(), 143, "terminated\n"),
    ],
)
def test_each_failure_is_one_message_on_standard_error_and_its_exit_code(error, code, text, capsys):
    assert run_program(body_that_raises(error), []) == code
    captured = capsys.readouterr()
    assert captured.err == text
    assert captured.out == ""


def test_the_exit_code_of_a_body_that_succeeds_is_its_own(capsys):
    assert run_program(lambda argv: len(argv or []), ["a", "b"]) == 2
    assert capsys.readouterr().err == ""


def test_an_error_of_the_program_itself_is_one_message_that_names_a_file_with_the_traceback(capsys, tmp_path):
    assert run_program(body_that_raises(ZeroDivisionError("by nothing")), []) == 21
    said = capsys.readouterr().err
    assert "ZeroDivisionError: by nothing" in said
    assert "Traceback" not in said
    kept = Path(re.search(r"of windowbench; (\S+) says", said)[1])
    assert "ZeroDivisionError" in kept.read_text()
    assert kept.parent == tmp_path


def test_where_the_directory_for_tracebacks_is_not_there_the_systems_own_takes_them(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv(FAULTS, str(tmp_path / "nowhere"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run_program(body_that_raises(ZeroDivisionError()), []) == 21
    assert len(list(tmp_path.glob("windowbench-*.traceback"))) == 1


def test_the_directory_for_tracebacks_is_not_taken_for_a_setting():
    assert not FAULTS.startswith(ENV_PREFIX)


def test_a_reader_that_went_away_is_no_traceback(monkeypatch):
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as stdout:
        monkeypatch.setattr("sys.stdout", stdout)

        def body(_argv: list[str] | None) -> int:
            print("x", flush=True)
            return 0

        assert run_program(body, []) == ExitCode.ENVIRONMENT


def test_a_message_with_remedy_and_log_tail_shows_all_three():
    error = HarnessError("the engine ended", remedy="give it more memory", log_tail=("line 1", "line 2"))
    assert error.render() == (
        "error: the engine ended\n"
        "remedy: give it more memory\n"
        "last lines of its log:\n"
        "  | line 1\n"
        "  | line 2"
    )  # fmt: skip


# --- signals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "raised"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated), (signal.SIGHUP, Terminated)],
)
def test_each_signal_raises_once_and_repeats_of_any_of_them_do_not_disturb_the_clean_up(number, raised):
    raise_on_signals()
    with pytest.raises(raised):
        signal.raise_signal(number)
    for repeat in WATCHED:
        signal.raise_signal(repeat)


def test_a_second_interrupt_kills_what_was_started_and_ends_the_program(monkeypatch):
    happened = []
    monkeypatch.setattr("os._exit", lambda code: happened.append(int(code)))
    errors.kill_on_second_interrupt(lambda: happened.append("killed"))
    raise_on_signals()
    with pytest.raises(Terminated):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    assert happened == []
    signal.raise_signal(signal.SIGINT)
    assert happened == ["killed", 130]


def test_an_interrupt_that_python_drops_in_a_callback_comes_again(capsys):
    class Thing:
        pass

    def body(_argv: list[str] | None) -> int:
        thing = Thing()
        watched = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
        del thing
        time.sleep(PATIENCE)
        return int(watched() is None)

    assert run_program(body, []) == ExitCode.INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


def test_what_is_started_during_the_clean_up_does_not_inherit_ignored_signals():
    raise_on_signals()
    with pytest.raises(Terminated):
        signal.raise_signal(signal.SIGTERM)
    assert all(signal.getsignal(number) is not signal.SIG_IGN for number in WATCHED)


def test_termination_passes_through_except_exception():
    assert not issubclass(Terminated, Exception)


def test_a_hang_up_that_nohup_ignores_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    raise_on_signals()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_an_interrupt_that_a_shell_script_ignores_for_its_background_jobs_is_heard_again():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise_on_signals()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_a_program_that_is_stopped_cleans_up_and_exits_with_the_signal_s_code(number, code, capsys):
    cleaned = []

    def body(_argv: list[str] | None) -> int:
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)
            cleaned.append("everything")
        return 0

    assert run_program(body, []) == code
    assert cleaned == ["everything"]
    assert capsys.readouterr().err in {"interrupted\n", "terminated\n"}


@pytest.mark.parametrize("error", [None, ConfigError("wrong"), ZeroDivisionError()])
def test_a_program_that_is_over_gives_the_handlers_back_that_it_found(error):
    found = {number: signal.getsignal(number) for number in WATCHED}

    def body(_argv: list[str] | None) -> int:
        assert all(signal.getsignal(number) is not found[number] for number in WATCHED)
        if error is not None:
            raise error
        return 0

    run_program(body, [])
    assert {number: signal.getsignal(number) for number in WATCHED} == found


def test_repeats_of_a_signal_do_nothing_when_the_program_is_over_either():
    def body(_argv: list[str] | None) -> int:
        signal.raise_signal(signal.SIGTERM)
        return 0

    assert run_program(body, []) == ExitCode.TERMINATED
    for repeat in WATCHED:
        signal.raise_signal(repeat)


def test_every_failure_has_an_exit_code_of_its_own_but_the_general_one():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HarnessError)]
    codes = [kind.exit_code for kind in kinds if kind not in {HarnessError, EnvironmentProblem}]
    assert len(codes) == len(set(codes)) > 2


# --- a signal that gets lost, or meets others first -------------------------------------------------------------------


class Finalized:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)


@pytest.fixture
def told(monkeypatch):
    """Give the kinds of exceptions that Python tells of because nobody can catch them."""
    kinds = []
    monkeypatch.setattr("sys.unraisablehook", lambda lost: kinds.append(lost.exc_type))
    return kinds


def test_an_interrupt_while_an_object_is_finalized_is_not_told_and_is_raised_at_the_next_look(told):
    raise_on_signals()
    with signal_decides():
        Finalized()
        with pytest.raises(KeyboardInterrupt):
            heed_signal()
    assert told == []


def test_any_other_failure_of_a_finalizer_is_told_as_ever(told):
    class Faulty:
        def __del__(self):
            raise ZeroDivisionError

    with signal_decides():
        Faulty()
    Faulty()
    assert told == [ZeroDivisionError, ZeroDivisionError]


def test_no_signal_no_exception():
    raise_on_signals()
    heed_signal()
    with pytest.raises(EngineFailed), signal_decides():
        raise EngineFailed("by itself")


@pytest.mark.parametrize(
    "error",
    [
        HarnessError("it said \x1b[2J\r\x07", remedy="see \x1b]0;x\x07", log_tail=("a\x1b[31m\tb", "c\nremedy: rm")),
        ConfigError("seed must be \x1b[2J"),
        OSError(2, "No such file", "a\x1b[2J"),
        RuntimeError("\u202eevil\x9b"),
    ],
)
def test_nothing_that_a_failure_says_moves_the_cursor(error, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv(FAULTS, str(tmp_path))
    run_program(body_that_raises(error), [])
    said = capsys.readouterr().err
    assert all(character == "\n" or character.isprintable() for character in said), said
    assert "remedy: rm" not in said.splitlines()


@given(st.text())
def test_a_text_that_can_be_seen_stays_as_it_is_line_by_line(text):
    shown = printable_lines(text)
    assert shown.count("\n") == text.count("\n")
    assert all(character == "\n" or character.isprintable() for character in shown)
    assert printable_lines(shown) == shown
    assert shown == text or not all(character == "\n" or character.isprintable() for character in text)
