"""What ``salt.json`` says of a blind run, and ``salts.json`` of the repeats of a campaign; both are the user's alone."""

from __future__ import annotations

from dataclasses import dataclass

SALT_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class SaltFile:
    """The salt that the load of a run was made with."""

    schema_version: int
    salt: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SaltsFile:
    """The salt of each repeat, the first one first."""

    schema_version: int
    salts: tuple[str, ...]
