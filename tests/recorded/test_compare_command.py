"""``python -m windowbench compare``: arguments, files, exit codes, and runs with hostile names."""

import itertools
import json

import pytest

from tests.recorded.document import Document
from tests.unit.finished_run import ENVIRONMENT, finished_run
from windowbench.compare.command import body
from windowbench.errors import ExitCode, run_program

HOSTILE = "evil|`x`\x1b[31m\n| @all <script>"


@pytest.fixture
def runs(tmp_path):
    return [
        *(finished_run(tmp_path, f"old-{k}", draw=k) for k in (1, 2, 3)),
        *(finished_run(tmp_path, f"new-{k}", draw=k + 9, engine="reference", typical_ms=130.0) for k in (1, 2, 3)),
    ]


def compare(capsys, *arguments):
    """Return exit code, standard output and standard error of the command."""
    code = run_program(body, [str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_text_says_what_is_slower_and_by_how_much(capsys, runs):
    code, out, err = compare(capsys, *runs)
    assert (code, err) == (ExitCode.OK, "")
    assert "reference against spark: slower, +" in out
    assert "Intervals hold between runs" in " ".join(out.split())
    assert "descriptive" in out


def test_a_missed_threshold_is_exit_code_99_and_an_inconclusive_one_is_said_and_no_failure(capsys, runs):
    code, out, _ = compare(capsys, *runs, "--fail-on", "excess_p90_ms>+5%")
    assert code == ExitCode.THRESHOLD_MISSED
    assert "missed" in out
    code, out, _ = compare(capsys, *runs, "--fail-on", "excess_p90_ms>+29%")
    assert code == ExitCode.OK
    assert "inconclusive" in out


def test_markdown_and_json_go_to_files_or_to_standard_output(capsys, runs, tmp_path):
    report, content = tmp_path / "out" / "c.md", tmp_path / "c.json"
    _, out, _ = compare(capsys, *runs, "--markdown", report, "--json", content)
    assert "reference against spark" in out
    assert report.read_text().startswith("### comparison")
    assert json.loads(content.read_text())["kind"] == "comparison"
    assert compare(capsys, *runs, "--markdown", "-")[1].strip() == report.read_text().strip()
    assert json.loads(compare(capsys, *runs, "--json", "-")[1]) == json.loads(content.read_text())


def test_the_page_goes_to_a_file_beside_the_text(capsys, runs, tmp_path):
    page = tmp_path / "out" / "c.html"
    _, out, _ = compare(capsys, *runs, "--html", page)
    assert "reference against spark" in out
    assert {"ranking", "differences", "latency", "runs"} <= set(Document(page.read_text(encoding="utf-8")).sections)


def test_base_and_other_runs_may_stand_in_any_order(capsys, runs):
    old, new = runs[:3], runs[3:]
    arguments = [new[0], "--base", old[0], new[1], "--base", old[1], "--base", old[2], new[2]]
    code, out, _ = compare(capsys, *arguments)
    assert code == ExitCode.OK
    assert "reference against spark" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "at least two runs"),
        (["RUN"], "at least two runs"),
        (["RUN", "RUN"], "named twice"),
        (["RUN", "OTHER", "--fail-on", "excess>5"], "such as excess_p90_ms>+5%"),
        (["RUN", "OTHER", "--fail-on", "typo_p90_ms>+5%"], "have no typo_ms"),
        (["RUN", "OTHER", "--markdown", "-", "--json", "-"], "cannot be printed together"),
        (["RUN", "OTHER", "--markdwn", "-"], "did you mean --markdown?"),
    ],
)
def test_wrong_usage_is_one_message_and_exit_code_2(capsys, runs, arguments, words):
    places = {"RUN": runs[0], "OTHER": runs[3]}
    code, out, err = compare(capsys, *(places.get(argument, argument) for argument in arguments))
    assert (code, out) == (ExitCode.USAGE, "")
    assert words in err
    assert err.startswith("error: ")


def test_a_run_that_is_not_there_and_a_file_that_cannot_be_written_are_exit_code_3(capsys, runs, tmp_path):
    code, _, err = compare(capsys, runs[0], tmp_path / "none")
    assert (code, "there is no run directory" in err) == (ExitCode.ENVIRONMENT, True)
    (tmp_path / "file").write_text("")
    code, _, err = compare(capsys, *runs, "--json", tmp_path / "file" / "c.json")
    assert (code, "cannot write" in err) == (ExitCode.ENVIRONMENT, True)


def test_a_damaged_run_is_named_and_the_others_are_compared(capsys, runs, tmp_path):
    (tmp_path / "old-2" / "samples" / "rows.parquet").write_bytes(b"no parquet")
    code, out, _ = compare(capsys, *runs)
    assert code == ExitCode.ENVIRONMENT
    assert "old-2: run old-2: samples/rows.parquet is damaged" in " ".join(out.split())
    assert "reference against spark: slower" in out


def test_different_environments_are_refused_unless_allowed(capsys, runs, tmp_path):
    other = finished_run(tmp_path, "other", engine="flink", environment={"kernel": "7.0"})
    code, _, err = compare(capsys, *runs, other)
    assert (code, "kernel" in err) == (ExitCode.ENVIRONMENT, True)
    code, out, _ = compare(capsys, *runs, other, "--allow-different-environment")
    assert code == ExitCode.OK
    assert "kernel 6.1 old-1" in " ".join(out.split())


def test_runs_of_equal_names_in_different_places_are_told_apart(capsys, tmp_path):
    a, b = finished_run(tmp_path / "a", "run"), finished_run(tmp_path / "b", "run", draw=5)
    content = json.loads(compare(capsys, a, b, "--json", "-")[1])
    assert [run["run_id"] for run in content["runs"]] == [a, b]
    assert [arm["label"] for arm in content["arms"]] == [a, b]


@pytest.mark.parametrize("how", [(), ("--markdown", "-")])
def test_hostile_names_and_messages_neither_reach_the_terminal_nor_break_a_table(capsys, runs, tmp_path, how):
    word = {"status": "failed", "phase": HOSTILE, "exit_code": 10, "error": HOSTILE}
    (tmp_path / "old-1").rename(tmp_path / HOSTILE)
    failed = finished_run(tmp_path, "failed", status=word, engine="command", engine_command=f"run '{HOSTILE}'")
    reported = finished_run(tmp_path, "reported", engine="flink", effective={"parallelism.default": HOSTILE})
    code, out, _ = compare(capsys, *runs[1:], tmp_path / HOSTILE, failed, reported, *how)
    assert code == ExitCode.ENGINE_FAILED
    assert all(char == "\n" or char.isprintable() for char in out)
    assert "evil" in out
    for whole, rows in itertools.groupby(out.splitlines(), key=lambda line: line.startswith("|")):
        assert not whole or len({row.count("|") for row in rows}) == 1
    assert not any(line.startswith("| @all") for line in out.splitlines())


SECRET = "hunter2-hunter2"


@pytest.mark.parametrize("how", [(), ("--markdown", "-"), ("--json", "-"), ("--html", "page.html")])
def test_no_secret_of_a_setting_an_environment_or_a_message_is_shown_in_whatever_form(
    capsys, tmp_path, monkeypatch, how
):
    monkeypatch.chdir(tmp_path)
    name = "spark.hadoop.fs.s3a.secret.key"
    secret = {
        "spark_conf": (
            (name, SECRET),
            ("spark.executor.extraJavaOptions", f"-Djavax.net.ssl.keyStorePassword={SECRET}"),
        ),
        "effective": {name: SECRET, "sasl.jaas.config": SECRET},
        "environment": {**ENVIRONMENT, "java_options": {"_JAVA_OPTIONS": [f"-Xpassword={SECRET}"]}},
    }
    ours = finished_run(tmp_path, "ours", engine="spark", **secret)
    theirs = finished_run(tmp_path, "theirs", engine="spark", spark_conf=((name, "another"),))
    failed = {"status": "failed", "phase": "ready", "exit_code": 10, "error": f"no such user: token={SECRET}"}
    third = finished_run(tmp_path, "failed", engine="command", engine_command=f"run --password {SECRET}", status=failed)
    for flags in (how, (*how, "--allow-different-environment")):
        _, out, err = compare(capsys, ours, theirs, third, *flags)
        written = [path.read_text(encoding="utf-8") for path in tmp_path.glob("page.html")]
        assert not any(SECRET in text for text in (out, err, *written))
    assert "******" in "".join((out, *written))
