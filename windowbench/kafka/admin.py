"""Questions to a broker and changes of its topics."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec, ResourceType

from config import Config, JobConfig
from windowbench.errors import EnvironmentProblem
from windowbench.kafka.client import QUIET, make_client
from windowbench.kafka.settings import bootstrap_of
from windowbench.load.numbering import Numbering
from windowbench.load.schedule import GUARD_FUTURE_MS

_REQUEST_SECONDS = 5.0
_CREATE_SECONDS = 30.0
_MARGIN_SECONDS = 600.0
"""How much longer than planned the records of a run are needed."""
_ANSWER = TypeVar("_ANSWER")

CREATE_TIME = "CreateTime"
LOG_APPEND_TIME = "LogAppendTime"
_TIMESTAMP_TYPE = "message.timestamp.type"


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicPlan:
    """A topic to create."""

    name: str
    partitions: int
    replication_factor: int
    settings: Mapping[str, str]
    keep_ms: int = 0
    """How long its records are needed."""


def planned_topics(config: Config) -> tuple[TopicPlan, ...]:
    """Return the topics of events and results of a configuration, and those that its engine alone uses.

    Events carry CreateTime, taken by the producer; results LogAppendTime, the broker's clock for every
    engine. Records of a run are never deleted by age or size while it lasts.
    """
    keep_ms = round((config.planned_seconds + _MARGIN_SECONDS) * 1000)
    common = {"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"}
    of_events = {
        **common,
        _TIMESTAMP_TYPE: CREATE_TIME,
        "message.timestamp.after.max.ms": str(GUARD_FUTURE_MS * 12),
    }
    of_results = {**common, _TIMESTAMP_TYPE: LOG_APPEND_TIME}
    wanted = [(name, config.kafka.partitions, of_events) for name in config.input_topics]
    wanted += [(name, config.kafka.result_partitions, of_results) for name in config.result_topics]
    own = config.own_topic_settings
    # What an engine's own topics hold must be read in its order, so they have one partition.
    wanted += [(name, 1, of_results) for name in config.engine_topics]
    return tuple(
        TopicPlan(
            name=name,
            partitions=partitions,
            replication_factor=config.kafka.replication_factor,
            settings={**settings, **own.get(name, {})},
            keep_ms=keep_ms,
        )
        for name, partitions, settings in wanted
    )


def small_topic(config: JobConfig, purpose: str) -> TopicPlan:
    """Return a topic of a run for records that the harness itself writes and reads: one partition, kept for an hour."""
    return TopicPlan(
        name=f"windowbench-{purpose}-{config.run.run_id}",
        partitions=1,
        replication_factor=config.kafka.replication_factor,
        settings={_TIMESTAMP_TYPE: LOG_APPEND_TIME, "retention.ms": "3600000"},
    )


def unreachable(bootstrap: str, error: object) -> EnvironmentProblem:
    """Return the error for a broker that does not answer."""
    return EnvironmentProblem(
        f"the Kafka broker at {bootstrap} does not answer: {error}",
        remedy="check the address and that the broker runs; without --bootstrap-servers an embedded broker is started",
    )


def cluster_id(bootstrap: str, *, timeout_seconds: float = 2.0) -> str | None:
    """Return the cluster id of the broker at `bootstrap`, or None when nothing answers there in time."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}, logger=QUIET)
    try:
        return str(client.list_topics(timeout=timeout_seconds).cluster_id)
    except KafkaException:
        return None


class Admin:
    """One administrative connection, opened for a configuration.

    Raises
    ------
    EnvironmentProblem
        From every method, when the broker does not answer or refuses.
    """

    def __init__(self, config: JobConfig) -> None:
        """Connect lazily: the first question tells whether the broker is there."""
        self._bootstrap = bootstrap_of(config)
        self._client = make_client(AdminClient, config)

    def _asked(self, question: Callable[[], _ANSWER]) -> _ANSWER:
        try:
            return question()
        except KafkaException as error:
            raise unreachable(self._bootstrap, error.args[0].str()) from None

    def partitions(self, topic: str) -> list[int]:
        """Return the partition numbers of `topic`, empty when it does not exist."""
        listed = self._asked(lambda: self._client.list_topics(timeout=_REQUEST_SECONDS)).topics
        return sorted(listed[topic].partitions) if topic in listed else []

    def brokers(self) -> list[str]:
        """Return the addresses of the cluster's brokers."""
        listed = self._asked(lambda: self._client.list_topics(timeout=_REQUEST_SECONDS))
        return [f"{b.host}:{b.port}" for b in listed.brokers.values()]

    def topic_id(self, topic: str) -> str:
        """Return the id that tells this topic from an earlier or later one of the same name."""
        answer = self._client.describe_topics(TopicCollection([topic]), request_timeout=_REQUEST_SECONDS)
        return str(self._asked(answer[topic].result).topic_id)

    def settings(self, topic: str) -> dict[str, str]:
        """Return the effective settings of `topic`."""
        resource = ConfigResource(ResourceType.TOPIC, topic)
        answer = self._client.describe_configs([resource], request_timeout=_REQUEST_SECONDS)
        return {entry.name: entry.value for entry in self._asked(answer[resource].result).values()}

    def broker_settings(self) -> dict[str, str]:
        """Return the settings of a broker that are not its defaults, without secrets; none where it does not say."""
        listed = self._asked(lambda: self._client.list_topics(timeout=_REQUEST_SECONDS))
        resource = ConfigResource(ResourceType.BROKER, str(min(listed.brokers)))
        answer = self._client.describe_configs([resource], request_timeout=_REQUEST_SECONDS)
        try:
            entries = answer[resource].result().values()
        except KafkaException:  # describing is a right of its own, and a run does without
            return {}
        return {
            entry.name: entry.value
            for entry in sorted(entries, key=lambda entry: str(entry.name))
            if not entry.is_default and not entry.is_sensitive and entry.value is not None
        }

    def log_ranges(self, topic: str) -> dict[int, tuple[int, int]]:
        """Return first offset and log end of every partition of `topic`."""
        numbers = self.partitions(topic)
        first = self._offsets(topic, numbers, OffsetSpec.earliest())
        last = self._offsets(topic, numbers, OffsetSpec.latest())
        return {n: (first[n], last[n]) for n in numbers}

    def _offsets(self, topic: str, numbers: list[int], which: OffsetSpec) -> dict[int, int]:
        if not numbers:
            return {}
        asked = {TopicPartition(topic, n): which for n in numbers}
        answer = self._client.list_offsets(asked, request_timeout=_REQUEST_SECONDS)
        return {tp.partition: int(self._asked(future.result).offset) for tp, future in answer.items()}

    def numbered_ranges(self, numbering: Numbering) -> dict[int, tuple[int, int]]:
        """Return begin and end of the log of every partition of several topics, by number."""
        found = {}
        for topic in numbering.topics:
            for partition, span in self.log_ranges(topic).items():
                found[numbering.number(topic, partition)] = span
        return found

    def records(self, topic: str) -> int:
        """Return how many offsets of `topic` hold something, 0 when it does not exist."""
        return sum(end - begin for begin, end in self.log_ranges(topic).values())

    def create(self, plan: TopicPlan) -> None:
        """Create a topic; wait for it to be known to the broker.

        A topic of the name that is being deleted is waited for.

        Raises
        ------
        EnvironmentProblem
            When a topic of the name stays, or the broker refuses the plan.
        """
        new = NewTopic(
            plan.name,
            num_partitions=plan.partitions,
            replication_factor=plan.replication_factor,
            config=dict(plan.settings),
        )
        deadline = time.monotonic() + _CREATE_SECONDS
        pause = 0.1
        while True:
            try:
                self._client.create_topics([new], operation_timeout=_REQUEST_SECONDS)[plan.name].result()
                break
            except KafkaException as error:
                kind: Any = error.args[0]
                known = kind.code() == KafkaError.TOPIC_ALREADY_EXISTS
                # One that is being deleted is no longer listed.
                if not known or self.partitions(plan.name) or time.monotonic() > deadline:
                    raise self._refused("create", plan.name, kind) from None
            time.sleep(pause)  # deletion is asynchronous on the broker; nothing announces its end
            pause = min(2 * pause, 2.0)
        while len(self.partitions(plan.name)) != plan.partitions:
            if time.monotonic() > deadline:
                msg = f"topic {plan.name} was created but the broker does not list it"
                raise EnvironmentProblem(msg)
            time.sleep(0.05)

    def ensure(self, plan: TopicPlan) -> bool:
        """Create the planned topic unless it exists as planned; return whether it was created.

        Raises
        ------
        EnvironmentProblem
            When a topic of the name exists with other partitions or another timestamp type.
        """
        partitions = self.partitions(plan.name)
        if not partitions:
            self.create(plan)
            return True
        wanted, found = plan.settings[_TIMESTAMP_TYPE], self.settings(plan.name)[_TIMESTAMP_TYPE]
        if len(partitions) != plan.partitions or found != wanted:
            msg = (
                f"topic {plan.name} exists with {len(partitions)} partitions and {found};"
                f" the configuration wants {plan.partitions} and {wanted}"
            )
            raise EnvironmentProblem(msg, remedy="name another topic, or delete this one first")
        self._check_keeps(plan)
        return False

    def _check_keeps(self, plan: TopicPlan) -> None:
        """Make sure that the broker removes no record of an existing topic while it is needed.

        Raises
        ------
        EnvironmentProblem
            When its policy is to do so.
        """
        found = self.settings(plan.name)
        policy = set(found.get("cleanup.policy", "delete").split(","))
        by_age = int(found.get("retention.ms", -1))
        if "compact" in policy - set(plan.settings["cleanup.policy"].split(",")):
            reason = "compacts it"
        elif "delete" in policy and 0 <= by_age < plan.keep_ms:
            reason = f"keeps its records for {by_age / 1000:g} s, and the run needs them for {plan.keep_ms / 1000:g} s"
        elif "delete" in policy and int(found.get("retention.bytes", -1)) >= 0:
            reason = f"keeps no more than {found['retention.bytes']} bytes of it"
        else:
            return
        raise EnvironmentProblem(
            f"topic {plan.name} exists and the broker {reason}: a run whose records may be removed cannot be judged",
            remedy="name another topic, or set cleanup.policy=delete, retention.ms=-1 and retention.bytes=-1 for it",
        )

    def clear(self, topic: str) -> int:
        """Delete every record of `topic` and return how many there were; a missing topic holds none."""
        ranges = self.log_ranges(topic)
        wanted = [TopicPartition(topic, n, end) for n, (begin, end) in ranges.items() if end > begin]
        if wanted:
            answer = self._client.delete_records(wanted, request_timeout=_REQUEST_SECONDS)
            for future in answer.values():
                try:
                    future.result()
                except KafkaException as error:
                    raise self._refused("empty", topic, error.args[0]) from None
        return sum(end - begin for begin, end in ranges.values())

    def delete(self, topic: str) -> None:
        """Delete a topic with all it holds; a missing one is gone already."""
        if self.partitions(topic):
            try:
                self._client.delete_topics([topic], operation_timeout=_REQUEST_SECONDS)[topic].result()
            except KafkaException as error:
                raise self._refused("delete", topic, error.args[0]) from None

    def _refused(self, verb: str, topic: str, error: KafkaError) -> EnvironmentProblem:
        return EnvironmentProblem(
            f"the broker at {self._bootstrap} refused to {verb} topic {topic}: {error.str()}",
            remedy="choose another topic name, or check replication_factor and the rights of the Kafka user",
        )
