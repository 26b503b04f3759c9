"""Class-data-sharing archives: bound by their names to what they were made with, made once, replaced when outdated."""

import os

import pytest

from windowbench.broker.archive import make_once, settled
from windowbench.errors import EngineFailed
from windowbench.toolchain.class_archive import archive_path, outdated


@pytest.fixture
def jars(tmp_path):
    paths = [tmp_path / "spark-4.jar", tmp_path / "hadoop-3.jar"]
    for path in paths:
        path.write_bytes(b"classes")
    return paths


def test_another_program_java_or_set_of_jars_has_another_archive(tmp_path, jars):
    paths = [
        archive_path("spark", "/java 17", jars, tmp_path),
        archive_path("broker", "/java 17", jars, tmp_path),
        archive_path("spark", "/java 21", jars, tmp_path),
        archive_path("spark", "/java 17", jars[:1], tmp_path),
        archive_path("spark", "/java 17", [*jars, tmp_path / "not-there.jar"], tmp_path),
    ]
    assert len(set(paths)) == len(paths)
    assert not any(outdated(path) for path in paths)


def test_the_order_in_which_a_directory_lists_its_jars_does_not_matter(tmp_path, jars):
    assert archive_path("spark", "17", jars, tmp_path) == archive_path("spark", "17", jars[::-1], tmp_path)


@pytest.mark.parametrize("change", ["size", "time"])
def test_a_jar_installed_anew_has_another_archive_and_that_of_before_is_outdated(tmp_path, jars, change):
    before = archive_path("spark", "/java 17", jars, tmp_path)
    before.touch()
    found = jars[0].stat()
    if change == "size":
        jars[0].write_bytes(b"more classes")
    os.utime(jars[0], ns=(found.st_atime_ns, found.st_mtime_ns + (change == "time")))
    after = archive_path("spark", "/java 17", jars, tmp_path)
    assert after != before
    assert outdated(after) == [before]


def test_an_archive_is_made_once_and_those_of_earlier_jars_go(tmp_path, jars):
    other_java = archive_path("spark", "/java 21", jars, tmp_path)
    before = archive_path("spark", "/java 17", jars, tmp_path)
    for path in (before, other_java):
        path.touch()
    jars[0].write_bytes(b"more classes")
    archive, calls = archive_path("spark", "/java 17", jars, tmp_path), []

    def make(scratch, fresh):
        assert scratch.is_dir()
        calls.append(fresh)
        fresh.write_bytes(b"kept")

    assert make_once(archive, make)
    assert make_once(archive, make)
    assert len(calls) == 1
    assert archive.read_bytes() == b"kept"
    assert (before.exists(), other_java.exists()) == (False, True)


def test_a_failure_is_remembered_until_the_jars_change(tmp_path, jars):
    def fail(_scratch, fresh):
        fresh.write_bytes(b"half")
        raise EngineFailed("no")

    archive = archive_path("spark", "/java 17", jars, tmp_path)
    assert not make_once(archive, fail)
    assert settled(archive)
    assert not list(tmp_path.glob("*.jsa*"))
    jars[0].write_bytes(b"more classes")
    assert not settled(archive_path("spark", "/java 17", jars, tmp_path))
