"""The broker, the topics and how producers write to them."""

from __future__ import annotations

from dataclasses import dataclass

from windowbench.settings.knobs import knob, require, require_topic


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicSettings:
    """Where the broker is, and the topics."""

    bootstrap_servers: str | None = knob(
        None, "an external broker (host:port,...); an embedded one is started when none", everyday=True
    )
    kafka_config: str | None = knob(
        None, "file of client settings (TLS, SASL, ...), one key=value a line", everyday=True
    )
    events_topic: str = knob("events_spark", "topic of the events; the first where the workload has several")
    result_topic: str = knob("results_spark", "topic of the result rows; the first where the workload has several")
    partitions: int = knob(2, "partitions of the events topic, of each where the workload has several", everyday=True)
    result_partitions: int = knob(1, "partitions of the results topic, of each where the workload has several")
    replication_factor: int = knob(1, "replicas of each topic")

    def __post_init__(self) -> None:
        for name in ("events_topic", "result_topic"):
            require_topic(name, getattr(self, name))
        require(self.events_topic != self.result_topic, "events_topic and result_topic must differ")
        require(1 <= self.partitions <= 1000, "partitions must be 1 to 1000")
        require(1 <= self.result_partitions <= 1000, "result_partitions must be 1 to 1000")
        require(1 <= self.replication_factor <= 100, "replication_factor must be 1 to 100")
        for address in () if self.bootstrap_servers is None else self.bootstrap_servers.split(","):
            host, _, port = address.strip().rpartition(":")
            good = bool(host) and port.isascii() and port.isdigit() and 0 < int(port) < 65_536
            require(good, f"bootstrap_servers must be host:port, or several with commas between, not {address!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class KafkaSettings(TopicSettings):
    """The broker, the topics and how producers write to them."""

    broker: str | None = knob(
        None, "whose broker it is; follows from bootstrap_servers when none", choices=("embedded", "external")
    )
    keep_broker: bool = knob(False, "leave the embedded broker running after the run")
    broker_heap_mb: int = knob(512, "heap of the embedded broker")
    partition_skew: float = knob(0.0, "Zipf exponent of the partitions; 0 deals events out in turn")
    idle_partitions: int = knob(0, "partitions, the last ones, that get no event")
    clear_topics: bool = knob(False, "empty topics of the given names that already hold records")
    dump_topics: str = knob(
        "none", "keep both topics in the run directory before the broker goes", choices=("none", "parquet", "jsonl")
    )
    visible_time: bool = knob(
        False,
        "also measure when a read_committed consumer first returned each row; always on where rows are in transactions",
    )
    compression: str = knob("none", "compression of the events", choices=("none", "gzip", "snappy", "lz4", "zstd"))
    linger_ms: float = knob(5.0, "how long a producer may wait to fill a batch")
    ack_sample_every: int = knob(100, "one acknowledgement in so many is timed")

    def __post_init__(self) -> None:
        TopicSettings.__post_init__(self)
        require(0 <= self.partition_skew <= 10, "partition_skew must be 0 to 10")
        require(
            0 <= self.idle_partitions < self.partitions,
            f"idle_partitions must leave at least one of the {self.partitions} partitions in use",
        )
        require(0 <= self.linger_ms <= 1000, "linger_ms must be 0 to 1000")
        require(self.ack_sample_every >= 1, "ack_sample_every must be at least 1")
        require(self.broker_heap_mb >= 128, "broker_heap_mb must be at least 128")
        require(
            self.broker != "external" or self.bootstrap_servers is not None, "broker=external needs bootstrap_servers"
        )

    @property
    def embedded(self) -> bool:
        """Whether the run starts its own broker."""
        return self.broker == "embedded" or (self.broker is None and self.bootstrap_servers is None)
