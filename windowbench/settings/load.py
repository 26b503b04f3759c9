"""How many events come when."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from windowbench.settings.knobs import Matrix, knob, require, require_whole_ms

MAX_RATE = 10_000_000


def _irreducible(jumps: Matrix) -> bool:
    """Tell whether every state can be reached from every other; only then the mean rate is defined."""
    for start in range(len(jumps)):
        seen, frontier = {start}, [start]
        while frontier:
            fresh = {j for j, p in enumerate(jumps[frontier.pop()]) if p > 0} - seen
            seen |= fresh
            frontier += fresh
        if len(seen) < len(jumps):
            return False
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadSettings:
    """How many events come when."""

    num_producers: int = knob(2, "producer processes", everyday=True)
    events_per_producer: int | None = knob(20_000, "events of one producer in the measured phase", everyday=True)
    rate: float | None = knob(None, "events per second of all producers, instead of events_per_producer", everyday=True)
    duration_seconds: float = knob(60.0, "length of the measured phase", flag="--duration", everyday=True)
    warmup_seconds: float = knob(
        30.0, "least length of the load before the measured phase", flag="--warmup", everyday=True
    )
    cooldown_seconds: float = knob(
        3.0, "how long the load goes on after the watermark passed the last measured window", flag="--cooldown"
    )
    data_generator: str = knob("poisson", "arrival process", choices=("uniform", "poisson", "mmpp"), everyday=True)
    mmpp_burst_ratio: float = knob(5.0, "rate in the burst state over rate in the calm state", everyday=True)
    mmpp_sojourn_seconds: tuple[float, ...] = knob((4.0, 1.0), "mean sojourn time of each MMPP state")
    mmpp_multipliers: tuple[float, ...] = knob(
        (), "relative rate of each MMPP state, instead of the burst ratio; the mean rate is kept"
    )
    mmpp_jump_matrix: Matrix = knob((), "jump probabilities between MMPP states; uniform over the others when none")

    def __post_init__(self) -> None:
        require(1 <= self.num_producers <= 64, f"num_producers must be 1 to 64, not {self.num_producers}")
        require(
            (self.rate is None) != (self.events_per_producer is None),
            "give either rate or events_per_producer, not both",
        )
        require(
            self.rate is None or 0.001 <= self.rate <= MAX_RATE,
            f"rate must be 0.001 to {MAX_RATE} events/s, not {self.rate}",
        )
        require(
            self.events_per_producer is None or self.events_per_producer > 0, "events_per_producer must be positive"
        )
        require(self.duration_seconds > 0, "duration_seconds must be positive")
        require(self.duration_seconds <= 7 * 86_400, "duration_seconds must be at most a week")
        require(self.warmup_seconds >= 0, "warmup_seconds must not be negative")
        require(self.cooldown_seconds >= 0, "cooldown_seconds must not be negative")
        for name in ("duration_seconds", "warmup_seconds", "cooldown_seconds"):
            require_whole_ms(name, getattr(self, name))
        require(
            self.total_rate <= MAX_RATE,
            f"events_per_producer ({self.events_per_producer}) is above {MAX_RATE} events/s within the duration",
        )
        self._check_mmpp()

    def _check_mmpp(self) -> None:
        states = len(self.mmpp_sojourn_seconds)
        require(states >= 2, "mmpp_sojourn_seconds needs at least two states")
        require(all(s >= 0.001 for s in self.mmpp_sojourn_seconds), "mmpp_sojourn_seconds must be at least 0.001 each")
        require(self.mmpp_burst_ratio >= 1, f"mmpp_burst_ratio must be at least 1, not {self.mmpp_burst_ratio}")
        if self.mmpp_multipliers:
            require(
                len(self.mmpp_multipliers) == states,
                f"mmpp_multipliers names {len(self.mmpp_multipliers)} states, mmpp_sojourn_seconds {states}",
            )
            require(
                all(m >= 0 for m in self.mmpp_multipliers) and any(self.mmpp_multipliers),
                "mmpp_multipliers must not be negative, nor all zero",
            )
        else:
            require(states == 2, "more than two MMPP states need mmpp_multipliers")
        if self.mmpp_jump_matrix:
            square = len(self.mmpp_jump_matrix) == states and all(len(r) == states for r in self.mmpp_jump_matrix)
            require(square, f"mmpp_jump_matrix must be {states} x {states}")
            for i, row in enumerate(self.mmpp_jump_matrix):
                good = all(p >= 0 for p in row) and abs(sum(row) - 1) < 1e-9 and row[i] == 0
                require(good, f"row {i} of mmpp_jump_matrix must sum to 1, with 0 for staying and nothing negative")
            require(
                _irreducible(self.mmpp_jump_matrix), "mmpp_jump_matrix must lead from every state to every other one"
            )

    @property
    def total_rate(self) -> Fraction:
        """Nominal events per second of all producers together, exact."""
        if self.rate is not None:
            return Fraction(self.rate).limit_denominator(10_000)
        assert self.events_per_producer is not None
        seconds = Fraction(self.duration_seconds).limit_denominator(10_000)
        return self.num_producers * self.events_per_producer / seconds

    @property
    def events_label(self) -> int:
        """Return the ``{events}`` of the latency report's file name: events of one producer in the measured phase."""
        if self.events_per_producer is not None:
            return self.events_per_producer
        return round(self.total_rate * Fraction(self.duration_seconds).limit_denominator(10_000) / self.num_producers)
