"""The tables of a report that say how a run was set up: settings, environment, what the engine had in force. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config import GROUPS, SETTINGS
from windowbench.report.document import Columns, Foreign, Line, Row, Section, Table, beside, facts, some
from windowbench.report.wording import NOTHING, setting, size
from windowbench.settings.masking import mask_value

Found = Mapping[str, Any]


def setup_sections(config: Found, origins: Mapping[str, str], environment: Found, *leads: str) -> list[Section]:
    """Return the sections of settings and of the environment, each with its lead."""
    tables = {"Configuration": settings(config, origins), "Environment": environment_tables(environment)}
    return [
        Section(title=title, lead=lead, blocks=some(found), detail=True)
        for (title, found), lead in zip(tables.items(), leads, strict=True)
    ]


def shown_setting(name: str, value: object) -> Line:
    """Return the value of a setting as a report shows it, secrets masked."""
    return NOTHING if value is None else Foreign(setting(mask_value(name, value)))


def settings(config: Found, origins: Mapping[str, str]) -> Columns | None:
    """Return every setting with its value and its origin, by group; what somebody set is strong."""
    groups: dict[str, list[Row]] = {group: [] for group in GROUPS}
    for name, value in config.items():
        if name in SETTINGS:
            cells: list[Line] = [name, shown_setting(name, value), Foreign(origins.get(name, ""))]
            groups[SETTINGS[name].group].append(Row(cells=cells, strong=origins.get(name, "default") != "default"))
    head = ["setting", "value", "origin"]
    return beside(
        *(
            Table(title=group.capitalize(), head=head, rows=rows, numbers_from=None)
            for group, rows in groups.items()
            if rows
        )
    )


def engine_settings(summary: Found) -> Table | None:
    """Return the settings that the engine says are in force."""
    found = (summary.get("engine") or {}).get("settings")
    if not found:
        return None
    return facts("", [(Foreign(str(name)), shown_setting(str(name), value)) for name, value in found.items()])


# --- environment ------------------------------------------------------------------------------------------------------

_ENVIRONMENT: dict[str, tuple[tuple[str, str], ...]] = {
    "Processor": (
        ("cpu_model", "model"),
        ("cpu_count", "processors"),
        ("cpu_affinity", "processors this run may use"),
        ("cpu_quota", "quota and period, µs"),
        ("cpu_governor", "frequency governor"),
        ("cpu_mhz_at_start", "frequency at the start, MHz"),
        ("cpu_threads_share_cores", "threads share cores"),
        ("numa_nodes", "memory nodes"),
        ("virtual_machine", "virtual machine"),
        ("machine", "architecture"),
        ("load_average_at_start", "load average at the start"),
    ),
    "Memory and disk": (
        ("memory_bytes", "memory"),
        ("memory_available_bytes_at_start", "of it available at the start"),
        ("memory_limit_bytes", "limit of the control group"),
        ("swap_bytes", "swap"),
        ("transparent_huge_pages", "transparent huge pages"),
        ("file_system", "file system of the run directory"),
        ("disk", "disk"),
    ),
    "System": (
        ("system", "system"),
        ("kernel", "kernel"),
        ("kernel_build", "kernel build"),
        ("clock_source", "clock source"),
        ("windowbench", "windowbench"),
        ("python", "Python"),
        ("java", "Java"),
        ("java_options", "Java options of the environment"),
        ("jvm_flags", "flags of the JVM"),
    ),
    "Broker": (("broker", ""),),
    "Packages": (("packages", ""), ("kafka_jars", "Kafka of the jars")),
}


def environment_tables(found: Found) -> Columns | None:
    """Return every field of the environment, in groups; fields nobody placed come last."""
    placed = {key for fields in _ENVIRONMENT.values() for key, _ in fields}
    groups = {**_ENVIRONMENT, "Other": tuple((key, key) for key in found if key not in placed)}
    tables = []
    for title, fields in groups.items():
        cells = [cell for key, words in fields if key in found for cell in _flat(key, words, found[key])]
        foreign: list[tuple[Line, Line]] = [(Foreign(name), Foreign(value)) for name, value in cells]
        tables.append(facts(title, foreign) if cells else None)
    return beside(*tables)


def _flat(key: str, words: str, value: object) -> list[tuple[str, str]]:
    """Return a field as names and values; one with fields of its own gives a line for each."""
    if isinstance(value, Mapping):
        found = [cell for name, part in value.items() for cell in _flat(str(name), f"{words} {name}".strip(), part)]
        return found or ([(words, "none")] if words else [])
    if isinstance(value, list):
        return [(words, " · ".join(map(_listed, value)) or "none")]
    if "bytes" in key and isinstance(value, int | float):
        return [(words.replace("_bytes", "").replace("_", " "), size(value))]
    if value is None:
        return [(words.replace("_", " "), "not known" if key != "memory_limit_bytes" else "none")]
    if isinstance(value, bool):
        return [(words.replace("_", " "), "yes" if value else "no")]
    return [(words.replace("_", " ") if key in ("mount_options", "file_system") else words, str(value))]


def _listed(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:.2f}" if isinstance(value, float) else setting(value)
