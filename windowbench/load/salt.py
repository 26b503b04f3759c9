"""The salt of a blind run: a number that is drawn for it, and without which nobody can make its load. Pure."""

from __future__ import annotations

import dataclasses
import hashlib

from config import Config

SALT = "_WINDOWBENCH_SALT"
"""Environment variable by which the producers of a blind run, and they alone, are given its salt. It must not begin
with the prefix of settings."""
_SEED_BYTES = 16


def salted(config: Config, salt: str | None) -> Config:
    """Return the configuration that the load of a run is made from: seed and salt together are its seed.

    Without a salt, the run is not blind, and its own seed holds.
    """
    if salt is None:
        return config
    digest = hashlib.blake2b(f"{config.run.seed}/{salt}".encode(), digest_size=_SEED_BYTES).digest()
    return dataclasses.replace(config, run=dataclasses.replace(config.run, seed=int.from_bytes(digest, "big")))
