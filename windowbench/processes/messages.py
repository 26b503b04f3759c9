"""What our programs and engines say while they work: messages, one JSON object a line of standard output.

A line is a message when it is a JSON object with a text under ``type``. It is refused as a whole, as if it had
not been said, when a number in it is not finite or it is nested deeper than any message needs to be. The listener goes
on. Any other line is log.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_MOST_NESTED = 8
_MOST = 2.0**63


@dataclass(frozen=True, slots=True)
class Message:
    """One message, by the name under ``type`` and with every field that was said."""

    kind: str
    fields: Mapping[str, Json]

    def number(self, name: str) -> float | None:
        """Return a field that is a number, None where it is none or of no use."""
        value = self.fields.get(name)
        good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST
        return float(value) if good else None  # type: ignore[arg-type]

    def count(self, name: str) -> int | None:
        """Return a field that is a number of things, 0 or more; None where it is none."""
        value = self.number(name)
        return None if value is None or value < 0 else int(value)

    def text(self, name: str) -> str | None:
        """Return a field that is a text, None where it is none."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else None

    def table(self, name: str) -> Mapping[str, Json]:
        """Return a field that is an object, an empty one where it is none."""
        value = self.fields.get(name)
        return value if isinstance(value, dict) else {}


def parsed(line: str) -> Message | None:
    """Return the message that a line is, None where it is log or no message that can be used."""
    if not line.startswith("{"):
        return None
    try:
        value: Json = json.loads(line, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        return None
    return message_of(value)


def message_of(value: Json) -> Message | None:
    """Return the message that a JSON value is, None where it is none."""
    if not isinstance(value, dict) or _nested(value) > _MOST_NESTED:
        return None
    kind = value.get("type")
    return Message(kind, value) if isinstance(kind, str) else None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _nested(value: Json) -> int:
    """Return how deep a value is nested, counted level by level."""
    depth, level = 0, [value]
    while level:
        inner: list[Json] = []
        for one in level:
            inner += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        depth, level = depth + 1, inner
    return depth
