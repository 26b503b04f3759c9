"""Layered settings for frozen dataclasses: defaults < profile < file < environment < command line.

This module knows how a group of settings becomes command-line flags, environment
variables and file keys, and how layers are merged. It does not know any setting:
those are in ``config.py``. Standard library only, because it travels to cluster
drivers together with ``config.py``.

The rules:

* a setting is a dataclass field made by :func:`knob`; its name is its file key, its
  flag is ``--name-with-dashes`` unless the knob names another, its environment
  variable is ``WINDOWBENCH_NAME``;
* a later layer replaces a value of an earlier one, and the layer that set a value is
  kept as its *origin*;
* an unknown key in any layer is an error that names the nearest known one.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import json
import math
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

ENV_PREFIX = "WINDOWBENCH_"
_MOST_SHOWN = 80
_MOST_BYTES = 4_000_000
"""Size beyond which a file given as configuration is something else."""

Pairs = tuple[tuple[str, str], ...]
"""Ordered ``(key, value)`` pairs, a table in a file and repeatable ``key=value`` on the command line."""
Matrix = tuple[tuple[float, ...], ...]
"""Rows of numbers, ``[[0, 1], [1, 0]]`` in a file and ``0,1;1,0`` on the command line."""


class ConfigError(ValueError):
    """A setting is unknown, malformed or contradicts another; the message says which and what to do."""


def knob(
    default: Any,  # noqa: ANN401 - a field may hold any supported type
    help_text: str,
    *,
    flag: str | None = None,
    choices: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401 - dataclasses.field is typed the same way
    """Declare one setting with its default, help text and, where it differs from the name, its flag."""
    metadata = {"help": help_text, "flag": flag, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One setting as the layers see it."""

    name: str
    group: str
    type: Any
    optional: bool
    default: Any
    help: str
    flag: str
    choices: tuple[str, ...]

    @property
    def env(self) -> str:
        """Name of the environment variable that sets it."""
        return ENV_PREFIX + self.name.upper()


def settings_of(groups: Mapping[str, type]) -> dict[str, Setting]:
    """Return every setting of dataclass `groups` (group name to class) by its unique name."""
    found: dict[str, Setting] = {}
    for group, cls in groups.items():
        hints = typing.get_type_hints(cls)
        for item in dataclasses.fields(cls):
            declared = hints[item.name]
            options = [t for t in typing.get_args(declared) if t is not types.NoneType]
            optional = isinstance(declared, types.UnionType)
            found[item.name] = Setting(
                name=item.name,
                group=group,
                type=options[0] if optional else declared,
                optional=optional,
                default=item.default,
                help=item.metadata["help"],
                flag=item.metadata["flag"] or "--" + item.name.replace("_", "-"),
                choices=item.metadata["choices"],
            )
    return found


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean X?"`` for the known word closest to `word`, or an empty string."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {match[0]}?" if match else ""


# --- values -----------------------------------------------------------------------------------------------------------


def _number(value: object, kind: type) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if not math.isfinite(value) or (kind is int and value != int(value)):
        raise ValueError
    return kind(value)  # type: ignore[no-any-return]


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _items(value: object) -> list[object] | tuple[object, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError
    return value


def _numbers(value: object) -> tuple[float, ...]:
    return tuple(_number(item, float) for item in _items(value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # raises for a lone surrogate, which no path and no client takes
    if "\0" in value:
        raise ValueError
    return value


def _shown(value: object) -> str:
    """Return a value as an error message quotes it: short."""
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _pairs(value: object) -> Pairs:
    """Accept a table, a list of ``key=value`` texts or a list of pairs; of equal keys the last wins."""
    if isinstance(value, Mapping):
        return tuple(_flattened(value).items())
    pairs: dict[str, str] = {}
    for item in _items(value):
        key, separator, text = item.partition("=") if isinstance(item, str) else _pair(item)
        if not separator or not key:
            raise ValueError
        pairs[key] = text
    return tuple(pairs.items())


def _pair(item: object) -> tuple[str, str, str]:
    key, value = _items(item)
    return _text(key), "=", _scalar_text(value)


def _flattened(table: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Join nested keys by dots: TOML reads ``spark.ui.enabled = false`` as three nested tables."""
    out: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            out |= _flattened(value, f"{prefix}{key}.")
        else:
            out[prefix + key] = _scalar_text(value)
    return out


def _scalar_text(value: object) -> str:
    """Spell a file's scalar the way Java-style settings do (``true``, not ``True``)."""
    if not isinstance(value, str | bool | int | float):
        raise TypeError
    return str(value).lower() if isinstance(value, bool) else str(value)


_CHECKS: dict[Any, tuple[Callable[[Any], Any], str]] = {
    bool: (_boolean, "true or false"),
    int: (lambda v: _number(v, int), "a whole number"),
    float: (lambda v: _number(v, float), "a number"),
    str: (_text, "text"),
    tuple[float, ...]: (_numbers, "a list of numbers"),
    Matrix: (lambda v: tuple(_numbers(row) for row in _items(v)), "a matrix of numbers"),
    Pairs: (_pairs, "key=value pairs"),
}

_BOOLEAN_WORDS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def _from_text(setting: Setting, text: str) -> object:
    """Turn the text of an environment variable or flag into what a file would hold."""
    if setting.type is bool:
        return _BOOLEAN_WORDS[text.strip().lower()]
    if setting.type in (int, float):
        return float(text) if setting.type is float or not text.strip().lstrip("+-").isdigit() else int(text)
    if setting.type == tuple[float, ...]:
        return [float(part) for part in text.split(",")] if text else []
    if setting.type == Matrix:
        return [[float(part) for part in row.split(",")] for row in text.split(";")] if text else []
    if setting.type == Pairs:
        return [part for part in text.split(",") if part]
    return text


def checked(setting: Setting, value: object, *, where: str) -> object:
    """Return `value` in the setting's own type.

    Raises
    ------
    ConfigError
        When the value does not fit; the message names the setting, the layer (`where`) and what fits.
    """
    if value is None and setting.optional:
        return None
    check, expected = _CHECKS[setting.type]
    if setting.choices:
        expected = "one of " + ", ".join(setting.choices)
    try:
        result = check(value)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError):
        msg = f"{setting.name} must be {expected}, not {_shown(value)} (from {where})"
        raise ConfigError(msg) from None
    if setting.choices and result not in setting.choices:
        hint = nearest(str(result), setting.choices)
        msg = f"{setting.name} must be {expected}, not {_shown(value)} (from {where}){hint}"
        raise ConfigError(msg)
    return result


# --- layers -----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """Values of one source and the words that name it as an origin."""

    origin: str
    values: Mapping[str, object]


def mapping_layer(values: Mapping[str, object], known: Mapping[str, Setting], *, origin: str) -> Layer:
    """Check a parsed file (or profile) against the known settings."""
    out = {}
    for key, value in values.items():
        if key not in known:
            msg = f"unknown key {_shown(key)} in {origin}{nearest(key, known)}"
            raise ConfigError(msg)
        out[key] = checked(known[key], value, where=origin)
    return Layer(origin=origin, values=out)


def read_limited(path: Path) -> str:
    """Return the text of a small file.

    Raises
    ------
    OSError
        When it cannot be read.
    ValueError
        When it is larger than any such file has a reason to be, or not UTF-8.
    """
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        msg = f"it is larger than {_MOST_BYTES} bytes"
        raise ValueError(msg)
    return data.decode("utf-8")


def read_file(path: Path) -> dict[str, object]:
    """Read a TOML or JSON file of settings.

    Raises
    ------
    ConfigError
        When the file cannot be read or parsed, or holds something other than one table.
    """
    try:
        content = read_limited(path)
        parsed = json.loads(content) if path.suffix == ".json" else tomllib.loads(content)
    except OSError as error:
        msg = f"cannot read configuration file {path}: {error.strerror}"
        raise ConfigError(msg) from None
    except RecursionError:
        msg = f"configuration file {path} is nested too deeply"
        raise ConfigError(msg) from None
    except ValueError as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        msg = f"configuration file {path} is not valid {kind}: {error}"
        raise ConfigError(msg) from None
    if not isinstance(parsed, dict):
        msg = f"configuration file {path} must hold one table of settings"
        raise ConfigError(msg)
    return parsed


def environment_layer(environ: Mapping[str, str], known: Mapping[str, Setting]) -> Layer:
    """Collect the settings given as environment variables."""
    by_env = {setting.env: setting for setting in known.values()}
    out = {}
    for variable, text in environ.items():
        if not variable.startswith(ENV_PREFIX):
            continue
        if variable not in by_env:
            msg = f"unknown environment variable {variable}{nearest(variable, by_env)}"
            raise ConfigError(msg)
        out[by_env[variable].name] = parsed_text(by_env[variable], text, where=f"environment variable {variable}")
    return Layer(origin="environment", values=out)


def parsed_text(setting: Setting, text: str, *, where: str) -> object:
    """Parse and check the text form of a setting."""
    try:
        value = _from_text(setting, text)
    except (ValueError, KeyError):
        value = text  # let the check below say what was expected
    return checked(setting, value, where=where)


# --- command line -----------------------------------------------------------------------------------------------------


class Parser(argparse.ArgumentParser):
    """An argument parser that raises :class:`ConfigError` and names the nearest flag for an unknown one."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing usage, so that every configuration error looks alike."""
        raise ConfigError(message)

    def parse_all(self, argv: list[str] | None) -> argparse.Namespace:
        """Parse `argv` whole; an unknown flag is an error that names the nearest known one."""
        namespace, unknown = self.parse_known_args(argv)
        if unknown:
            flag = unknown[0].split("=")[0]
            known = [s for action in self._actions for s in action.option_strings if s.startswith("--")]
            msg = f"unknown argument {flag}{nearest(flag, known)}"
            raise ConfigError(msg)
        return namespace


def add_flags(parser: argparse.ArgumentParser, known: Mapping[str, Setting]) -> None:
    """Add one flag a setting, grouped, with defaults and environment variables in the help text."""
    titles = dict.fromkeys(setting.group for setting in known.values())
    groups = {title: parser.add_argument_group(title) for title in titles}
    for setting in known.values():
        group = groups[setting.group]
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
