"""Seeded streams: the random generators of a run, and what is made directly from them. Pure.

Every random number of a run comes from a stream named by (master seed, role, index), so that a
stream is the same wherever it runs and adding a stream changes no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CHUNK = 4096
"""Numbers drawn at a time. A constant: the rounding of running totals depends on where chunks end."""

_HEX_PAIRS = np.array([b"%02x" % byte for byte in range(256)], dtype="S2")
_DASHES = (8, 13, 18, 23)
_UUID_LENGTH = 36


def stream_rng(seed: int, role: str, index: int = 0) -> np.random.Generator:
    """Return the random generator of one stream of a run, by its master seed.

    `role` is what the stream is for, such as ``"arrivals"``; `index` which of several of that role, such as the number
    of a producer.
    """
    digest = hashlib.sha256(f"{seed}/{role}/{index}".encode()).digest()
    # PCG64 by name: what `default_rng` stands for may change with NumPy.
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(int.from_bytes(digest, "little"))))


def exponential_chunks(rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Yield chunks of Exp(1) draws without end."""
    while True:
        yield rng.standard_exponential(CHUNK)


def uuid_texts(rng: np.random.Generator, count: int) -> NDArray[np.bytes_]:
    """Return `count` random version-4 UUIDs in text form, as an array of 36-byte strings."""
    texts = np.empty((count, _UUID_LENGTH), dtype=np.uint8)
    for start in range(0, count, CHUNK):  # in parts, so that millions need little beyond their own bytes
        raw = rng.integers(0, 256, size=(min(CHUNK, count - start), 16), dtype=np.uint8)
        raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
        raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
        digits = _HEX_PAIRS[raw].view(np.uint8).reshape(len(raw), 32)
        part = texts[start : start + CHUNK]
        part[:, _DASHES] = ord("-")
        part[:, [i for i in range(_UUID_LENGTH) if i not in _DASHES]] = digits
    return texts.view(f"S{_UUID_LENGTH}").ravel()
