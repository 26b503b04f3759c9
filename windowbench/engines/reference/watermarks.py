"""How far event time has come: per partition, and over all of them. Pure; time passes by being told so.

The rules:

* A partition's watermark is its greatest event time less the delay. END raises it to the end of time.
* The watermark of the whole is the least over all partitions that are not idle. It never goes back.
* A partition is idle when its consumer has read it to the end and then polled for the idle time-out without a record,
  as Flink's idle-source time-out has it. It then holds nobody back. The first record wakes it.
* While every partition is idle the watermark stays where it is.
* Time counts towards idleness only while the consumer polls: after a stall of the consumer itself, records may be
  waiting, so one gap between two polls counts as at most :data:`LONGEST_POLL_MS`.
"""

from __future__ import annotations

from collections.abc import Iterable

from windowbench.load.schedule import END_EVENT_TIME_NS, NS_PER_MS

LONGEST_POLL_MS = 100.0


class PartitionClock:
    """What a consumer knows of one of its partitions.

    Parameters
    ----------
    delay_ms : int
        Watermark delay.
    idle_timeout_ms : int
        Without a record for this long the partition is idle; 0 switches idleness off.

    Attributes
    ----------
    position : int
        Next offset to be read.
    idle : bool
        Whether the partition holds nobody back.
    """

    def __init__(self, delay_ms: int, idle_timeout_ms: int) -> None:
        """Begin before the first record."""
        self._delay_ns = delay_ms * NS_PER_MS
        self._idle_timeout_ms = idle_timeout_ms
        self._newest_ns: int | None = None
        self._quiet_ms = 0.0
        self.position = 0
        self.idle = False

    @property
    def watermark_ns(self) -> int | None:
        """The partition's watermark, None before its first event."""
        if self._newest_ns is None or self._newest_ns >= END_EVENT_TIME_NS:
            return self._newest_ns
        return self._newest_ns - self._delay_ns

    def read(self, offset: int, event_ns: int | None) -> None:
        """Note a record; `event_ns` is None for one that was rejected."""
        self.position = offset + 1
        if event_ns is None:
            return  # rubbish says nothing about time
        self._quiet_ms, self.idle = 0.0, False
        if self._newest_ns is None or event_ns > self._newest_ns:
            self._newest_ns = event_ns

    def wait(self, elapsed_ms: float, *, at_end: bool) -> None:
        """Note that a poll of `elapsed_ms` brought no record of this partition.

        Parameters
        ----------
        elapsed_ms : float
            Since the poll before.
        at_end : bool
            Whether everything the partition holds has been read.
        """
        if not at_end or self._idle_timeout_ms == 0 or self._newest_ns == END_EVENT_TIME_NS:
            self._quiet_ms = 0.0
            return
        self._quiet_ms += min(elapsed_ms, LONGEST_POLL_MS)
        self.idle = self._quiet_ms >= self._idle_timeout_ms


class GlobalWatermark:
    """The least watermark over partitions.

    Parameters
    ----------
    partitions : iterable of int
        All of them: one that nobody has reported yet holds the watermark back.

    Attributes
    ----------
    watermark_ns : int or None
        None as long as some partition may still begin anywhere.
    """

    def __init__(self, partitions: Iterable[int]) -> None:
        """Begin without any report."""
        self._local: dict[int, tuple[int | None, bool]] = dict.fromkeys(partitions, (None, False))
        self.watermark_ns: int | None = None

    def update(self, partition: int, watermark_ns: int | None, *, idle: bool) -> None:
        """Take a partition's report; :attr:`watermark_ns` says what follows from all of them."""
        self._local[partition] = (watermark_ns, idle)
        active = [local for local, is_idle in self._local.values() if not is_idle]
        known = [local for local in active if local is not None]
        if known and len(known) == len(active):
            least = min(known)
            if self.watermark_ns is None or least > self.watermark_ns:
                self.watermark_ns = least
