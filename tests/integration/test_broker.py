"""The embedded broker, real: it answers as ours, in its own directory, and is gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from tests.patience import PATIENCE
from windowbench.broker import embedded, storage
from windowbench.broker.embedded import EmbeddedBroker
from windowbench.errors import BrokerFailed, EnvironmentProblem
from windowbench.kafka.admin import cluster_id
from windowbench.processes.process_table import start_mark, tagged_processes
from windowbench.processes.waiting import wait_until
from windowbench.toolchain.jars import default_cache_dir, ensure_jars
from windowbench.toolchain.java import find_java

pytestmark = pytest.mark.all

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def made():
    """Give what every broker needs: Java and jars."""
    cache = default_cache_dir()
    return {"java": find_java(cache), "jars": ensure_jars("broker", cache), "cache_dir": cache}


@pytest.fixture
def make(made, tmp_path):
    """Make brokers that are certainly stopped after the test."""
    brokers = []

    def make_one(**options):
        number = len(brokers)
        settings = {
            "data_dir": tmp_path / f"data{number}",
            "log_path": tmp_path / "logs" / f"broker{number}.log",
            "cluster_id_of": cluster_id,
            "heap_mb": 256,
        }
        brokers.append(EmbeddedBroker(**made | settings | options))
        return brokers[-1]

    yield make_one
    for broker in brokers:
        broker.stop()


@contextlib.contextmanager
def taken_port():
    """Listen on a port, so that no broker can."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_it_answers_as_ours_keeps_records_and_is_gone_with_its_data(make, tmp_path):
    broker = make()
    with broker:
        address = broker.ready()
        assert cluster_id(address) == broker.cluster_id
        admin = AdminClient({"bootstrap.servers": address})
        admin.create_topics([NewTopic("t", 2, 1)])["t"].result(PATIENCE)
        producer = Producer({"bootstrap.servers": address, "enable.idempotence": True})
        producer.produce("t", b"value")
        assert producer.flush(PATIENCE) == 0
        wait_until(lambda: any((tmp_path / "data0").glob("t-*/*.log")), PATIENCE, "the record's segment")
        tag = broker.child.tag
        (jvm,) = psutil.Process(broker.child.pid).children()
        temporary = jvm.environ()["TMPDIR"]
        assert f"-Djava.io.tmpdir={temporary}" in jvm.cmdline()
        assert Path(temporary).is_dir()
    assert tagged_processes(tag) == []
    assert [path.name for path in tmp_path.iterdir()] == ["logs"], "what it wrote temporarily is gone as well"
    assert not broker.alive()
    broker.stop()


def test_it_listens_on_the_loopback_interface_only(make):
    broker = make()
    with broker:
        broker.ready()
        listening = [
            connection.laddr.ip
            for process in psutil.Process(broker.child.pid).children(recursive=True)
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
    assert len(listening) == 2
    assert all(ip.removeprefix("::ffff:") == "127.0.0.1" for ip in listening)


def test_topics_are_not_made_by_asking_and_nothing_is_deleted_by_age_or_size(make):
    with make() as broker:
        admin = AdminClient({"bootstrap.servers": broker.ready()})
        assert "unknown" not in admin.list_topics(timeout=PATIENCE).topics
        resource = ConfigResource(ResourceType.BROKER, "1")
        settings = admin.describe_configs([resource])[resource].result(PATIENCE)
    assert settings["auto.create.topics.enable"].value == "false"
    assert settings["log.retention.ms"].value == "-1"
    assert settings["log.retention.bytes"].value == "-1"


def test_two_brokers_run_side_by_side_under_different_cluster_ids(make):
    first, second = make(), make()
    with first, second:
        assert cluster_id(first.ready()) != cluster_id(second.ready())
        assert first.port != second.port


def test_a_given_port_is_listened_on(make):
    port = storage.free_port()
    with make(port=port) as broker:
        assert broker.ready() == f"127.0.0.1:{port}"


def test_a_given_port_that_is_taken_is_refused_before_anything_is_started(make, tmp_path):
    with taken_port() as port:
        broker = make(port=port)
        with pytest.raises(EnvironmentProblem, match=f"port {port} on 127.0.0.1 is taken") as caught:
            broker.start()
    assert caught.value.exit_code == 3
    assert broker.child is None
    assert list(tmp_path.iterdir()) == []


def test_after_several_taken_ports_it_gives_up(make, monkeypatch):
    with taken_port() as taken:
        real = storage.free_port
        monkeypatch.setattr(storage, "free_port", lambda but=0: real() if but else taken)
        monkeypatch.setattr(embedded, "_PORT_ATTEMPTS", 2)
        with make() as broker, pytest.raises(EnvironmentProblem, match=r"taken 2 times between choice and start"):
            broker.ready()


def test_a_port_that_is_taken_between_choice_and_start_is_given_up_for_another(make, monkeypatch):
    with taken_port() as taken:
        real, choices = storage.free_port, iter([taken])
        monkeypatch.setattr(storage, "free_port", lambda but=0: next(choices, None) or real(but=but))
        with make() as broker:
            broker.ready()
            assert broker.port != taken
            assert cluster_id(broker.bootstrap_servers) == broker.cluster_id


def test_a_broker_of_someone_else_on_our_port_does_not_pass_for_ours(make):
    with make() as stranger:
        address = stranger.ready()
        expected = pytest.raises(EnvironmentProblem, match=f"another cluster, {stranger.cluster_id}")
        with make(cluster_id_of=lambda _ours: cluster_id(address)) as broker, expected:
            broker.ready(timeout=10)


def test_a_broker_that_dies_is_noticed_and_its_last_words_are_told(make):
    import psutil

    with make() as broker:
        broker.ready()
        broker.check()
        (java,) = psutil.Process(broker.child.pid).children()
        java.kill()
        wait_until(lambda: not broker.alive(), PATIENCE, "the broker's death to be noticed")
        with pytest.raises(BrokerFailed, match="the broker ended with code -9") as caught:
            broker.check()
    assert caught.value.exit_code == 11
    assert caught.value.log_tail


def test_a_broker_that_cannot_start_says_why(make):
    with make(heap_mb=2**40) as broker, pytest.raises(BrokerFailed, match="the broker ended with code 1") as caught:
        broker.ready()
    assert any("heap" in line for line in caught.value.log_tail)


def test_a_data_directory_that_cannot_be_written_is_an_environment_problem(make, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentProblem, match="cannot be written") as caught:
        make(data_dir=tmp_path / "file" / "data").start()
    assert caught.value.exit_code == 3


def test_a_kept_broker_lives_on_and_ends_as_its_message_says(make, tmp_path):
    broker = make()
    broker.start()
    try:
        broker.ready()
        message = broker.leave_running()
        guard, tag = broker.child.pid, broker.child.tag
        assert f"kill {guard}" in message
        assert str(broker.data_dir) in message
        assert cluster_id(broker.bootstrap_servers) == broker.cluster_id
    finally:
        os.kill(broker.child.pid, signal.SIGTERM)
    wait_until(lambda: not tagged_processes(tag), PATIENCE, "the kept broker to end")
    assert start_mark(guard) is None


def test_the_storage_template_is_made_once_and_gives_each_broker_ids_of_its_own(made, tmp_path):
    cache = tmp_path / "cache"
    template = storage.formatted_template(made["java"], made["jars"], cache)
    before = (template / "meta.properties").stat().st_mtime_ns
    assert storage.formatted_template(made["java"], made["jars"], cache) == template
    assert (template / "meta.properties").stat().st_mtime_ns == before
    assert [path.name for path in cache.iterdir()] == [template.name]
    storage.write_storage(template, tmp_path / "a", cluster_id="A", port=1)
    storage.write_storage(template, tmp_path / "b", cluster_id="B", port=1)
    texts = [(tmp_path / name / "meta.properties").read_text() for name in "ab"]
    assert "cluster.id=A\n" in texts[0]
    assert "cluster.id=B\n" in texts[1]
    assert texts[0].splitlines()[3] != texts[1].splitlines()[3]


def test_too_little_disk_is_an_environment_problem(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=5_000_000_000))
    storage.check_free_disk(tmp_path / "not" / "there", 1_000_000_000)
    with pytest.raises(EnvironmentProblem, match=r"5\.0 GB free, the run needs 5\.0 GB"):
        storage.check_free_disk(tmp_path, 1_000_000_001)


# --- the commands -----------------------------------------------------------------------------------------------------


def command(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "windowbench", *arguments],
        cwd=options.pop("cwd", ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_broker_to_play_with_lasts_until_it_is_interrupted(tmp_path, number, code):
    with command("broker", "--data-dir", str(tmp_path / "d"), "--broker-heap-mb", "256") as process:
        try:
            address = process.stdout.readline().split()[-1]
            assert cluster_id(address, timeout_seconds=PATIENCE) is not None
            process.send_signal(number)
            output, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == code
    assert "Traceback" not in output
    assert list((tmp_path / "d").iterdir()) == []
    assert cluster_id(address, timeout_seconds=0.5) is None


def test_a_broker_to_play_with_on_a_taken_port_ends_with_3_and_a_remedy():
    with taken_port() as port:
        process = command("broker", "--port", str(port))
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
    assert f"port {port} on 127.0.0.1 is taken" in output
    assert "remedy:" in output


def test_without_jars_it_ends_with_3_and_names_the_setup(tmp_path):
    process = command("broker", "--cache-dir", str(tmp_path / "none"))
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
    assert "python -m windowbench setup" in output


def test_setup_with_everything_in_place_changes_nothing():
    conf = default_cache_dir() / "jars"
    before = sorted((path.name, path.stat().st_mtime_ns) for path in conf.rglob("*"))
    process = command("setup")
    output, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output) == (0, "jars: all in place, as locked\n")
    assert sorted((path.name, path.stat().st_mtime_ns) for path in conf.rglob("*")) == before


def test_doctor_finds_this_machine_fit():
    process = command("doctor", "--broker-heap-mb", "256", "--spark-driver-memory", "512m")
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert "an embedded one was ready in" in output
