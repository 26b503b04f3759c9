"""Fixtures that are dear: one Spark session, one embedded broker and one PostgreSQL for a whole test session."""

import gc
import itertools
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from config import Config

# Everywhere the same few examples of each property, so that a suite takes seconds and passes again where it passed;
# `make test-long` tries many more, others each time.
# How fast a machine is decides about none of them.
PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("few", max_examples=20, derandomize=True, **PATIENT)
settings.register_profile("many", max_examples=300, **PATIENT)
settings.load_profile("few")


def pytest_configure(config):
    # Looking for garbage takes a tenth of the unit tests' time, and there is hardly any.
    gc.set_threshold(50_000, 20, 20)
    # Shells start what goes to the background with SIGINT ignored, nohup with SIGHUP; children would inherit that.
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
    # PySpark says so of any pandas 3 while it looks which libraries there are; nothing here uses pandas with it.
    config.addinivalue_line("filterwarnings", "ignore:PySpark does not yet fully support pandas:FutureWarning")


@pytest.fixture(scope="session")
def java_home():
    """Give the Java that programs under test find."""
    from windowbench.toolchain.jars import default_cache_dir
    from windowbench.toolchain.java import find_java

    return find_java(default_cache_dir())


@pytest.fixture(scope="session")
def spark(java_home, tmp_path_factory):
    """Give a Spark session with the settings of the job, in a time zone that must not matter."""
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    from config import Config
    from windowbench.engines.spark.tuning import jvm_settings, session_settings

    scratch = tmp_path_factory.mktemp("spark")
    os.environ["JAVA_HOME"] = str(java_home.path)
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        **session_settings(Config(), partitions=2),
        **jvm_settings(Config().replace(spark_driver_memory="1g"), f"-Djava.io.tmpdir={scratch}"),
        "spark.master": "local[2]",
        "spark.jars": "",
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.session.timeZone": "Europe/Berlin",
        "spark.log.level": "ERROR",
        # Frames of a few rows: compiling code for each would be most of the time.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }
    conf = SparkConf().setAll(settings.items())
    with (scratch / "spark.log").open("ab") as log:
        gateway = launch_gateway(conf, {"stderr": log})
        context = SparkContext(conf=conf, gateway=gateway)
        yield SparkSession(context)
        context.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    """Give the address of an embedded broker."""
    from windowbench.broker.embedded import installed_broker
    from windowbench.kafka.admin import cluster_id

    with installed_broker(tmp_path_factory.mktemp("broker"), cluster_id, heap_mb=256) as running:
        yield running.ready()


@pytest.fixture(scope="session")
def make_topics(broker):
    """Give a function that makes the two topics of a configuration, under names nobody had before."""
    from windowbench.kafka.admin import Admin, planned_topics

    numbers = itertools.count(1)

    def make(**settings):
        number = next(numbers)
        names = {"events_topic": f"events-{number}", "result_topic": f"results-{number}"}
        config = Config().replace(bootstrap_servers=broker, **{**names, **settings})
        admin = Admin(config)
        for plan in planned_topics(config):
            admin.create(plan)
        return config

    return make


@pytest.fixture(scope="session")
def open_directory():
    """Give a directory that everybody may enter, unlike pytest's own: started by root, PostgreSQL is not root."""
    path = Path(tempfile.mkdtemp(prefix="windowbench-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def database(open_directory):
    """Give a PostgreSQL that runs; a test that stops it starts it again."""
    from windowbench.postgres.server import EmbeddedPostgres

    with EmbeddedPostgres(open_directory / "shared") as server:
        server.ready()
        yield server
