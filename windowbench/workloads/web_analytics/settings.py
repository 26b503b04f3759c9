"""The settings of the website workload: who visits, over which spans their events are added up, what is alarming."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from windowbench.settings.knobs import knob, require, require_topic, require_whole_ms
from windowbench.settings.workload import COUNTINGS, EXACT, QuerySettings, WorkloadSettings

EVENT_TYPES = ("PAGE_VIEW", "SESSION_START", "SESSION_END", "CONVERSION")
"""What an event is."""
CART_URL = "/cart"
PRODUCT_PREFIX = "/product/"
FUNNEL = ("view", "product", "cart", "conversion")
"""Steps that a session may reach, counted from 1; 0 is a session without any view."""
TOP_PAGES = 10
LONGEST_PATH = 100
"""Views of a session whose pages are in its path; a visitor who never leaves must not make a row of any length."""
LONGEST_USER, LONGEST_URL, LONGEST_COUNTRY = 64, 200, 64
"""Most characters of a text that engines keep or group by; an event with a longer one is no good event."""
_DAY_MS = "86400000"


@dataclass(frozen=True, kw_only=True, slots=True)
class WebAnalyticsQuery(QuerySettings):
    """Over which spans events are added up, and what is alarming."""

    FURTHER_RESULTS: ClassVar[tuple[str, ...]] = ("alerts_topic",)
    APPEND_ONLY: ClassVar[bool] = True
    APPROXIMATIONS: ClassVar[tuple[str, ...]] = ("distinct_users",)

    alerts_topic: str = knob("cep-alerts", "topic of the alerts: HIGH_BOUNCE_RATE and abandoned carts")
    behaviour_window_sec: float = knob(
        60.0, "length of the windows of conversion rate, most viewed pages and countries, which slide"
    )
    behaviour_slide_sec: float = knob(10.0, "distance between the starts of those windows")
    session_gap_sec: float = knob(1800.0, "a session is over when its user was silent for so long")
    bounce_window_sec: float = knob(300.0, "length of the windows in which a single page view is alarming")
    cart_timeout_sec: float = knob(600.0, "how long after its cart was first seen a session may convert without alarm")
    distinct_users: str = knob(
        EXACT,
        "how the users of a window are counted: exactly, or by an approximation that the engine knows",
        choices=COUNTINGS,
    )

    def __post_init__(self) -> None:
        require_topic("alerts_topic", self.alerts_topic)
        for name in ("behaviour_window_sec", "behaviour_slide_sec", "session_gap_sec", "bounce_window_sec"):
            require(0.001 <= getattr(self, name) <= 86_400, f"{name} must be 0.001 to 86400")
            require_whole_ms(name, getattr(self, name))
        require_whole_ms("cart_timeout_sec", self.cart_timeout_sec)
        require(
            self.behaviour_ms % self.behaviour_slide_ms == 0,
            f"behaviour_window_sec must be a multiple of behaviour_slide_sec:"
            f" {self.behaviour_window_sec} is not a multiple of {self.behaviour_slide_sec}",
        )
        require(
            0 < self.cart_timeout_sec <= self.session_gap_sec,
            f"cart_timeout_sec ({self.cart_timeout_sec}) must be above 0 and at most session_gap_sec"
            f" ({self.session_gap_sec}): the alert comes with the end of the session",
        )

    @property
    def behaviour_ms(self) -> int:
        """Length of the sliding windows in ms."""
        return round(self.behaviour_window_sec * 1000)

    @property
    def behaviour_slide_ms(self) -> int:
        """Distance between their starts in ms."""
        return round(self.behaviour_slide_sec * 1000)

    @property
    def gap_ms(self) -> int:
        """Silence that ends a session, in ms."""
        return round(self.session_gap_sec * 1000)

    @property
    def bounce_ms(self) -> int:
        """Length of the windows of single page views in ms."""
        return round(self.bounce_window_sec * 1000)

    @property
    def cart_timeout_ms(self) -> int:
        """Time for a conversion in ms."""
        return round(self.cart_timeout_sec * 1000)

    @property
    def longest_ms(self) -> int:
        """The longest span, in ms, over which events beside those of the common windows are added up."""
        return max(self.behaviour_ms, self.gap_ms, self.bounce_ms)


@dataclass(frozen=True, kw_only=True, slots=True)
class WebAnalyticsSettings(WebAnalyticsQuery, WorkloadSettings):
    """Who visits."""

    QUERY: ClassVar[type[QuerySettings]] = WebAnalyticsQuery
    DEFAULTS: ClassVar[Mapping[str, object]] = MappingProxyType(
        {
            "events_topic": "website-analytics-events",
            "result_topic": "processed-metrics",
            "partitions": 12,
            "window_size_sec": 5.0,
            "payload_bytes": 1000,
            # With many partitions their first records come to a Flink that has just begun over some seconds: none of
            # them may be taken for idle, or the watermark passes what is still to be read of it.
            "idle_timeout_ms": 5000,
        }
    )
    # In smoke and bench a row waits for two batches of Spark, whose many operators take 1.1 s each whatever is in them,
    # and 2 s or more at the rate of bench: the excess is greater than elsewhere, and does not grow.
    PROFILES: ClassVar[Mapping[str, Mapping[str, object]]] = MappingProxyType(
        {
            "smoke": {
                "partitions": 4,
                "rate": 250.0,
                "warmup_seconds": 14.0,
                "duration_seconds": 24.0,
                "behaviour_window_sec": 4.0,
                "behaviour_slide_sec": 2.0,
                "session_gap_sec": 2.0,
                "bounce_window_sec": 4.0,
                "cart_timeout_sec": 1.2,
                "think_time_sec": 0.5,
                "max_excess_ms": 10_000.0,
            },
            "capacity": {
                "partitions": 4,
                "rate": 1_000.0,
                "behaviour_window_sec": 4.0,
                "behaviour_slide_sec": 2.0,
                "session_gap_sec": 3.0,
                "bounce_window_sec": 4.0,
                "cart_timeout_sec": 3.0,
                "think_time_sec": 0.5,
            },
            "bench": {
                "rate": 2_000.0,
                "window_size_sec": 2.0,
                "behaviour_window_sec": 12.0,
                "behaviour_slide_sec": 2.0,
                "session_gap_sec": 15.0,
                "bounce_window_sec": 10.0,
                "cart_timeout_sec": 10.0,
                "max_excess_ms": 10_000.0,
            },
        }
    )
    TOPIC_SETTINGS: ClassVar[Mapping[str, Mapping[str, str]]] = MappingProxyType(
        {"result_topic": MappingProxyType({"cleanup.policy": "compact", "min.compaction.lag.ms": _DAY_MS})}
    )
    EVENT_BYTES: ClassVar[int] = 1100

    num_products: int = knob(200, "products that have a page", everyday=True)
    think_time_sec: float = knob(3.0, "mean time between two events of a visitor; with the rate it says how many visit")
    endless_visitors: int = knob(1, "visitors whose session never ends")

    def __post_init__(self) -> None:
        WebAnalyticsQuery.__post_init__(self)
        require(1 <= self.num_products <= 100_000, "num_products must be 1 to 100000")
        require(0.001 <= self.think_time_sec <= 3600, "think_time_sec must be 0.001 to 3600")
        require(0 <= self.endless_visitors <= 1000, "endless_visitors must be 0 to 1000")

    @property
    def scope(self) -> dict[str, int]:
        """The products that have a page."""
        return {"products": self.num_products}
