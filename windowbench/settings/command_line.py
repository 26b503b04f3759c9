"""Settings as flags: the parser of every program, its help, and the layer that a command line gives.

There are more settings than fit on a screen. ``--help`` shows those that people use, ``--help GROUP`` those of a group,
``--help all`` all of them; in each case only those of the workload and the engine in use.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import NoReturn

from windowbench.settings.knobs import ConfigError, Matrix, Pairs, Setting, checked, nearest, parsed_text
from windowbench.settings.layers import Layer

ALL, _EVERYDAY = "all", ""
_DEST = "setting_"
_UNITS = {"_seconds": "SECONDS", "_sec": "SECONDS", "_ms": "MS", "_mb": "MB", "_bytes": "BYTES", "rate": "PER_SECOND"}
_METAVARS = {int: "N", float: "X", str: "TEXT", tuple[float, ...]: "X,X,...", Matrix: "X,X;X,X", Pairs: "KEY=VALUE"}

InUse = Callable[[argparse.Namespace], Mapping[str, Setting]]
"""Gives the settings of the run that a command line means."""


class Layout(argparse.RawDescriptionHelpFormatter):
    """Help with room for a flag and its value beside their text; examples keep their lines."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises :class:`ConfigError` and names the nearest flag for an unknown one."""

    _in_use: InUse | None = None

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing usage, so that every configuration error looks alike."""
        raise ConfigError(message)

    def parse_all(self, argv: list[str] | None) -> argparse.Namespace:
        """Parse `argv` whole; an unknown flag is an error that names the nearest known one."""
        if self._in_use is not None:
            self._answer_help(argv, self._in_use)
        namespace, unknown = self.parse_known_intermixed_args(argv)  # flags may stand between names
        if unknown:
            flag = unknown[0].split("=")[0]
            known = [s for action in self._actions for s in action.option_strings if s.startswith("--")]
            msg = f"unknown argument {flag}{nearest(flag, known)}"
            raise ConfigError(msg)
        return namespace

    def take_settings(self, known: Mapping[str, Setting], in_use: InUse) -> None:
        """Add a flag for each setting, and the help that shows as many of them as are asked for."""
        self._in_use = in_use
        self.usage = f"{self.prog.replace('%', '%%')} [flags]"
        self.add_argument(
            "-h",
            "--help",
            nargs="?",
            const=_EVERYDAY,
            metavar="GROUP",
            help="show the flags that people use, those of a GROUP, or all; of the engine and workload named beside it",
        )
        add_flags(self, known)

    def _answer_help(self, argv: list[str] | None, in_use: InUse) -> None:
        """Print the help that is asked for and end the program; return where none is."""
        asking = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        asking.add_argument("-h", "--help", nargs="?", const=_EVERYDAY)
        for action in self._actions:
            if action.dest in {_DEST + "engine", _DEST + "workload"}:
                asking.add_argument(*action.option_strings, dest=action.dest)
        asked = asking.parse_known_args(argv)[0]
        if asked.help is None:
            return
        sys.stdout.write(self._help_on(asked.help, in_use(asked)))
        sys.exit(0)

    def _help_on(self, topic: str, settings: Mapping[str, Setting]) -> str:
        groups = list(dict.fromkeys(setting.group for setting in settings.values()))
        if topic not in {_EVERYDAY, ALL, *groups}:
            raise ConfigError(f"no help on {topic!r}{nearest(topic, groups)}; there is on {', '.join([ALL, *groups])}")
        more = f"more flags: --help all, or --help GROUP with one of {', '.join(groups)}"
        shown = argparse.ArgumentParser(
            prog=self.prog,
            usage=self.usage,
            description=self.description,
            epilog="\n\n".join(filter(None, ["" if topic == ALL else more, self.epilog])),
            formatter_class=self.formatter_class,
            add_help=False,
        )
        for action in self._actions:
            if not action.dest.startswith(_DEST) and topic in {_EVERYDAY, ALL}:
                shown._add_action(action)  # noqa: SLF001 - argparse has no public way to show an argument twice
        wanted = (s for s in settings.values() if topic in {ALL, s.group} or (topic == _EVERYDAY and s.everyday))
        add_flags(shown, {setting.name: setting for setting in wanted})
        return shown.format_help()


def add_flags(parser: argparse.ArgumentParser, known: Mapping[str, Setting]) -> None:
    """Add one flag a setting, grouped, with its default in the help text."""
    titles = dict.fromkeys(_title(setting) for setting in known.values())
    groups = {title: parser.add_argument_group(title) for title in titles}
    for setting in known.values():
        group = groups[_title(setting)]
        shown = "none" if setting.default in (None, (), "") else setting.default
        text = f"{setting.help} [default: {shown}]".replace("%", "%%")
        dest = _DEST + setting.name
        if setting.type is bool:
            group.add_argument(setting.flag, dest=dest, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            group.add_argument(
                setting.flag,
                dest=dest,
                action="append" if setting.type == Pairs else "store",
                default=None,
                help=text,
                metavar=_metavar(setting),
            )


def _metavar(setting: Setting) -> str:
    """Return what stands for a value: its choices, its unit or its form."""
    if setting.choices:
        return "{" + ",".join(setting.choices) + "}"
    unit = next((unit for suffix, unit in _UNITS.items() if setting.name.endswith(suffix)), None)
    return unit if unit is not None and setting.type in (int, float) else _METAVARS[setting.type]


def _title(setting: Setting) -> str:
    return f"{setting.group} {', '.join(setting.owners)}" if setting.owners else setting.group


def command_line_layer(namespace: argparse.Namespace, known: Mapping[str, Setting]) -> Layer:
    """Collect the settings given as flags."""
    out: dict[str, object] = {}
    for setting in known.values():
        value = getattr(namespace, _DEST + setting.name, None)
        if value is None:
            continue
        where = f"flag {setting.flag}"
        if isinstance(value, str):
            out[setting.name] = parsed_text(setting, value, where=where)
        else:
            out[setting.name] = checked(setting, value, where=where)
    return Layer(origin="command line", values=out)
