"""Benchmark Spark Structured Streaming: one run from an empty broker to a judged latency.

Clears or creates the topics, starts the Spark job and the producers, sends open-loop load, stops
everything, proves every window right and prints the latencies. The same as
``python -m windowbench run --engine spark``.
"""

from __future__ import annotations

if __name__ == "__main__":
    from windowbench.processes.interrupt import end_quietly_on_interrupt

    end_quietly_on_interrupt()

import sys

from windowbench.errors import run_program


def _body(argv: list[str] | None) -> int:
    from windowbench.orchestrate.driver import drive

    return drive(argv, prog="master_code_spark.py", description="Benchmark Spark Structured Streaming.", engine="spark")


def main(argv: list[str] | None = None) -> int:
    """Make the run that the command line describes, and return the exit code of its verdict."""
    return run_program(_body, argv)


if __name__ == "__main__":
    sys.exit(main())
