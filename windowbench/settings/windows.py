"""Event-time windows and their watermark."""

from __future__ import annotations

from dataclasses import dataclass

from windowbench.settings.knobs import knob, require, require_whole_ms

MUST_COUNT_MARGIN_MS = 500
"""M of docs/measurement.md: an event due this long before its window may close must count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowSettings:
    """Event-time windows and their watermark."""

    window_size_sec: float = knob(10.0, "length of a window", everyday=True)
    slide_sec: float | None = knob(
        None, "distance between window starts of sliding windows; tumbling when none", everyday=True
    )
    watermark_delay_sec: float = knob(3.0, "how far the watermark stays behind the greatest event time", everyday=True)

    def __post_init__(self) -> None:
        require(self.window_size_sec > 0, "window_size_sec must be positive")
        require(0 <= self.watermark_delay_sec <= 86_400, "watermark_delay_sec must be 0 to 86400")
        require(self.slide_sec is None or self.slide_sec > 0, "slide_sec must be positive")
        for name in ("window_size_sec", "slide_sec", "watermark_delay_sec"):
            require_whole_ms(name, getattr(self, name))
        require(self.size_ms > 0 and self.slide_ms > 0, "windows and slides last at least one millisecond")
        require(
            self.size_ms % self.slide_ms == 0,
            f"window_size_sec must be a multiple of slide_sec:"
            f" {self.window_size_sec} is not a multiple of {self.slide_sec}",
        )

    @property
    def size_ms(self) -> int:
        """Length of a window in ms."""
        return round(self.window_size_sec * 1000)

    @property
    def slide_ms(self) -> int:
        """Distance between window starts in ms; the window size for tumbling windows."""
        return round((self.slide_sec or self.window_size_sec) * 1000)

    @property
    def delay_ms(self) -> int:
        """Watermark delay in ms."""
        return round(self.watermark_delay_sec * 1000)
