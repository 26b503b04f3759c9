"""A micro-batch engine of a few lines with a known limit, its runs judged by the project's own rules.

Events come evenly; a batch takes everything that has come, and lasts an overhead plus the events over the service
rate. So whatever the overhead, any rate below the service rate is sustained and none above it. Nothing runs: a probe
is a walk from batch to batch.
"""

from dataclasses import dataclass, field

import numpy as np

from config import Config
from tests.unit.summaries import typed
from windowbench.capacity.outcome import assess
from windowbench.capacity.search import Found, Probe, Try, next_step
from windowbench.judge.measures.steady_state import theil_sen
from windowbench.judge.verdict.verdict import SustainFigures, decide, generator_reasons, level_reasons, sustain_reasons
from windowbench.runs.files.codec import as_json
from windowbench.runs.files.load import GeneratorFigures

CONFIG = Config()
WINDOW_S, DELAY_S, COOLDOWN_S = 2.0, 1.0, 2.0


@dataclass(kw_only=True)
class SimulatedEngine:
    """What serves the load, and what offers it.

    Attributes
    ----------
    service_rate : float
        Events/s: the known limit.
    overhead_s : float
        Of each batch.
    jitter : float
        Relative standard deviation of a batch's length.
    cliff_events : float
        Unread events beyond which the service rate falls to a third: caches and memory no longer suffice.
    generator_rate : float
        Events/s that the producers can send.
    broker_rate : float
        Events/s that the broker takes; beyond, acknowledgements take seconds and the producers wait for room.
    disturbed : set of int
        Numbers of the probes during which the machine was stolen.
    """

    service_rate: float
    overhead_s: float = 0.02
    jitter: float = 0.0
    cliff_events: float = float("inf")
    generator_rate: float = float("inf")
    broker_rate: float = float("inf")
    seed: int = 1
    disturbed: frozenset = frozenset()
    served: int = field(default=0, init=False)

    def __post_init__(self):
        self._rng = np.random.default_rng(self.seed)

    def summary(self, rate, *, warmup_s=8.0, measured_s=24.0):
        """Return the summary of a run at this rate; what no probe is judged by is of another run."""
        self.served += 1
        sent_rate = min(rate, self.generator_rate, self.broker_rate)
        load_s = warmup_s + measured_s + DELAY_S + COOLDOWN_S
        starts, ends, read_at = self._batches(sent_rate, load_s)
        window_ends = np.arange(warmup_s + WINDOW_S, warmup_s + measured_s + 0.001, WINDOW_S)
        closing = (window_ends + DELAY_S) * rate / sent_rate
        excess_ms = (ends[np.searchsorted(starts, closing)] - (window_ends + DELAY_S)) * 1000
        slope = theil_sen(window_ends, excess_ms)
        sent_all_s = load_s * rate / sent_rate
        sustain = SustainFigures(
            slope=slope,
            results_lag_s=read_at - sent_all_s,
            limit_ms=CONFIG.replace(window_size_sec=WINDOW_S).max_excess_ms,
        )
        generator = self._generator(rate, sent_rate, warmup_s, measured_s)
        reasons = generator_reasons(generator, CONFIG)
        p90_ms = float(np.quantile(excess_ms, 0.9, method="inverted_cdf"))
        level = level_reasons("excess", p90_ms, sustain.limit_ms)
        verdict = as_json(decide(reasons, [*level, *sustain_reasons(sustain)], []))
        if self.served in self.disturbed:
            stolen = {"code": "cpu_steal", "party": "host", "text": "40 % of CPU time was stolen"}
            verdict = {"verdict": "invalid", "reasons": [stolen], "warnings": []}
        return typed(
            verdict=verdict,
            generator=as_json(generator),
            host={"cpu_broker": 0.3},
            load={"scheduled_rate": rate, "measured_seconds": measured_s},
            steady_state={"excess_slope_ms_per_s": as_json(slope)},
            latencies_ms={"excess": {"p90": p90_ms}},
        )

    def _batches(self, rate, load_s):
        """Return starts and ends of all batches, and when the last event was read and answered."""
        starts, ends, now, taken = [], [], 0.0, 0.0
        total = rate * load_s * 1.0
        while taken < total or now < load_s + 20:
            here = min(rate * now, total)
            count = here - taken
            speed = self.service_rate / (3 if count > self.cliff_events else 1)
            lasts = self.overhead_s * self._stretch(self.jitter and 0.5) + count / speed * self._stretch(self.jitter)
            starts.append(now)
            taken, now = here, now + lasts
            ends.append(now)
            if taken >= total and count > 0:
                answered = now
        return np.array(starts), np.array(ends), answered

    def _stretch(self, jitter):
        """Return a random factor with mean 1."""
        return float(self._rng.lognormal(-(jitter**2) / 2, jitter)) if jitter else 1.0

    def _generator(self, rate, sent_rate, warmup_s, measured_s):
        behind = rate / sent_rate - 1
        late_ms = behind * (warmup_s + 0.99 * measured_s) * 1000 + 1.0
        scheduled = round(rate * measured_s)
        return GeneratorFigures(
            scheduled=scheduled,
            sent=scheduled,
            scheduled_measured=scheduled,
            sent_measured=round(sent_rate * measured_s),
            early=0,
            lateness_p50_ms=late_ms / 2,
            lateness_p99_ms=late_ms,
            lateness_max_ms=late_ms,
            lateness_max_all_ms=late_ms,
            ack_p50_ms=3.0,
            ack_p99_ms=4_000.0 if rate > self.broker_rate else 9.0,
            ack_max_ms=9.0,
            last_sent_ns=None,
        )


def probe(engine, step, objectives=()):
    """Make one probe."""
    length = {"warmup_s": 30.0, "measured_s": 60.0} if step.full else {}
    found = assess(engine.summary(step.rate, **length), objectives, cores=2)
    return Probe(rate=step.rate, outcome=found.outcome, full=step.full, throughput=found.throughput)


def search(engine, plan, objectives=()) -> tuple[Found, list[Probe]]:
    """Search to the end; return what was found and every probe."""
    probes: list[Probe] = []
    while isinstance(step := next_step(probes, plan), Try):
        probes.append(probe(engine, step, objectives))
    return step, probes
