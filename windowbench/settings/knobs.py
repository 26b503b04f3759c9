"""Settings of frozen dataclasses: how one is declared, and how a value of any layer becomes one of its type.

This module does not know any setting: they are in the modules beside it. Where values come from is in
``layers.py`` and ``command_line.py`` beside it. Standard library only, because all of it travels to cluster drivers
together with ``config.py``.

A setting is a dataclass field made by :func:`knob`; its name is its file key, its flag is ``--name-with-dashes``
unless the knob names another, its environment variable is ``WINDOWBENCH_NAME``.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

ENV_PREFIX = "WINDOWBENCH_"
_MOST_SHOWN = 80

Pairs = tuple[tuple[str, str], ...]
"""Ordered ``(key, value)`` pairs, a table in a file and repeatable ``key=value`` on the command line."""
Matrix = tuple[tuple[float, ...], ...]
"""Rows of numbers, ``[[0, 1], [1, 0]]`` in a file and ``0,1;1,0`` on the command line."""


class ConfigError(ValueError):
    """A setting is unknown, malformed or contradicts another; the message says which and what to do."""


def require(condition: bool, message: str) -> None:  # noqa: FBT001 - reads as a sentence at every call
    """Raise a ConfigError unless the condition holds."""
    if not condition:
        raise ConfigError(message)


def require_topic(name: str, topic: str) -> None:
    """Require a name that Kafka takes for a topic."""
    plain = topic.replace("-", "").replace("_", "").replace(".", "")
    legal = plain.isascii() and plain.isalnum() and len(topic) <= 200
    require(legal, f"{name} {topic!r} may hold letters, digits, '-', '_' and '.' only, at most 200 of them")


def require_whole_ms(name: str, seconds: float | None) -> None:
    """Require whole milliseconds: finer times are rounded by clocks and engines, and a load misses its nominal rate."""
    whole = seconds is None or abs(seconds * 1000 - round(seconds * 1000)) < 1e-6
    require(whole, f"{name} must be a whole number of milliseconds, not {seconds} s")


def knob(
    default: Any,  # noqa: ANN401 - a field may hold any supported type
    help_text: str,
    *,
    flag: str | None = None,
    choices: tuple[str, ...] = (),
    everyday: bool = False,
    later: bool = False,
) -> Any:  # noqa: ANN401 - dataclasses.field is typed the same way
    """Declare one setting with its default, help text and, where it differs from the name, its flag.

    An everyday setting is one of the few that ``--help`` shows at first. One that came later than runs that were kept
    is at its default where their ``config.json`` does not name it.
    """
    metadata = {"help": help_text, "flag": flag, "choices": choices, "everyday": everyday, "later": later}
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
    everyday: bool
    required: bool
    """Whether every ``config.json`` names it."""
    owners: tuple[str, ...] = ()
    """The workloads or the engines that have it; empty for a setting of every run."""
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Older words for some of its choices."""

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
                everyday=item.metadata["everyday"],
                required=not optional and not item.metadata["later"],
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


def shown(value: object) -> str:
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
        msg = f"{setting.name} must be {expected}, not {shown(value)} (from {where})"
        raise ConfigError(msg) from None
    if isinstance(result, str):
        result = setting.aliases.get(result, result)
    if setting.choices and result not in setting.choices:
        hint = nearest(str(result), setting.choices)
        msg = f"{setting.name} must be {expected}, not {shown(value)} (from {where}){hint}"
        raise ConfigError(msg)
    return result


def parsed_text(setting: Setting, text: str, *, where: str) -> object:
    """Parse and check the text form of a setting."""
    try:
        value = _from_text(setting, text)
    except (ValueError, KeyError):
        value = text  # let the check below say what was expected
    return checked(setting, value, where=where)
