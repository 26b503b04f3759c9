"""What a workload says of itself before anything is computed: its settings, and what it needs of those of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Self

_NONE: Mapping[str, object] = MappingProxyType({})
COUNTINGS = EXACT, APPROXIMATE = ("exact", "approximate")
"""How may be counted what an engine can count approximately; exact is the default."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QuerySettings:
    """What an engine must know of a workload to compute it: the settings of its query, and nothing of its load.

    Names of topics are settings too, so that a user may choose them: ``events_topic`` and ``result_topic``, which every
    workload has, and those named here.
    """

    FURTHER_TOPICS: ClassVar[tuple[str, ...]] = ()
    """Its own settings that name input topics beside ``events_topic``."""
    FURTHER_RESULTS: ClassVar[tuple[str, ...]] = ()
    """Its own settings that name topics of results beside ``result_topic``."""
    APPEND_ONLY: ClassVar[bool] = False
    """Whether a row is final when it is written, in every mode: there are no updates of it."""
    REVISES: ClassVar[bool] = False
    """Whether late events revise a result: then a key has a row for each revision."""
    APPROXIMATIONS: ClassVar[tuple[str, ...]] = ()
    """Its own settings that are one of ``COUNTINGS``."""

    @classmethod
    def of(cls, settings: QuerySettings) -> Self:
        """Return `settings` as those of this workload.

        Raises
        ------
        TypeError
            When they are another's.
        """
        if not isinstance(settings, cls):
            raise TypeError(f"{type(settings).__name__} are not {cls.__name__}")
        return settings

    @property
    def approximate(self) -> tuple[str, ...]:
        """Those of its settings that ask for an approximation."""
        return tuple(name for name in self.APPROXIMATIONS if getattr(self, name) == APPROXIMATE)


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkloadSettings(QuerySettings):
    """Settings of a workload: those of its query, and those of its load; each workload has a class of its own."""

    QUERY: ClassVar[type[QuerySettings]] = QuerySettings
    """The class of those of its query."""
    DEFAULTS: ClassVar[Mapping[str, object]] = _NONE
    """Defaults of common settings, where it needs others."""
    PROFILES: ClassVar[Mapping[str, Mapping[str, object]]] = MappingProxyType({})
    """What it adds to the profiles of ``configuration/profiles.py``, by their names."""
    VARIABLES: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Further environment variables by which settings can be given, with the name of each one's setting; the usual
    variable of the setting wins."""
    TOPIC_SETTINGS: ClassVar[Mapping[str, Mapping[str, str]]] = MappingProxyType({})
    """Kafka's settings of topics that need others than the rest, by the setting that names the topic."""
    EVENT_BYTES: ClassVar[int] = 420
    """About the size of an event with its record overhead in the broker's log, without padding."""

    @property
    def scope(self) -> dict[str, int]:
        """How many there are of what rows are made for, by a word for it; stands in the report."""
        return {}
