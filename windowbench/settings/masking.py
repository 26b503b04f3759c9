"""What of a setting may be shown: secrets are told by the name of what holds them. Standard library only. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

MASK = "******"
SECRET_WORDS = ("secret", "password", "passwd", "token", "credential", "access.key", "accesskey", "jaas")

_NAMES = "|".join(map(re.escape, SECRET_WORDS))
_NAMED = re.compile(rf"((?:{_NAMES})[\w.-]*['\"]?(?:\s*[=:]\s*|\s+))(\"[^\"]*\"|'[^']*'|[^\s,;&]+)", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(://[^\s/:@]*:)[^\s@]+(?=@)")


def sounds_secret(name: str) -> bool:
    """Whether a setting of this name holds a secret."""
    return any(word in name.lower() for word in SECRET_WORDS)


def mask_named(text: str) -> str:
    """Return a text without what it names as a secret: ``--password x``, ``token=x``, ``user:x@host`` in an address."""
    return _IN_ADDRESS.sub(rf"\g<1>{MASK}", _NAMED.sub(rf"\g<1>{MASK}", text))


def hide_values(values: Iterable[str]) -> Callable[[str], str]:
    """Return a function that hides every one of `values` in a text, the longest first."""
    ordered = sorted({value for value in values if value}, key=len, reverse=True)

    def hide(text: str) -> str:
        for value in ordered:
            text = text.replace(value, MASK)
        return text

    return hide


def mask_value(name: str, value: object, hide: Callable[[str], str] = str) -> Any:  # noqa: ANN401 - what JSON holds
    """Return the value of a setting, or what else JSON holds, fit to be shown: without secrets.

    Those are what a name calls a secret, and what `hide` takes out of every text.
    """
    if isinstance(value, Mapping):
        return {hide(str(key)): mask_value(str(key), part, hide) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [mask_value(name, part, hide) for part in value]
    if isinstance(value, bool) or value is None or value == "":
        return value
    if sounds_secret(name) and isinstance(value, str | int | float):
        return MASK
    return mask_named(hide(value)) if isinstance(value, str) else value
