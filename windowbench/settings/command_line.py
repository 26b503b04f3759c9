"""Settings as flags: the parser of every program, and the layer that a command line gives."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import NoReturn

from windowbench.settings.knobs import ConfigError, Pairs, Setting, checked, nearest, parsed_text
from windowbench.settings.layers import Layer


class Parser(argparse.ArgumentParser):
    """An argument parser that raises :class:`ConfigError` and names the nearest flag for an unknown one."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing usage, so that every configuration error looks alike."""
        raise ConfigError(message)

    def parse_all(self, argv: list[str] | None) -> argparse.Namespace:
        """Parse `argv` whole; an unknown flag is an error that names the nearest known one."""
        namespace, unknown = self.parse_known_intermixed_args(argv)  # flags may stand between names
        if unknown:
            flag = unknown[0].split("=")[0]
            known = [s for action in self._actions for s in action.option_strings if s.startswith("--")]
            msg = f"unknown argument {flag}{nearest(flag, known)}"
            raise ConfigError(msg)
        return namespace


def add_flags(parser: argparse.ArgumentParser, known: Mapping[str, Setting]) -> None:
    """Add one flag a setting, grouped, with defaults and environment variables in the help text."""
    titles = dict.fromkeys(_title(setting) for setting in known.values())
    groups = {title: parser.add_argument_group(title) for title in titles}
    for setting in known.values():
        group = groups[_title(setting)]
        shown = "none" if setting.default in (None, (), "") else setting.default
        text = f"{setting.help} [default: {shown}]".replace("%", "%%")
        dest = "setting_" + setting.name
        if setting.type is bool:
            group.add_argument(setting.flag, dest=dest, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            group.add_argument(
                setting.flag,
                dest=dest,
                action="append" if setting.type == Pairs else "store",
                default=None,
                help=text,
                metavar="{" + ",".join(setting.choices) + "}" if setting.choices else setting.name.upper(),
            )


def _title(setting: Setting) -> str:
    return f"{setting.group} {', '.join(setting.owners)}" if setting.owners else setting.group


def command_line_layer(namespace: argparse.Namespace, known: Mapping[str, Setting]) -> Layer:
    """Collect the settings given as flags."""
    out: dict[str, object] = {}
    for setting in known.values():
        value = getattr(namespace, "setting_" + setting.name, None)
        if value is None:
            continue
        where = f"flag {setting.flag}"
        if isinstance(value, str):
            out[setting.name] = parsed_text(setting, value, where=where)
        else:
            out[setting.name] = checked(setting, value, where=where)
    return Layer(origin="command line", values=out)
