"""The settings of the product click-through workload: which products there are, and how late their events come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from windowbench.settings.knobs import knob, require, require_topic, require_whole_ms
from windowbench.settings.windows import MUST_COUNT_MARGIN_MS
from windowbench.settings.workload import QuerySettings, WorkloadSettings

KINDS = ("impression", "click")
"""What an event is; each kind has a topic of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductCtrQuery(QuerySettings):
    """How long late events still revise a result."""

    FURTHER_TOPICS: ClassVar[tuple[str, ...]] = ("clicks_topic",)
    REVISES: ClassVar[bool] = True

    clicks_topic: str = knob("clicks", "topic of the clicks on products")
    allowed_lateness_sec: float = knob(
        5.0, "how long after the watermark has passed a window late events still revise its result"
    )

    def __post_init__(self) -> None:
        require_topic("clicks_topic", self.clicks_topic)
        require(0 < self.allowed_lateness_sec <= 3_000, "allowed_lateness_sec must be above 0 and at most 3000")
        require_whole_ms("allowed_lateness_sec", self.allowed_lateness_sec)

    @property
    def lateness_ms(self) -> int:
        """Allowed lateness in ms."""
        return round(self.allowed_lateness_sec * 1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductCtrSettings(ProductCtrQuery, WorkloadSettings):
    """Which products there are, and how late their events come."""

    QUERY: ClassVar[type[QuerySettings]] = ProductCtrQuery
    DEFAULTS: ClassVar[Mapping[str, object]] = MappingProxyType({"events_topic": "impressions"})
    PROFILES: ClassVar[Mapping[str, Mapping[str, object]]] = MappingProxyType(
        {
            "smoke": {"allowed_lateness_sec": 2.0, "revising_extent_ms": 1400, "num_products": 20},
            # Under a load that fills the machine producers may be held up for more than a second; what is that late
            # and was to come just within the lateness is dropped.
            "bench": {"revising_extent_ms": 2000},
        }
    )
    EVENT_BYTES: ClassVar[int] = 280

    num_products: int = knob(100, "products that are shown and clicked", everyday=True)
    product_skew: float = knob(0.0, "Zipf exponent of the products; 0 is even")
    click_ratio: float = knob(0.1, "clicks for each impression", everyday=True)
    revising_share: float = knob(0.02, "share of events whose times lie behind the watermark, within the lateness")
    revising_extent_ms: int = knob(4000, "how far behind the watermark delay those times lie at most")

    def __post_init__(self) -> None:
        ProductCtrQuery.__post_init__(self)
        require(1 <= self.num_products <= 1_000_000, "num_products must be 1 to 1000000")
        require(0 <= self.product_skew <= 10, "product_skew must be 0 to 10")
        require(0 < self.click_ratio <= 1000, "click_ratio must be above 0 and at most 1000")
        require(0 <= self.revising_share < 1, "revising_share must be at least 0 and below 1")
        most = self.lateness_ms - MUST_COUNT_MARGIN_MS - 2
        require(
            self.revising_share == 0 or 1 <= self.revising_extent_ms <= most,
            f"revising_extent_ms ({self.revising_extent_ms}) must be 1 to {max(most, 0)}, the allowed lateness less"
            f" {MUST_COUNT_MARGIN_MS + 2} ms: events further back would be dropped by chance",
        )

    @property
    def scope(self) -> dict[str, int]:
        """The products."""
        return {"products": self.num_products}
