"""SparkJob.py as a program, against a real broker: it says when it is ready, counts exactly, and ends as told."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from confluent_kafka import Producer

from config import config_json
from tests.parity.poison import good_event, malformed, odd_but_good, out_of_time
from tests.patience import PATIENCE
from windowbench.engines.spark.installation import archive_of_driver
from windowbench.kafka.admin import Admin
from windowbench.kafka.reader import read_topic
from windowbench.load.schedule import END_EVENT_TIME_NS, NS_PER_MS
from windowbench.processes.waiting import wait_until
from windowbench.toolchain.jars import default_cache_dir

pytestmark = pytest.mark.all

JOB = Path(__file__).resolve().parents[2] / "SparkJob.py"
SUBMIT = Path(sys.executable).with_name("spark-submit")
SIZE_MS = 2_000


def alive(process):
    """Whether a process does anything still; the shell before the JVM stays as a dead entry until the JVM ends."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def temporary_files(job):
    """Return what a job has left where temporary files belong."""
    return sorted(path.name for path in job.temporary.iterdir())


class Running:
    """A job that was started; remembers what it says."""

    def __init__(self, command, directory, **environment):
        self.messages, self.text = [], []
        self.temporary = directory / "tmp"
        self.temporary.mkdir()
        self.stderr_path = directory / "stderr.txt"
        with self.stderr_path.open("w") as stderr:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=directory,
                env={**os.environ, "TMPDIR": str(self.temporary), **environment},
                text=True,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            (self.messages if line.startswith("{") else self.text).append(json.loads(line) if line[0] == "{" else line)

    def said(self, kind):
        return [message for message in self.messages if message["type"] == kind]

    def wait_for(self, kind):
        """Wait until the job has said something, or has ended."""
        wait_until(lambda: self.said(kind) or self.process.poll() is not None, PATIENCE, f"the job to say {kind}")
        assert self.said(kind), self.stderr
        return self.said(kind)[-1]

    def wait_for_position(self, config):
        """Wait until every record is behind a committed batch."""
        ends = {str(number): end for number, (_, end) in Admin(config).log_ranges(config.kafka.events_topic).items()}
        wait_until(lambda: self.position() == ends, PATIENCE, f"position {ends}", last_seen=self.position)

    def position(self):
        return self.said("progress")[-1]["position"] if self.said("progress") else None

    def wait(self):
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    @property
    def stderr(self):
        return self.stderr_path.read_text()

    def processes(self):
        me = psutil.Process(self.process.pid)
        return [process for process in (me, *me.children(recursive=True)) if alive(process)]

    def assert_page_on_loopback_alone(self):
        """Check that the engine's web page answers at the address it told, and that it listens to nobody else."""
        address = urlsplit(self.said("ui")[-1]["address"])
        assert address.hostname == "127.0.0.1"
        with urllib.request.urlopen(address.geturl(), timeout=PATIENCE) as page:
            assert page.status == 200
            assert b"<html" in page.read().lower()
        listening = {
            (connection.laddr.ip.removeprefix("::ffff:"), connection.laddr.port)
            for process in self.processes()
            for connection in process.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        }
        assert ("127.0.0.1", address.port) in listening
        assert {ip for ip, _ in listening} <= {"127.0.0.1", "::1"}

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.wait()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def start(java_home, tmp_path_factory):
    """Start jobs that are certainly gone after the tests of this module."""
    jobs = []

    def start_one(*command, **environment):
        directory = tmp_path_factory.mktemp("elsewhere")
        # As in an activated environment: spark-submit takes the first python3 of the path.
        path = os.pathsep.join([str(SUBMIT.parent), os.environ["PATH"]])
        jobs.append(Running(command, directory, JAVA_HOME=str(java_home.path), PATH=path, **environment))
        return jobs[-1]

    yield start_one
    for job in jobs:
        job.kill()


def settings_of(config):
    """Return the flags that name broker and topics."""
    kafka = config.kafka
    return [
        *("--bootstrap-servers", kafka.bootstrap_servers),
        *("--events-topic", kafka.events_topic, "--result-topic", kafka.result_topic),
    ]


def send(config, values, now_ms, partition=None):
    """Write records to a partition, or alternating between both."""
    producer = Producer({"bootstrap.servers": config.kafka.bootstrap_servers, "acks": "all"})
    for number, value in enumerate(values):
        place = number % 2 if partition is None else partition
        producer.produce(config.kafka.events_topic, value, partition=place, timestamp=now_ms)
        producer.poll(0)
    assert producer.flush(PATIENCE) == 0


def end_of(run_id):
    return json.dumps({"event_type": "END", "run_id": run_id, "event_time_ns": END_EVENT_TIME_NS}).encode()


def rows_in(config):
    records = [record for batch in read_topic(config, config.kafka.result_topic) for record in batch]
    return [(record, json.loads(record.value)) for record in records]


def events_between(first_ms, last_ms):
    """Return events of five campaigns every 10 ms, with their own event times."""
    kinds = ("view", "view", "click", "purchase")
    return [
        good_event(at) | {"campaign_id": number % 5, "event_type": kinds[number % 4], "produce_time": at + 7}
        for number, at in enumerate(range(first_ms, last_ms, 10))
    ]


def expected_rows(run_id, events):
    """Count events by window and campaign, in the plainest way."""
    cells = {}
    for event in events:
        start = event["event_time_ns"] // NS_PER_MS // SIZE_MS * SIZE_MS
        cells.setdefault((start, event["campaign_id"]), []).append(event)
    rows = []
    for (start, campaign), inside in sorted(cells.items()):
        kinds = Counter(event["event_type"] for event in inside)
        rows.append(
            {
                "run_id": run_id,
                "campaign_id": campaign,
                "window_start": start,
                "window_end": start + SIZE_MS,
                "views": kinds["view"],
                "clicks": kinds["click"],
                "purchases": kinds["purchase"],
                "events": len(inside),
                "max_produce_time": max(event["produce_time"] for event in inside),
                "max_event_time_ns": max(event["event_time_ns"] for event in inside),
                "ctr": kinds["click"] / kinds["view"] if kinds["view"] else None,
                "ctr_smoothed": kinds["click"] / (kinds["view"] + 1),
            }
        )
    return rows


class Outcome:
    """What one job left behind; see :func:`run`."""


@pytest.fixture(scope="module")
def run(make_topics, start, tmp_path_factory):
    """Run a job as a benchmark run does: ready on empty topics, load with poison in it, END, SIGTERM."""
    found = Outcome()
    runs = tmp_path_factory.mktemp("runs")
    config = make_topics(run_id="job-run", runs_dir=str(runs), window_size_sec=2.0, watermark_delay_sec=10.0)
    (runs / "job-run").mkdir()
    found.config_path = runs / "job-run" / "config.json"
    found.config_path.write_text(config_json(config))
    found.config = config
    job = found.job = start(sys.executable, JOB, "--config", found.config_path)
    job.wait_for("ready")
    found.progress_when_ready = list(job.said("progress"))

    now_ms = int(time.time() * 1000)
    base_ms = (now_ms - 60_000) // SIZE_MS * SIZE_MS
    early, late = events_between(base_ms, base_ms + 6_000), events_between(base_ms + 30_000, base_ms + 31_000)
    good = [json.dumps(event).encode() for event in early]
    poison = [*malformed(now_ms).values(), *out_of_time(now_ms).values(), end_of("another-run")]
    step = len(good) // len(poison)
    mixed = [value for k, bad in enumerate(poison) for value in (*good[k * step : (k + 1) * step], bad)]
    odd = [value for name, value in odd_but_good(base_ms).items() if "guard" not in name]
    found.odd = [json.loads(value) for value in odd]
    send(config, [*mixed, *good[len(poison) * step :], *odd], now_ms)
    job.wait_for_position(config)
    found.rows_without_end = [row for _, row in rows_in(config)]
    send(config, [json.dumps(event).encode() for event in late], now_ms)
    job.wait_for_position(config)
    found.early, found.late, found.poison = early, late, poison
    found.closed_without_end = expected_rows("job-run", [*early, *found.odd])
    wait_until(lambda: len(rows_in(config)) >= len(found.closed_without_end), PATIENCE, "rows of closed windows")
    found.rows_before_end = [row for _, row in rows_in(config)]
    send(config, [end_of("job-run"), end_of("job-run")], now_ms)
    job.wait_for_position(config)
    found.expected = expected_rows("job-run", [*early, *found.odd, *late])
    wait_until(lambda: len(rows_in(config)) >= len(found.expected), PATIENCE, "rows of all windows")
    found.processes = job.processes()
    found.maps_archive = {
        region.path
        for process in found.processes
        for region in process.memory_maps()
        if region.path.endswith(".jsa") and "windowbench" in region.path
    }
    found.temporary_files = temporary_files(job)
    job.process.send_signal(signal.SIGTERM)
    found.exit_code = job.wait()
    found.left_over = [process for process in found.processes if alive(process)]
    found.rows = rows_in(config)
    return found


def by_key(rows):
    return sorted(rows, key=lambda row: (row["window_start"], row["campaign_id"]))


def test_it_says_settings_then_ready_then_progress_on_empty_topics(run):
    kinds = [message["type"] for message in run.job.messages]
    assert kinds[:2] == ["settings", "ready"]
    assert set(kinds[2:]) == {"progress"}
    assert all(set(message["position"].values()) == {0} for message in run.progress_when_ready)


def test_poison_records_and_the_end_of_another_run_are_counted(run):
    assert run.job.said("progress")[-1]["rejected"] == len(run.poison)


def test_closed_windows_are_exact_in_spite_of_them(run):
    assert run.rows_without_end == []
    assert by_key(run.rows_before_end) == run.closed_without_end


def test_the_last_window_appears_after_end_and_every_row_is_exact_and_alone(run):
    assert by_key(row for _, row in run.rows) == run.expected


def test_records_carry_key_and_the_time_of_the_broker(run):
    for record, row in run.rows:
        assert record.key == f"{row['campaign_id']}:{row['window_start']}".encode()
        assert record.timestamp_type == 1


def test_batches_are_reported_once_each_with_advancing_position_and_watermark(run):
    progress = run.job.said("progress")
    assert [message["batch_id"] for message in progress] == list(range(len(progress)))
    for before, after in itertools.pairwise(progress):
        assert all(before["position"][number] <= after["position"][number] for number in after["position"])
        assert (before["watermark_ms"] or 0) <= (after["watermark_ms"] or 0)
    assert progress[-1]["watermark_ms"] == END_EVENT_TIME_NS // NS_PER_MS - 10_000
    assert sum(message["input_rows"] for message in progress) == sum(progress[-1]["position"].values())
    assert progress[-1]["dropped"] == 0
    assert all(message["batch_ms"] >= message["phases_ms"]["addBatch"] for message in progress)


def test_settings_are_the_effective_ones(run, java_home):
    effective = run.job.said("settings")[0]["effective"]
    assert effective["spark.sql.shuffle.partitions"] == "1"
    assert effective["spark.driver.memory"] == "2g"
    flags = effective["spark.driver.extraJavaOptions"].split()
    assert "-XX:+UseSerialGC" in flags
    archive = archive_of_driver(java_home, default_cache_dir())
    made = {str(archive)} if archive.exists() else set()  # by `make classes`, where this Java can
    assert {flag.partition("=")[2] for flag in flags if flag.startswith("-XX:SharedArchiveFile=")} == made
    assert run.maps_archive == made
    assert effective["readStream.startingOffsets"] == "earliest"
    assert effective["readStream.subscribe"] == run.config.kafka.events_topic
    assert effective["writeStream.checkpointLocation"] == str(run.config_path.with_name("checkpoint"))


def test_sigterm_ends_it_with_code_0_and_leaves_no_process(run):
    assert run.exit_code == 0
    assert run.left_over == []
    assert any(name.startswith("blockmgr-") for name in run.temporary_files)
    assert temporary_files(run.job) == []
    assert "Traceback" not in run.job.stderr


def test_the_jvm_dies_with_a_killed_job_and_a_second_start_goes_on_from_the_checkpoint(run, start):
    job = start(sys.executable, JOB, "--config", run.config_path)
    job.wait_for("ready")
    now_ms = int(time.time() * 1000)
    send(run.config, [json.dumps(good_event(now_ms)).encode()], now_ms)
    job.wait_for_position(run.config)
    assert sum(message["input_rows"] for message in job.said("progress")) == 1
    below = job.processes()[1:]
    assert "java" in [process.name() for process in below]
    job.process.kill()
    job.wait()
    psutil.wait_procs(below, timeout=PATIENCE)
    assert not any(alive(process) for process in below)
    assert by_key(row for _, row in rows_in(run.config)) == run.expected


def test_a_jvm_that_dies_ends_the_job_with_code_10_and_ctrl_c_one_with_130(make_topics, start):
    config = make_topics()
    dying, stopped = (start(sys.executable, JOB, *settings_of(config), *flags) for flags in ([], ["--engine-ui"]))
    dying.wait_for("settings")
    next(process for process in dying.processes() if process.name() == "java").kill()
    assert dying.wait() == 10
    assert "JVM" in dying.said("error")[0]["message"]
    assert not dying.said("ui")
    stopped.wait_for("settings")
    stopped.assert_page_on_loopback_alone()
    os.killpg(stopped.process.pid, signal.SIGINT)  # as a terminal does
    assert stopped.wait() == 130
    for job in (dying, stopped):
        assert "Traceback" not in job.stderr


def test_the_checkpoint_of_an_earlier_topic_of_the_same_name_is_refused(run, make_topics, start):
    other = make_topics()
    flags = [*settings_of(other), "--run-id", "job-run", "--checkpoint-dir", run.config_path.with_name("checkpoint")]
    job = start(sys.executable, JOB, *flags)
    assert job.wait() == 3
    assert "belongs to topic" in job.stderr
    assert "remedy: remove that directory" in job.stderr


SECRET = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def failed(make_topics, start, tmp_path_factory):
    """Run a job with credentials whose query fails in its first batch; it ends by itself."""
    file = tmp_path_factory.mktemp("client") / "client.properties"
    file.write_text(f"sasl.mechanism=PLAIN\nsasl.username=somebody\nsasl.password={SECRET}\n")
    setting = "spark.sql.streaming.stateStore.providerClass=no.such.Provider"
    flags = [*settings_of(make_topics()), "--kafka-config", file, "--spark-conf", setting]
    job = start(sys.executable, JOB, *flags)
    job.wait_for("settings")
    command_lines = [word for process in job.processes() for word in process.cmdline()]
    code = job.wait()
    (log,) = job.stderr_path.parent.glob("runs/*/logs/spark.log")
    return job, code, log.read_text(), command_lines


def test_a_failing_query_gives_one_error_line_and_code_10(failed):
    job, code, log, _ = failed
    assert code == 10
    (error,) = job.said("error")
    assert "no.such.Provider" in error["message"]
    assert "\n" not in error["message"]
    assert f"error: {error['message']}" in job.stderr
    assert "no.such.Provider" in log


def test_no_stack_trace_reaches_the_user(failed):
    job, _, _, _ = failed
    assert "Traceback" not in job.stderr
    assert "\tat " not in job.stderr


def test_a_setting_of_the_user_is_in_force(failed):
    job, _, _, _ = failed
    assert job.said("settings")[0]["effective"]["spark.sql.streaming.stateStore.providerClass"] == "no.such.Provider"


def test_credentials_never_show(failed):
    job, _, log, command_lines = failed
    assert job.said("settings")[0]["effective"]["readStream.kafka.sasl.jaas.config"] == "******"
    assert SECRET not in job.stderr + json.dumps(job.messages) + "".join(job.text) + log
    assert not any(SECRET in word for word in command_lines)


def test_sigterm_while_the_jvm_starts_ends_it_with_code_0(make_topics, start):
    job = start(sys.executable, JOB, *settings_of(make_topics()))
    wait_until(lambda: len(job.processes()) > 1, PATIENCE, "a child of the job")
    below = job.processes()[1:]
    job.process.send_signal(signal.SIGTERM)
    assert job.wait() == 0
    psutil.wait_procs(below, timeout=PATIENCE)
    assert not any(alive(process) for process in below)
    assert "Traceback" not in job.stderr


def test_spark_submit_without_the_connector_is_refused_with_a_line_that_works(make_topics, start, tmp_path):
    config = make_topics()
    job = start(SUBMIT, "--master", "local[1]", JOB, *settings_of(config), SPARK_CONF_DIR=str(tmp_path))
    assert job.wait() == 3
    (remedy,) = [line.strip() for line in job.text if line.startswith("remedy: ")]  # it merges the two outputs
    assert f"spark-submit --jars {os.sep}" in remedy
    assert remedy.endswith(str(JOB))
    words = remedy.split("spark-submit ")[1].split()
    assert words[0] == "--jars"

    told = ["--conf", "spark.sql.shuffle.partitions=3", "--conf", "spark.locality.wait=7s"]
    ours = ["--spark-conf", "spark.locality.wait=5s"]
    again = start(SUBMIT, *words[:2], *told, JOB, *settings_of(config), *ours, SPARK_CONF_DIR=str(tmp_path))
    effective = again.wait_for("settings")["effective"]
    assert effective["spark.master"] == "local[*]"
    assert effective["spark.sql.session.timeZone"] == "UTC"
    assert effective["spark.sql.shuffle.partitions"] == "3", "what spark-submit was told wins over our default"
    assert effective["spark.locality.wait"] == "5s", "but our own flag wins over both"


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--no-such-flag", "1"], 2, "--no-such-flag"),
        ([], 2, "no broker is named"),
        (["--bootstrap-servers", "127.0.0.1:1"], 3, "does not answer"),
    ],
)
def test_wrong_use_is_told_before_a_jvm_starts(start, flags, code, words):
    job = start(sys.executable, JOB, *flags)
    assert job.wait() == code
    assert words in job.stderr
    assert "Traceback" not in job.stderr
    assert job.messages == []


def test_missing_topics_are_told_before_a_jvm_starts(broker, start):
    job = start(sys.executable, JOB, "--bootstrap-servers", broker, "--events-topic", "nobody-made-this")
    assert job.wait() == 3
    assert "there is no topic nobody-made-this" in job.stderr
    assert "topic_creation.py" in job.stderr
