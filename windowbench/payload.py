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

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.events import AD_TYPES, EventBlock, ad_ids, ip_addresses, page_ids, user_ids
from windowbench.schedule import NS_PER_MS, Schedule
from windowbench.streams import stream_rng
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES, AdCtrSettings

_PRODUCE_TIME_BYTES = len(b"1760000000000}")
_TIME_DIGITS = 19
_WINDOW_WIDTH = 12
_MAX_ADDRESS = len("255.255.255.255")

_FOUR_DIGITS = np.array([b"%04d" % i for i in range(10_000)], dtype="S4")
_THREE_DIGITS = np.array([b"%03d" % i for i in range(1_000)], dtype="S3")
_LEAST_FULL_TIME_NS = 10 ** (_TIME_DIGITS - 1)

_PADDING_POOL_BYTES = 1 << 22
_PADDING_STRIDE = 2_592_223
"""Odd and about the golden ratio of the pool: pads of neighbouring events begin far from each other."""


def _quoted(values: Iterable[bytes], width: int) -> NDArray[np.bytes_]:
    """Return strings with their closing quote and the comma, then spaces up to the widest."""
    return np.array([(value + b'",').ljust(width + 2) for value in values], dtype=f"S{width + 2}")


class PayloadEncoder:
    """Renders blocks of events as JSON payloads that lack only their produce time.

    Parameters
    ----------
    config : Config
        Gives the pools that values come from, the width of the columns and the least payload size.

    Notes
    -----
    An encoder keeps one buffer of rows and belongs to one thread.
    """

    def __init__(self, config: Config) -> None:
        """Make the tables of ready-made text."""
        own, seed = AdCtrSettings.of(config.workload), config.run.seed
        self._slide_ns = config.windows.slide_ms * NS_PER_MS
        self._users = user_ids(seed)
        self._pages = page_ids(seed)
        self._ads = ad_ids(own.num_campaigns, own.ads_per_campaign, seed)
        self._ad_types = _quoted([name.encode() for name in AD_TYPES], max(map(len, AD_TYPES)))
        self._event_types = _quoted([name.encode() for name in EVENT_TYPES], max(map(len, EVENT_TYPES)))
        self._addresses = _quoted(ip_addresses(seed), _MAX_ADDRESS)
        width = len(str(own.num_campaigns - 1))
        self._campaigns = np.array([b"%*d" % (width, c) for c in range(own.num_campaigns)], dtype=f"S{width}")
        self._text, self._layout = self._row(0)
        missing = config.events.payload_bytes - len(self._text) - _PRODUCE_TIME_BYTES
        self._pads = None
        if missing > 0:
            pad = max(1, missing - len(b',"padding":""'))
            self._pads = _padding_pool(seed, pad)
            self._text, self._layout = self._row(pad)
        self._rows = np.empty(0, dtype=self._layout)

    def _row(self, pad: int) -> tuple[bytes, np.dtype[np.void]]:
        """Return the constant text of a row and the layout that names its columns; see :func:`_lay_out`."""
        padding = (b',"padding":"', ("padding", pad), b'"') if pad else ()
        return _lay_out(
            b'{"user_id":"',
            ("user_id", self._users.itemsize),
            b'","page_id":"',
            ("page_id", self._pages.itemsize),
            b'","ad_id":"',
            ("ad_id", self._ads.itemsize),
            b'","ad_type":"',
            ("ad_type", self._ad_types.itemsize),
            b'"event_type":"',
            ("event_type", self._event_types.itemsize),
            b'"event_time_ns":',
            ("event_time_ns", _TIME_DIGITS),
            b',"window_id":',
            ("window_id", _WINDOW_WIDTH),
            b',"ip_address":"',
            ("ip_address", self._addresses.itemsize),
            b'"campaign_id":',
            ("campaign_id", self._campaigns.itemsize),
            *padding,
            b',"produce_time":',
        )

    def encode(self, block: EventBlock, schedule: Schedule) -> list[bytes]:
        """Return the payload of each event up to and including ``"produce_time":``.

        Parameters
        ----------
        block : EventBlock
            Events of one producer.
        schedule : Schedule
            Places them in time: its epoch gives the event times, its base time the window ids.
        """
        count = len(block)
        if self._rows.size < count:
            self._rows = np.frombuffer(bytearray(self._text * count), dtype=self._layout)
        rows = self._rows[:count]
        rows["user_id"] = self._users[block.user]
        rows["page_id"] = self._pages[block.page]
        rows["ad_id"] = self._ads[block.ad]
        rows["ad_type"] = self._ad_types[block.ad_type]
        rows["event_type"] = self._event_types[block.event_type]
        rows["ip_address"] = self._addresses[block.ip]
        rows["campaign_id"] = self._campaigns[block.campaign_id]
        event_time_ns = block.event_offset_ns + schedule.epoch_ns
        _write_times(rows, event_time_ns)
        _write_window_ids(rows, (event_time_ns - schedule.base_time_ns) // self._slide_ns)
        if self._pads is not None:
            numbers = np.arange(block.first, block.first + count, dtype=np.int64)
            rows["padding"] = self._pads[numbers * _PADDING_STRIDE % _PADDING_POOL_BYTES]
        texts: list[bytes] = rows.view(f"S{rows.itemsize}").tolist()
        return texts


def _lay_out(*parts: bytes | tuple[str, int]) -> tuple[bytes, np.dtype[np.void]]:
    """Return a row's constant text, spaces where its columns are, and the layout that names the columns.

    Parameters
    ----------
    *parts : bytes or (str, int)
        Constant text, or the name and width of a column.
    """
    text = b""
    columns: dict[str, tuple[int, int]] = {}
    for part in parts:
        if isinstance(part, bytes):
            text += part
        else:
            name, width = part
            columns[name] = (len(text), width)
            text += b" " * width
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


def _write_times(rows: NDArray[np.void], times: NDArray[np.int64]) -> None:
    """Write event times, by groups of digits where all of them have the 19 digits of our days."""
    if times.size and times.min() < _LEAST_FULL_TIME_NS:
        rows["event_time_ns"] = [b"%*d" % (_TIME_DIGITS, time) for time in times.tolist()]
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


def _write_window_ids(rows: NDArray[np.void], window_ids: NDArray[np.int64]) -> None:
    """Write window ids, each distinct one formatted once: neighbouring events mostly lie in one window."""
    if window_ids.size and window_ids.min() == window_ids.max():
        rows["window_id"] = _window_text(int(window_ids[0]))
        return
    distinct, which = np.unique(window_ids, return_inverse=True)
    texts = [_window_text(window) for window in distinct.tolist()]
    rows["window_id"] = np.array(texts, dtype=f"S{_WINDOW_WIDTH}")[which]


def _window_text(window: int) -> bytes:
    text = b"%*d" % (_WINDOW_WIDTH, window)
    if len(text) > _WINDOW_WIDTH:
        msg = f"window id {window} has more than {_WINDOW_WIDTH} characters"
        raise OverflowError(msg)
    return text


def _padding_pool(seed: int, pad: int) -> NDArray[np.bytes_]:
    """Return all pads of `pad` bytes that begin in a pool of random letters, digits and signs, as a view.

    Notes
    -----
    The 64 characters carry 6 bits each: a compressor gains at most a quarter on them.
    """
    alphabet = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", dtype=np.uint8)
    draws = stream_rng(seed, "padding").integers(0, alphabet.size, size=_PADDING_POOL_BYTES + pad, dtype=np.uint8)
    pool = alphabet[draws]
    return np.ndarray((_PADDING_POOL_BYTES,), dtype=f"S{pad}", buffer=pool.data, strides=(1,))
