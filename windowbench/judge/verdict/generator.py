"""What the generator did against what it was scheduled to do. Pure; memory flat in the length of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config import Config
from windowbench.judge.measures.quantiles import DurationHistogram
from windowbench.judge.truth.replay import UNSENT, ScheduledEvents
from windowbench.load.schedule import NS_PER_MS, Schedule
from windowbench.runs.files.load import GeneratorFigures, TopicFigures


@dataclass(frozen=True, kw_only=True, slots=True)
class AckSamples:
    """How long sampled events of one producer waited for their acknowledgement; arrays of equal length."""

    numbers: NDArray[np.int64]
    waited_ns: NDArray[np.int64]

    def ordered(self) -> AckSamples:
        """Return them in the order of event numbers."""
        order = np.argsort(self.numbers, kind="stable")
        return AckSamples(numbers=self.numbers[order], waited_ns=self.waited_ns[order])


class GeneratorLedger:
    """Adds up what happened to the scheduled events, with the sampled acknowledgements of each producer."""

    def __init__(self, config: Config, schedule: Schedule, acks: Mapping[int, AckSamples]) -> None:
        self._schedule = schedule
        self._grace_ns = round(config.judge.max_lateness_p99_ms * NS_PER_MS)
        self._acks = {producer: samples.ordered() for producer, samples in acks.items()}
        self._lateness = DurationHistogram()
        self._ack = DurationHistogram()
        self._scheduled = self._sent = self._scheduled_measured = self._sent_measured = self._early = 0
        self._greatest_lateness_ns: int | None = None
        self._last_sent_ns: int | None = None

    def add(self, events: ScheduledEvents) -> None:
        """Take note of scheduled events and what became of them."""
        due, sent = events.due_ns, events.sent_ns
        was_sent = sent != UNSENT
        measured = (due >= self._schedule.base_time_ns) & (due < self._schedule.measure_end_ns)
        self._scheduled += len(due)
        self._sent += int(np.count_nonzero(was_sent))
        self._scheduled_measured += int(np.count_nonzero(measured))
        in_time = measured & was_sent & (sent <= self._schedule.measure_end_ns + self._grace_ns)
        self._sent_measured += int(np.count_nonzero(in_time))
        self._early += int(np.count_nonzero(was_sent & (sent // NS_PER_MS < due // NS_PER_MS)))
        self._lateness.add((sent - due)[measured & was_sent])
        if was_sent.any():
            greatest = int((sent - due)[was_sent].max())
            self._greatest_lateness_ns = max(greatest, self._greatest_lateness_ns or greatest)
            self._last_sent_ns = max(int(sent[was_sent].max()), self._last_sent_ns or 0)
        self._add_acks(events, measured & was_sent)

    def _add_acks(self, events: ScheduledEvents, counts: NDArray[np.bool_]) -> None:
        samples = self._acks.get(events.producer)
        if samples is None:
            return
        low, high = np.searchsorted(samples.numbers, [events.first, events.first + len(events.due_ns)])
        position = samples.numbers[low:high] - events.first
        self._ack.add(samples.waited_ns[low:high][counts[position]])

    def figures(self, topic: TopicFigures, recorded_sends: int | None = None) -> GeneratorFigures:
        """Return the figures; sends that no scheduled event accounts for count as sent too many."""
        beyond_schedule = 0 if recorded_sends is None else recorded_sends - self._sent
        return GeneratorFigures(
            scheduled=self._scheduled,
            sent=self._sent + beyond_schedule,
            scheduled_measured=self._scheduled_measured,
            sent_measured=self._sent_measured + beyond_schedule,
            early=self._early,
            lateness_p50_ms=_ms(self._lateness.percentile_ns(50)),
            lateness_p99_ms=_ms(self._lateness.percentile_ns(99)),
            lateness_max_ms=_ms(self._lateness.greatest_ns),
            lateness_max_all_ms=_ms(self._greatest_lateness_ns),
            ack_p50_ms=_ms(self._ack.percentile_ns(50)),
            ack_p99_ms=_ms(self._ack.percentile_ns(99)),
            ack_max_ms=_ms(self._ack.greatest_ns),
            last_sent_ns=self._last_sent_ns,
            **dataclasses.asdict(topic),
        )


def _ms(ns: int | None) -> float | None:
    return None if ns is None else ns / NS_PER_MS
