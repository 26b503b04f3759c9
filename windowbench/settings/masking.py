"""What of a setting may be shown: secrets are told by the name of what holds them. Standard library only. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

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


def mask_value(name: str, value: object) -> object:
    """Return the value of a setting fit to be shown: the text, list or mapping that it is, without secrets."""
    if isinstance(value, Mapping):
        return {str(key): mask_value(str(key), part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [mask_value(name, part) for part in value]
    if not isinstance(value, str):
        return value
    return MASK if value and sounds_secret(name) else mask_named(value)
