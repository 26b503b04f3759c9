"""The one driver of a run of any engine: ``python -m windowbench run`` and its short forms master_code_*."""

from __future__ import annotations

import argparse

from config import config_parser, load

_EPILOG = """\
examples:
  {prog}
  {prog} --profile smoke
  {prog} --data-generator mmpp --rate 5000 --num-producers 3 --duration 60 --seed 7
  {prog} --bootstrap-servers broker:9092 --kafka-config client.properties

exit codes:
  0 valid   2 usage   3 environment   10 engine   11 broker   12 producers
  20 invalid   21 verdict unknown   22 unsustainable   130/143 interrupted
"""


def drive(argv: list[str] | None, *, prog: str, description: str, engine: str | None = None) -> int:
    """Make one run with the settings of a command line and return the exit code of its verdict.

    `engine` is what the program's name stands for; ``--engine``, a file or a variable that names another one wins.

    Raises
    ------
    ConfigError, HarnessError
        When the settings are wrong, or the run could not be made.
    """
    own = {} if engine is None else {"engine": engine}
    command = "python " + prog.removeprefix("python ")
    parser = config_parser(prog, description, epilog=_EPILOG.format(prog=command), **own)
    parser.add_argument("--impl", dest="setting_engine", metavar="ENGINE", help=argparse.SUPPRESS)
    parser.add_argument("--long", action="store_true", help="show all of the report, not only what matters first")
    loaded = load(parser, argv, engine=engine)
    from windowbench.orchestrate.benchmark import benchmark  # noqa: PLC0415 - an error in a flag needs none of it

    return benchmark(loaded, long=loaded.arguments.long)
