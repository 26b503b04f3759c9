"""The settings of the click attribution workload: who sees what, which clicks belong to whom, what is an anomaly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from windowbench.settings.knobs import knob, require, require_topic, require_whole_ms
from windowbench.settings.workload import COUNTINGS, EXACT, QuerySettings, WorkloadSettings

KINDS = ("impression", "click")
"""What an event is; each kind has a topic of its own."""
METRICS = ("campaign", "device", "anomaly")
"""The types of result rows."""
LONGEST_ID = 256
"""Longest id, or name of a device type, of a good event, in characters: state by key must not grow without bound."""
ZERO_VARIANCE_TOLERANCE = 1e-9
"""How far a rate may be from those before it that are all alike, and be no anomaly."""
DEVICES = ("mobile", "desktop", "tablet", "tv")
BROWSERS = ("chrome", "safari", "firefox", "edge", "samsung")


@dataclass(frozen=True, kw_only=True, slots=True)
class AdClicksQuery(QuerySettings):
    """Which clicks belong to whom, and what is an anomaly."""

    FURTHER_TOPICS: ClassVar[tuple[str, ...]] = ("clicks_topic",)
    APPEND_ONLY: ClassVar[bool] = True
    APPROXIMATIONS: ClassVar[tuple[str, ...]] = ("distinct_users",)

    clicks_topic: str = knob("ad-clicks", "topic of the clicks")
    attribution_sec: float = knob(30.0, "how long after an impression a click on it counts, both ends included")
    history_windows: int = knob(20, "windows with impressions that a click-through rate is compared with, at most")
    least_history_windows: int = knob(5, "windows with impressions without which nothing is an anomaly")
    anomaly_deviations: float = knob(3.0, "sample standard deviations from the mean beyond which a rate is an anomaly")
    distinct_users: str = knob(
        EXACT,
        "how the users of a window are counted: exactly, or by an approximation that the engine knows",
        choices=COUNTINGS,
    )

    def __post_init__(self) -> None:
        require_topic("clicks_topic", self.clicks_topic)
        require(
            1 <= self.attribution_sec <= 86_400,
            f"attribution_sec must be 1 to 86400, not {self.attribution_sec:g}",
        )
        require_whole_ms("attribution_sec", self.attribution_sec)
        require(
            self.least_history_windows >= 2, "least_history_windows must be at least 2: of one there is no deviation"
        )
        require(
            self.least_history_windows <= self.history_windows <= 1000,
            "history_windows must be least_history_windows to 1000",
        )
        require(0 < self.anomaly_deviations <= 1000, "anomaly_deviations must be above 0 and at most 1000")

    @property
    def attribution_ms(self) -> int:
        """How long after an impression a click on it counts, in ms."""
        return round(self.attribution_sec * 1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdClicksSettings(AdClicksQuery, WorkloadSettings):
    """Who sees what, and which of it is clicked."""

    QUERY: ClassVar[type[QuerySettings]] = AdClicksQuery
    DEFAULTS: ClassVar[Mapping[str, object]] = MappingProxyType(
        {
            "events_topic": "ad-impressions",
            "result_topic": "ctr-metrics",
            "window_size_sec": 60.0,
            "duration_seconds": 300.0,
            "cooldown_seconds": 35.0,
        }
    )
    PROFILES: ClassVar[Mapping[str, Mapping[str, object]]] = MappingProxyType(
        {
            "smoke": {
                "attribution_sec": 2.0,
                "warmup_seconds": 25.0,
                "cooldown_seconds": 4.0,
                "num_campaigns": 10,
                "num_users": 1000,
                "anomaly_share": 0.1,
            },
            "bench": {"attribution_sec": 2.0, "cooldown_seconds": 5.0},
            "capacity": {"attribution_sec": 2.0, "cooldown_seconds": 4.0},
        }
    )
    VARIABLES: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "EVENT_RATE": "rate",
            "CLICK_RATIO": "click_ratio",
            "IMPRESSION_TOPIC": "events_topic",
            "CLICK_TOPIC": "clicks_topic",
        }
    )
    EVENT_BYTES: ClassVar[int] = 400

    num_campaigns: int = knob(20, "campaigns that advertisements belong to", everyday=True)
    campaign_skew: float = knob(0.0, "Zipf exponent of the campaigns; 0 is even")
    num_users: int = knob(10_000, "users that are shown advertisements", everyday=True)
    click_ratio: float = knob(0.1, "clicks for each impression", everyday=True)
    orphan_share: float = knob(0.01, "share of clicks whose impression nobody has seen")
    duplicate_share: float = knob(0.01, "share of clicks that repeat an earlier click, with its click_id")
    anomaly_share: float = knob(0.02, "share of time for which a campaign has an anomaly planted")
    anomaly_factor: float = knob(5.0, "how many times as often an impression is clicked in a planted anomaly")

    def __post_init__(self) -> None:
        AdClicksQuery.__post_init__(self)
        require(1 <= self.num_campaigns <= 100_000, "num_campaigns must be 1 to 100000")
        require(0 <= self.campaign_skew <= 10, "campaign_skew must be 0 to 10")
        require(1 <= self.num_users <= 1_000_000, "num_users must be 1 to 1000000")
        require(0 < self.click_ratio <= 10, "click_ratio must be above 0 and at most 10")
        require(0 <= self.orphan_share <= 1, "orphan_share must be 0 to 1")
        require(0 <= self.duplicate_share <= 1, "duplicate_share must be 0 to 1")
        require(self.orphan_share + self.duplicate_share <= 1, "orphan_share and duplicate_share must not exceed 1")
        require(0 <= self.anomaly_share <= 1, "anomaly_share must be 0 to 1")
        require(0 <= self.anomaly_factor <= 1000, "anomaly_factor must be 0 to 1000")

    @property
    def scope(self) -> dict[str, int]:
        """The campaigns and kinds of devices."""
        return {"campaigns": self.num_campaigns, "device types": len(DEVICES)}
