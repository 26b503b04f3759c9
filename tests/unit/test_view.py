"""What the views show of an engine's own web page, and which addresses they are given."""

import io
import json

import pytest
from rich.console import Console

from windowbench.errors import EngineFailed
from windowbench.orchestrate.live import ResultFigures, Snapshot
from windowbench.orchestrate.services import JsonLineService, ProgressLog, page_of
from windowbench.orchestrate.view import LiveView, PlainView, live_table, plain_line
from windowbench.settings.masking import hide_values

PAGE = "http://127.0.0.1:4040"


def shown(snapshot):
    console = Console(file=io.StringIO(), width=120)
    console.print(live_table(snapshot))
    return console.file.getvalue()


def test_the_address_of_the_engines_page_is_in_the_plain_line_and_in_the_live_table():
    snapshot = Snapshot(phase="measure", engine_page=PAGE)
    assert plain_line(snapshot).endswith(f"engine's page {PAGE}")
    assert PAGE in shown(snapshot)


@pytest.mark.parametrize(("mode", "words"), [("update", "freshness P50 1"), ("append", "after closing P50 1")])
def test_the_live_view_shows_what_a_run_of_its_mode_is_about(mode, words):
    figures = ResultFigures(windows=2, p50_ms=1, p90_ms=2, max_ms=3, mode=mode)
    assert words in plain_line(Snapshot(phase="measure", results=figures))


def test_without_a_page_nothing_is_said_of_one():
    snapshot = Snapshot(phase="measure")
    assert "page" not in plain_line(snapshot)
    assert "page" not in shown(snapshot)


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        (PAGE, True),
        (f"{PAGE}/", True),
        ("http://localhost:8081", True),
        ("http://[::1]:8081", True),
        ("http://192.168.0.7:8081", False),
        ("http://127.0.0.1:8081/\x1b[2J", False),
        ("http://127.0.0.1.example:80", False),
        (f"{PAGE}\n", False),
        (4040, False),
        (None, False),
    ],
)
def test_only_a_page_on_this_machine_is_shown(address, taken, tmp_path):
    engine = JsonLineService("engine", ["none"], log_path=tmp_path / "log", failure=EngineFailed, env={})
    assert page_of(engine) is None
    engine._line(json.dumps({"type": "ui", "address": address}))
    assert page_of(engine) == (address if taken else None)


def test_what_an_engine_says_is_stored_without_secrets(tmp_path):
    log = ProgressLog(tmp_path / "progress.jsonl")
    engine = JsonLineService(
        "engine", ["none"], log_path=tmp_path / "log", failure=EngineFailed, env={}, redact=hide_values(["hunter2"]),
        on_message=log,
    )  # fmt: skip
    engine._line(json.dumps({"type": "settings", "effective": {"a": "hunter2", "b.token": "xyz"}, "n": 3}))
    engine._line(json.dumps({"type": "error", "message": "refused: password=abc and hunter2"}))
    log.close()
    stored = (tmp_path / "progress.jsonl").read_text()
    assert not any(secret in stored for secret in ("hunter2", "xyz", "abc"))
    assert json.loads(stored.splitlines()[0])["n"] == 3
    assert engine.latest("error").text("message") == "refused: password=****** and ******"


@pytest.mark.parametrize("terminal", [False, True])
def test_no_note_moves_the_cursor(terminal):
    stream = io.StringIO()
    view = LiveView(stream) if terminal else PlainView(stream)
    view.note("the consumer said \x1b[2J\x07")
    view.close()
    assert "\x1b[2J" not in stream.getvalue()
    assert "\\x1b[2J\\x07" in stream.getvalue()
