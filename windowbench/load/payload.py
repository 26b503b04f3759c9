"""Events as JSON bytes, fast: whole blocks of fixed-width rows instead of one dictionary per event. Pure.

How it works:

* A row is a packed record of fixed-width text. What never changes (braces, names, commas) is written
  once; the rest is copied from tables of ready-made text, by index.
* A value shorter than its column is followed by spaces *outside* its quotes, or preceded by them when
  it is a number: white space between the tokens of JSON means nothing, so every row is valid JSON.
* ``produce_time`` is known only when an event is sent. It comes last, and the sender appends
  ``b"%d}" % produce_ms``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.load.events import EventBlock
from windowbench.load.schedule import Schedule
from windowbench.load.streams import stream_rng
from windowbench.workloads.contract import Part

PRODUCE_TIME_BYTES = len(b"1760000000000}")
TIME_DIGITS = 19
WINDOW_WIDTH = 12

_FOUR_DIGITS = np.array([b"%04d" % i for i in range(10_000)], dtype="S4")
_THREE_DIGITS = np.array([b"%03d" % i for i in range(1_000)], dtype="S3")
_LEAST_FULL_TIME_NS = 10 ** (TIME_DIGITS - 1)

PADDING_POOL_BYTES = 1 << 22
PADDING_STRIDE = 2_592_223
"""Odd and about the golden ratio of the pool: pads of neighbouring events begin far from each other."""


def quoted(values: Iterable[bytes], width: int) -> NDArray[np.bytes_]:
    """Return strings with their closing quote and the comma, then spaces up to the widest."""
    return np.array([(value + b'",').ljust(width + 2) for value in values], dtype=f"S{width + 2}")


class Encoder(Protocol):
    """Renders blocks of a workload's events; it may keep buffers, and belongs to one thread."""

    def encode(self, block: EventBlock, schedule: Schedule) -> list[bytes]:
        """Return the payload of each event up to and including ``"produce_time":``; the schedule dates them."""

    def keys(self, block: EventBlock) -> list[bytes]:
        """Return the Kafka key of each event."""

    def name_of(self, key: bytes | None, value: bytes | None) -> bytes | None:
        """Return the :func:`windowbench.load.events.event_key` of an event as its record tells it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoding(Part):
    """How the events of a workload are written."""

    PLACE: ClassVar[str] = "payload.ENCODING"

    encoder: Callable[[Config], Encoder]


class Column(NamedTuple):
    """A column of a row, with the JSON before and behind it.

    Where it has `texts` it is filled from them: which one an event has, `array` of its block says. Else the encoder
    fills it.
    """

    name: str
    width: int
    before: bytes
    after: bytes
    texts: NDArray[np.bytes_] | None = None
    array: str = ""


def column(
    name: str, of: int | NDArray[np.bytes_], array: str = "", *, before: bytes | None = None, after: bytes = b'",'
) -> Column:
    """Return a column of text, by its width or by the texts that fill it."""
    before = b'"%s":"' % name.encode() if before is None else before
    return (
        Column(name, of, before, after) if isinstance(of, int) else Column(name, of.itemsize, before, after, of, array)
    )


def word(name: str, values: NDArray[np.bytes_], array: str) -> Column:
    """Return a column of texts of :func:`quoted`, which close themselves."""
    return column(name, values, array, after=b"")


def number(name: str, of: int | NDArray[np.bytes_], array: str = "") -> Column:
    """Return a column of numbers."""
    return column(name, of, array, before=b'"%s":' % name.encode(), after=b",")


TIME = number("event_time_ns", TIME_DIGITS)
"""The column of the event time, which is filled for every encoder."""


def lay_out(*parts: bytes | Column) -> tuple[bytes, np.dtype[np.void]]:
    """Return a row's constant text, spaces where its columns are, and the layout that names the columns."""
    text = b"{"
    columns: dict[str, tuple[int, int]] = {}
    for part in parts:
        if isinstance(part, bytes):
            text += part
        else:
            columns[part.name] = (len(text) + len(part.before), part.width)
            text += part.before + b" " * part.width + part.after
    # The digits of the event time are written in groups, which overlap its column.
    time_at, _ = columns["event_time_ns"]
    for group, (start, width) in enumerate(((0, 3), (3, 4), (7, 4), (11, 4), (15, 4))):
        columns[f"digits{group}"] = (time_at + start, width)
    layout = np.dtype(
        {
            "names": list(columns),
            "formats": [f"S{width}" for _, width in columns.values()],
            "offsets": [at for at, _ in columns.values()],
            "itemsize": len(text),
        }
    )
    return text, layout


def write_times(rows: NDArray[np.void], times: NDArray[np.int64]) -> None:
    """Write event times, by groups of digits where all of them have the 19 digits of our days."""
    if times.size and times.min() < _LEAST_FULL_TIME_NS:
        rows["event_time_ns"] = [b"%*d" % (TIME_DIGITS, time) for time in times.tolist()]
        return
    upper = times // 100_000_000
    lower = (times - upper * 100_000_000).astype(np.uint32)
    top = upper // 100_000_000
    middle = (upper - top * 100_000_000).astype(np.uint32)
    rows["digits0"] = _THREE_DIGITS[top]
    for group, eight in ((1, middle), (3, lower)):
        left = eight // 10_000
        rows[f"digits{group}"] = _FOUR_DIGITS[left]
        rows[f"digits{group + 1}"] = _FOUR_DIGITS[eight - left * 10_000]


def write_window_ids(rows: NDArray[np.void], window_ids: NDArray[np.int64]) -> None:
    """Write window ids, each distinct one formatted once: neighbouring events mostly lie in one window."""
    if window_ids.size and window_ids.min() == window_ids.max():
        rows["window_id"] = _window_text(int(window_ids[0]))
        return
    distinct, which = np.unique(window_ids, return_inverse=True)
    texts = [_window_text(window) for window in distinct.tolist()]
    rows["window_id"] = np.array(texts, dtype=f"S{WINDOW_WIDTH}")[which]


def _window_text(window: int) -> bytes:
    text = b"%*d" % (WINDOW_WIDTH, window)
    if len(text) > WINDOW_WIDTH:
        raise OverflowError(f"window id {window} has more than {WINDOW_WIDTH} characters")
    return text


class PayloadRows:
    """A buffer of rows, with padding where a least size of payloads asks for it; belongs to one thread.

    `parts` are what stands between a row's brace and its padding and produce time.
    """

    def __init__(self, config: Config, *parts: bytes | Column) -> None:
        end = b'"produce_time":'
        self._columns = [part for part in parts if isinstance(part, Column)]
        self._text, self._layout = lay_out(*parts, end)
        missing = config.events.payload_bytes - len(self._text) - PRODUCE_TIME_BYTES
        self._pads = None
        if missing > 0:
            pad = max(1, missing - len(b',"padding":""'))
            self._pads = padding_pool(config.run.seed, pad)
            self._text, self._layout = lay_out(*parts, column("padding", pad), end)
        self._rows = np.empty(0, dtype=self._layout)

    def of(self, block: EventBlock, schedule: Schedule) -> NDArray[np.void]:
        """Return a row for each event, complete but for columns without texts; the next call takes it back."""
        count = len(block)
        if self._rows.size < count:
            self._rows = np.frombuffer(bytearray(self._text * count), dtype=self._layout)
        rows = self._rows[:count]
        if self._pads is not None:
            numbers = np.arange(block.first, block.first + count, dtype=np.int64)
            rows["padding"] = self._pads[numbers * PADDING_STRIDE % PADDING_POOL_BYTES]
        for part in self._columns:
            if part.texts is not None:
                rows[part.name] = part.texts[getattr(block, part.array)]
        write_times(rows, block.event_offset_ns + schedule.epoch_ns)
        return rows


def texts_of(rows: NDArray[np.void]) -> list[bytes]:
    """Return the text of each row."""
    texts: list[bytes] = rows.view(f"S{rows.itemsize}").tolist()
    return texts


def padding_pool(seed: int, pad: int) -> NDArray[np.bytes_]:
    """Return all pads of `pad` bytes that begin in a pool of random letters, digits and signs, as a view.

    The 64 characters carry 6 bits each: a compressor gains at most a quarter on them.
    """
    alphabet = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", dtype=np.uint8)
    draws = stream_rng(seed, "padding").integers(0, alphabet.size, size=PADDING_POOL_BYTES + pad, dtype=np.uint8)
    pool = alphabet[draws]
    return np.ndarray((PADDING_POOL_BYTES,), dtype=f"S{pad}", buffer=pool.data, strides=(1,))
