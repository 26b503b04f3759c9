"""What the reference engine makes of a case, without a broker: its consumers' records are handed to its aggregator."""

import orjson

from tests.parity.cases import RUN_ID
from tests.parity.oracle_rows import case_config
from tests.parity.spark_rows import payload
from windowbench.engines.reference.aggregator import Aggregator
from windowbench.engines.reference.counts import PartialCounts
from windowbench.engines.reference.messages import partial_records, watermark_record
from windowbench.engines.reference.records import END
from windowbench.engines.reference.watermarks import LONGEST_POLL_MS, PartitionClock
from windowbench.load.schedule import END_EVENT_TIME_NS, END_EVENT_TYPE
from windowbench.workloads.ad_ctr.reference import QUERY, EventReader

IDLE_TIMEOUT_MS = 1_000
ENGINE = "this-start"


class Replay:
    """One consumer a partition, and the aggregator; every batch is followed by a report of each consumer."""

    def __init__(self, config, partitions=1):
        self._reader = EventReader(RUN_ID)
        self.counts = [PartialCounts(config.windows, 3) for _ in range(partitions)]
        self.clocks = [PartitionClock(config.windows.delay_ms, IDLE_TIMEOUT_MS) for _ in range(partitions)]
        self.windows = QUERY.windows(config.replace(run_id=RUN_ID))
        self.aggregator = Aggregator(ENGINE, range(partitions), self.windows)
        self.rejected = [0] * partitions
        self.rows = []

    def feed(self, *records):
        """Give (partition, value, timestamp in ms) to the consumers, and what they report to the aggregator."""
        for partition, value, record_ms in records:
            event = self._reader.read(value, record_ms)
            clock = self.clocks[partition]
            clock.read(clock.position, None if event is None else event[2])
            if event is None:
                self.rejected[partition] += 1
            elif event is not END:
                self.counts[partition].add(event)
        self.report()

    def report(self):
        for number, clock in enumerate(self.clocks):
            for value in partial_records(ENGINE, number, self.counts[number].take()):
                self.rows += self.aggregator.take(value)
            value = watermark_record(ENGINE, number, {number: clock}, events=0, rejected=self.rejected[number])
            self.rows += self.aggregator.take(value)

    def fall_asleep(self, partition):
        for _ in range(int(IDLE_TIMEOUT_MS / LONGEST_POLL_MS)):
            self.clocks[partition].wait(LONGEST_POLL_MS, at_end=True)
        assert self.clocks[partition].idle

    def end(self):
        fields = {"event_type": END_EVENT_TYPE, "run_id": RUN_ID, "event_time_ns": END_EVENT_TIME_NS}
        self.feed(*((n, orjson.dumps(fields), 0) for n in range(len(self.clocks))))


def record_on(partition, event):
    return partition, orjson.dumps(payload(event)), event.produce_ms


def reference_rows(case, batches, delay_ms, *, partitions=1, idle=()):
    """Return the rows of batches of (partition, event)."""
    replay = Replay(case_config(case, delay_ms), partitions)
    for partition in idle:
        replay.fall_asleep(partition)
    for batch in batches:
        replay.feed(*(record_on(partition, event) for partition, event in batch))
    replay.end()
    return replay.rows
