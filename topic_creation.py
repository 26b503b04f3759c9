"""Create the topics of a configuration on a running broker.

Events are created with CreateTime (the producer's clock), results with LogAppendTime (the
broker's clock, the same for every engine). A topic that exists with the planned partitions and
timestamp type is left as it is.
"""

from __future__ import annotations

if __name__ == "__main__":
    from windowbench.processes.interrupt import end_quietly_on_interrupt

    end_quietly_on_interrupt()

import sys

from config import Config, config_parser, load
from windowbench.errors import ExitCode, run_program
from windowbench.kafka.admin import Admin, planned_topics

_EPILOG = """\
examples:
  python topic_creation.py --bootstrap-servers localhost:9092
  python topic_creation.py --bootstrap-servers localhost:9092 --partitions 8 --replication-factor 3
"""


def create_topics(config: Config) -> dict[str, bool]:
    """Create events and results topic; return for each name whether it was created now."""
    admin = Admin(config)
    return {plan.name: admin.ensure(plan) for plan in planned_topics(config)}


def _body(argv: list[str] | None) -> int:
    parser = config_parser("topic_creation.py", "Create the topics of a configuration.", epilog=_EPILOG)
    for name, created in create_topics(load(parser, argv).config).items():
        print(f"{name}: {'created' if created else 'exists already'}")
    return ExitCode.OK


def main(argv: list[str] | None = None) -> int:
    """Create the topics that the command line names, and return the exit code."""
    return run_program(_body, argv)


if __name__ == "__main__":
    sys.exit(main())
