"""The engine protocol: what an engine says of itself, in types. docs/engines.md is its specification.

An engine says ``ready`` once, ``progress`` again and again, ``settings`` and ``ui`` if it likes, ``error`` before it
fails; one that goes on with another run says ``resting`` and ``next``, when it was told to. Fields that are not what
they should be are as if they had not been said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from windowbench.processes.messages import Json, Message, message_of

READY, PROGRESS, SETTINGS, PAGE, ERROR, RESTING, NEXT, UNASKED = (
    "ready", "progress", "settings", "ui", "error", "resting", "next", "unasked",
)  # fmt: skip
_OWN_PAGE = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\]):\d{1,5}/?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far an engine is.

    Attributes
    ----------
    position : mapping of int to int
        The next offset to be read, by the number of the partition; empty where it was not said right.
    batch_ms : float or None
        How long the last batch took, of an engine that works in batches.
    checkpoint_ms : float or None
        How long the checkpoint took that was completed since the message before.
    state_rows, state_bytes : int or None
        How much state is kept.
    rejected : int or None
        Records so far that were no event.
    """

    position: Mapping[int, int]
    batch_ms: float | None
    checkpoint_ms: float | None
    state_rows: int | None
    state_bytes: int | None
    rejected: int | None


def recorded_messages(lines: Iterable[Json]) -> Iterator[Message]:
    """Yield the messages among the lines of a run's ``progress.jsonl``, read as JSON."""
    return (message for line in lines if (message := message_of(line)) is not None)


def progress_of(message: Message) -> Progress:
    """Return what a message of the kind ``progress`` says."""
    checkpoint_ms = message.number("checkpoint_ms")
    return Progress(
        position=_position(message),
        batch_ms=message.number("batch_ms"),
        checkpoint_ms=None if checkpoint_ms is None or checkpoint_ms < 0 else checkpoint_ms,
        state_rows=message.count("state_rows"),
        state_bytes=message.count("state_bytes"),
        rejected=message.count("rejected"),
    )


def settings_of(message: Message) -> Mapping[str, str]:
    """Return the effective settings that a message of the kind ``settings`` holds, as texts."""
    return {name: str(value) for name, value in message.table("effective").items()}


def page_of(message: Message) -> str | None:
    """Return the address of the engine's own web page, None where it is none on this machine."""
    address = message.text("address")
    return address if address is not None and _OWN_PAGE.fullmatch(address) else None


def _position(message: Message) -> Mapping[int, int]:
    found: dict[int, int] = {}
    for partition, offset in message.table("position").items():
        whole = isinstance(offset, int) and not isinstance(offset, bool) and 0 <= offset < 2**63
        if not (whole and partition.isascii() and partition.isdigit() and len(partition) < 10):
            return {}
        assert isinstance(offset, int)
        found[int(partition)] = offset
    return found
