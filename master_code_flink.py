"""Benchmark Flink: one run from an empty broker to a judged latency.

Clears or creates the topics, starts the Flink job and the producers, sends open-loop load, stops
everything, proves every window right and prints the latencies.
"""

from __future__ import annotations

import sys

from config import config_parser, load
from windowbench.errors import run_program

_EPILOG = """\
examples:
  python master_code_flink.py
  python master_code_flink.py --profile smoke
  python master_code_flink.py --data-generator mmpp --rate 5000 --num-producers 3 --duration 60 --seed 7
  python master_code_flink.py --bootstrap-servers broker:9092 --kafka-config client.properties

exit codes:
  0 valid   2 usage   3 environment   10 engine   11 broker   12 producers
  20 invalid   21 verdict unknown   22 unsustainable   130/143 interrupted
"""


def _body(argv: list[str] | None) -> int:
    parser = config_parser("master_code_flink.py", "Benchmark Flink.", epilog=_EPILOG)
    loaded = load(parser, argv)
    from windowbench.orchestration.benchmark import benchmark

    return benchmark(loaded)


def main(argv: list[str] | None = None) -> int:
    """Run the program and return its exit code."""
    return run_program(_body, argv)


if __name__ == "__main__":
    sys.exit(main())
