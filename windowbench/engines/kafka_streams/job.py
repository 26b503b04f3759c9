"""Events -> counts by window -> rows, as a Kafka Streams program in a JVM.

Started as ``python windowbench/engines/kafka_streams/job.py``, with the settings of ``config.py`` (``--help`` lists
them); a benchmark run starts it with ``--config <run>/config.json``. It writes down what the Java program is given, and
then becomes the JVM, which speaks the engine protocol and runs until SIGTERM.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[3])  # the clone, in place of this folder
    from windowbench.processes.interrupt import end_quietly_on_interrupt

    end_quietly_on_interrupt()

import os

from windowbench.engines.job import Job, announce, read_job, until_stopped
from windowbench.engines.kafka_streams.classes import MAIN_CLASS, class_path
from windowbench.engines.kafka_streams.given import given
from windowbench.engines.kafka_streams.tuning import jvm_flags, properties
from windowbench.errors import run_program
from windowbench.kafka.settings import bootstrap_of
from windowbench.toolchain.jars import default_cache_dir
from windowbench.toolchain.java import find_java, temporary_files_flags


def become_jvm(job: Job) -> None:
    """Write down what the program is given, and go on as its JVM."""
    own = job.directory / "kafka_streams"
    settings = own / "settings.json"
    given(job.config, properties(job.config), own / "state").write(settings)
    cache_dir = default_cache_dir(job.config.run.cache_dir)
    java = find_java(cache_dir)
    jars = class_path(java, cache_dir)
    flags = [*jvm_flags(job.config), *temporary_files_flags(os.environ)]
    command = [str(java.executable), *flags, "-cp", os.pathsep.join(map(str, jars)), MAIN_CLASS, str(settings)]
    os.execv(java.executable, command)  # noqa: S606 - signals reach the JVM itself


def body(argv: list[str] | None) -> int:
    """Run the job that a command line asks for."""
    job = read_job(argv, program="job.py", description=__doc__, engine="kafka_streams")
    with until_stopped():
        if job.alone:
            announce(job, bootstrap_of(job.config))
        become_jvm(job)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the job until it is told to stop, and return its exit code."""
    return run_program(body, argv)


if __name__ == "__main__":
    sys.exit(main())
