"""Visits as JSON bytes; see :mod:`windowbench.load.payload` for how that is fast. Pure.

The Kafka key is the user, so an event is named by its first field, ``event_id``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.load.events import EventBlock
from windowbench.load.payload import TIME, Encoding, PayloadRows, column, number, texts_of, word
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.load.streams import stream_rng
from windowbench.workloads.kit.encoding import NamedByField, numbers, padded, words
from windowbench.workloads.web_analytics.events import (
    COUNTRIES,
    LATE_USERS,
    NUM_PROFILES,
    WebBlock,
    page_urls,
    profile_countries,
)
from windowbench.workloads.web_analytics.settings import EVENT_TYPES, WebAnalyticsSettings

_USER_BYTES = len("user-0000000000")
_MS_DIGITS = 13
_REVENUES = 50_001
_GROUPS = {size: np.array([b"%0*d" % (size, n) for n in range(10**size)], dtype=f"S{size}") for size in (1, 2, 4)}
"""Numbers as text, by how many digits they have."""
_CITIES = ("Springfield", "Riverside", "Fairview", "Georgetown", "Salem", "Clinton", "Greenville", "Bristol")
_DEVICES = (
    ("desktop", "Windows 11", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"),
    ("desktop", "macOS 15", "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_1) AppleWebKit/605.1.15 (KHTML, like Gecko)"),
    ("mobile", "Android 15", "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko)"),
    ("mobile", "iOS 18", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15"),
    ("tablet", "iPadOS 18", "Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15"),
)
_BROWSERS = (("Chrome", "Chrome/131.0.0.0 Safari/537.36"), ("Firefox", "Firefox/132.0"), ("Safari", "Version/18.1"))


def user_ids(users: NDArray[np.integer[Any]]) -> NDArray[np.bytes_]:
    """Return the id of each user."""
    late = users >= LATE_USERS
    ids = np.empty(users.size, dtype=[("kind", "S5"), ("number", "S10")])
    ids["kind"] = np.where(late, b"late-", b"user-")
    ids["number"] = _digits(np.where(late, users - LATE_USERS, users).astype(np.int64), 10)
    return ids.view(f"S{_USER_BYTES}")


def _digits(numbers: NDArray[np.int64], width: int) -> NDArray[np.bytes_]:
    """Return numbers as text of equal width, zeros before them, by groups of digits."""
    sizes = ([width % 4] if width % 4 else []) + [4] * (width // 4)
    text = np.empty(numbers.size, dtype=[(f"group{place}", f"S{size}") for place, size in enumerate(sizes)])
    for place in reversed(range(len(sizes))):
        upper = numbers // 10 ** sizes[place]
        text[f"group{place}"] = _GROUPS[sizes[place]][numbers - upper * 10 ** sizes[place]]
        numbers = upper
    return text.view(f"S{width}")


def _profiles(seed: int) -> NDArray[np.bytes_]:
    """Return what sessions of the users of each profile say of themselves, as JSON."""
    rng, countries = stream_rng(seed, "profiles"), profile_countries(seed).tolist()
    drawn = rng.integers(0, (len(_CITIES), len(_DEVICES), len(_BROWSERS)), size=(NUM_PROFILES, 3)).tolist()
    octets = rng.integers(1, 255, size=(NUM_PROFILES, 4)).tolist()
    texts = []
    for country, (city, device, browser), address in zip(countries, drawn, octets, strict=True):
        kind, system, agent = _DEVICES[device]
        name, suffix = _BROWSERS[browser]
        texts.append(
            f'"user_agent":"{agent} {suffix}","ip":"{".".join(map(str, address))}","country":"{COUNTRIES[country]}",'
            f'"city":"{_CITIES[city]}","device":"{kind}","browser":"{name}","os":"{system}",'
        )
    return padded(texts)


def _pages(urls: Sequence[str]) -> NDArray[np.bytes_]:
    texts = [f'"url":"{url}","title":"{url.strip("/").replace("/", " ") or "home"} | Example shop",' for url in urls]
    return padded(texts)


class PayloadEncoder(NamedByField):
    """Renders blocks of events."""

    def __init__(self, config: Config) -> None:
        urls = page_urls(WebAnalyticsSettings.of(config.workload).num_products)
        referrers = [*urls, "https://search.example/"]  # the last one for -1
        self._profiles = _profiles(config.run.seed)
        self._rows = PayloadRows(
            config,
            self.COLUMN,
            word("event_type", words(EVENT_TYPES), "event_type"),
            column("user_id", _USER_BYTES),
            column("page", _pages(urls), "page_index", before=b"", after=b""),
            word("referrer", words(referrers), "came_from"),
            number("load_ms", numbers(range(3_000)), "load_ms"),
            column("profile", self._profiles.itemsize, before=b"", after=b""),
            number("revenue_cents", numbers(range(_REVENUES)), "revenue_cents"),
            number("session_start", _MS_DIGITS),
            number("page_views", numbers(range(1_000)), "views_before"),
            TIME,
        )

    def encode(self, block: EventBlock, schedule: Schedule) -> list[bytes]:
        """Return the payload of each event up to and including ``"produce_time":``."""
        block = WebBlock.of(block)
        rows = self._rows.of(block, schedule)
        rows["event_id"] = self.names(block)
        rows["user_id"] = user_ids(block.visitor)
        rows["profile"] = self._profiles[block.visitor % NUM_PROFILES]
        starts = (block.event_offset_ns - block.age_ns + schedule.epoch_ns) // NS_PER_MS
        rows["session_start"] = _digits(starts, _MS_DIGITS)
        return texts_of(rows)

    def keys(self, block: EventBlock) -> list[bytes]:
        """Return the Kafka key of each event: its user."""
        keys: list[bytes] = user_ids(WebBlock.of(block).visitor).tolist()
        return keys


ENCODING = Encoding(encoder=PayloadEncoder)
