"""From the types of files to what JSON holds, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class DoesNotFitError(ValueError):
    """A file's content is not what its type says; the message names the place in it."""


def json_text(value: object) -> str:
    """Return the text of a JSON file, fields in the order of their definition; NaN and infinity are refused."""
    return json.dumps(msgspec.to_builtins(value), indent=2, allow_nan=False) + "\n"


def as_json(value: object) -> Any:  # noqa: ANN401 - anything that JSON holds
    """Return a typed value as a reader of its file gets it who knows no type."""
    return json.loads(json_text(value))


def from_json(content: Mapping[str, Any], kind: type[T]) -> T:
    """Return what a file holds as its type; fields that the type does not know are passed over.

    Raises
    ------
    DoesNotFitError
        When a field is missing or of another type.
    """
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise DoesNotFitError(str(error)) from None
