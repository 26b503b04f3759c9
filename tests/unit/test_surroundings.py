"""What a program that we start is given of our environment."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import Config, ConfigError
from windowbench.errors import FAULTS
from windowbench.orchestrate.start import Launcher
from windowbench.orchestrate.watch import Services
from windowbench.processes.process_table import TAG
from windowbench.processes.runlock import RunLock
from windowbench.processes.surroundings import surroundings
from windowbench.runs.store import RunDirectory
from windowbench.settings.knobs import ENV_PREFIX

NEEDED = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "JAVA_HOME", "PYTHONPATH", "PYTHONUNBUFFERED",
    "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "HTTPS_PROXY", "no_proxy", "XDG_CACHE_HOME",
    "JAVA_TOOL_OPTIONS", FAULTS, TAG,
)  # fmt: skip
OURS_ALONE = (
    "PGPASSWORD", "PGPASSFILE", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "GOOGLE_APPLICATION_CREDENTIALS",
    "AZURE_CLIENT_SECRET", "GITHUB_TOKEN", "SSH_AUTH_SOCK", "SPARK_HOME", "FLINK_HOME", "WINDOWBENCH_SEED", "CLASSPATH",
    "xPATH", "PATH_", "aws_proxy",
)  # fmt: skip


def test_a_program_gets_what_it_needs_and_nothing_else():
    assert surroundings(dict.fromkeys((*NEEDED, *OURS_ALONE), "x")) == dict.fromkeys(NEEDED, "x")


@given(st.dictionaries(st.text(), st.text()), st.sets(st.text()))
def test_nothing_comes_in_that_was_not_there_and_what_is_named_is_kept(environ, named):
    given_ = surroundings(environ, keep=named)
    assert given_.items() <= environ.items()
    assert named & environ.keys() <= given_.keys()


@pytest.fixture
def launcher(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in OURS_ALONE:
        monkeypatch.setenv(name, "x")
    run = RunDirectory.create(tmp_path / "r1")
    with RunLock(run.path) as lock:
        yield Launcher(stack=ExitStack(), lock=lock, run=run, installation=None, services=Services())


def test_the_password_of_the_database_is_given_to_the_result_consumer_alone(launcher):
    config = Config().replace(keep_environment="GITHUB_TOKEN,, AWS_ACCESS_KEY_ID ")
    engine, consumer = launcher.environment(config), launcher.environment(config, libpq=True)
    assert set(OURS_ALONE) & engine.keys() == {"GITHUB_TOKEN", "AWS_ACCESS_KEY_ID"}
    assert consumer.keys() - engine.keys() == {"PGPASSWORD", "PGPASSFILE"}


@pytest.mark.parametrize("named", ["PGPASSWORD", "A,PGPASSFILE", f"{ENV_PREFIX}SEED", "A=b", "a b", "1A", "*"])
def test_neither_passwords_nor_settings_nor_what_is_no_name_can_be_kept(named):
    with pytest.raises(ConfigError, match="keep_environment"):
        Config().replace(keep_environment=named)
