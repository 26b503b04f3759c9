"""The locked requirements: every package pinned with its hashes, and one version of each in the one environment."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
LOCKS = ["build", "run", "java", "test", "flink"]


def locked(name: str) -> dict[str, str]:
    """Return what a lock file says of each package: version, marker and hashes."""
    text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    without_comments = re.sub(r"^\s*#.*\n?", "", text, flags=re.MULTILINE)
    entries = re.split(r"\n(?=\S)", without_comments.replace("\\\n", " ").strip())
    return {entry.partition("==")[0]: " ".join(entry.split()) for entry in entries}


def wanted(name: str) -> set[str]:
    lines = (REQUIREMENTS / f"{name}.in").read_text(encoding="utf-8").splitlines()
    return {re.split(r"[=<>;[]", line)[0].strip() for line in lines if line and not line.startswith(("#", "-"))}


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_an_exact_version_and_hashes_and_nothing_else_is_said(name):
    for package, entry in locked(name).items():
        assert re.fullmatch(
            rf"{re.escape(package)}==[\w.]+( ; [^-]+?)?( --hash=sha256:[0-9a-f]{{64}})+", entry
        ), entry  # fmt: skip


@pytest.mark.parametrize("name", LOCKS)
def test_everything_asked_for_is_locked(name):
    assert wanted(name) <= locked(name).keys()


def test_what_tests_install_changes_nothing_that_a_run_uses():
    run, test = locked("run"), locked("test")
    assert {package: entry for package, entry in test.items() if package in run} == run


@pytest.mark.parametrize("other", ["build", "java"])
def test_the_other_locks_do_not_touch_what_a_run_uses(other):
    assert not locked(other).keys() & locked("run").keys()


def test_continuous_integration_calls_lint_types_and_the_test_suite():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    called = [line for line in script.splitlines() if line.startswith("make")]
    assert called == ["make lint", "make types", "make test", "make test-all"]


def test_every_target_of_the_makefile_that_a_user_may_call_is_explained_by_make_help():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony
    explained = set(re.findall(r"^([a-z-]+):[^#\n]*## \S", makefile, re.MULTILINE))
    assert set(phony[1].split()) - explained == {"interpreter"}


def test_a_pytest_marker_or_path_that_does_not_exist_is_an_error():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    assert {"--strict-markers", "--strict-config"} <= set(options["addopts"])
    assert options["filterwarnings"][0] == "error"
