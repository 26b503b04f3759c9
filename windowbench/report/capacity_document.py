"""What the report of a capacity search says, from the content of ``capacity.json`` alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windowbench.report import setup_facts
from windowbench.report.capacity_plot import headline_p90, latency_against_load
from windowbench.report.document import (
    Document,
    Files,
    Foreign,
    Line,
    Opening,
    Row,
    Section,
    Table,
    Tile,
    Words,
    joined,
    parts,
    some,
)
from windowbench.report.wording import number, plural, sentence

Content = Mapping[str, Any]

_NOT_THE_ENGINES = {
    "generator saturated": "the load generator saturates first",
    "broker saturated": "the broker saturates first",
    "inconclusive": "probes were disturbed and say nothing",
}
_CORES = ("engine", "broker", "producers")


def capacity_document(content: Content, *, directory: str = "") -> Document:
    """Return the report of a search that has ended; `directory` is where its files are, if that is to be said."""
    return Document(
        kind="capacity",
        opening=_opening(content),
        sections=[
            _probes(content),
            *setup_facts.setup_sections(
                content["config"],
                content["origins"],
                content["environment"],
                "Settings of the first probe; the search changed rate, duration, name and topics for each.",
                "What can change a rate, as it was found when the search began.",
            ),
        ],
        footer="Made by windowbench from capacity.json; docs/capacity.md says how a rate is searched for.",
        files=Files(directory=directory, names=[f"capacity.{ext}" for ext in ("json", "md", "html")])
        if directory
        else None,
    )


def answer(content: Content) -> str:
    """Return what was found in one sentence."""
    found, engine = content["found"], content["engine"]
    bound = "" if found["bound"] is None else _rate(found["bound"])
    if found["rate"] is None and found["bound"] is None:
        return f"{engine}: no rate was tried to its end."
    if found["rate"] is None:
        return f"{engine}: no rate was sustained; the lowest tried, {bound}, was not: {found['limited_by']}."
    rate, limited_by = stated_rate(found), found["limited_by"]
    sure = "a full run confirmed it" if found["confirmed"] else "short probes only; no full run confirmed it"
    if found["bound"] is None:
        return f"{engine}: {rate} sustained ({sure}); no higher rate was tried."
    if limited_by in _NOT_THE_ENGINES:
        why = f"at {bound} {_NOT_THE_ENGINES[limited_by]}{_had(content)}; the engine's own limit was not reached"
        return f"{engine}: {rate} sustained ({sure}); {why}."
    width = (found["bound"] / found["rate"] - 1) * 100
    return f"{engine}: {rate} sustained ({sure}); {bound}, {width:.1f} % more, was not: {limited_by}."


def stated_rate(found: Content) -> str:
    """Return the rate that was found, as it is to be quoted: one that is a lower bound never stands without that."""
    return f"at least {_rate(found['rate'])}" if found["lower_bound"] else _rate(found["rate"])


def _had(content: Content) -> str:
    """Return who had how much of the cores where the generator gave out first: the engine may have left it nothing."""
    found = content["found"]
    if found["limited_by"] != "generator saturated":
        return ""
    cores = next(
        (
            probe["cores"]
            for probe in reversed(content["probes"])
            if (probe["rate"], probe["outcome"]) == (found["bound"], found["limited_by"]) and probe.get("cores")
        ),
        None,
    )
    return f" ({', '.join(f'{name} {number(cores.get(name), 2)}' for name in _CORES)} cores)" if cores else ""


def _rate(rate: float) -> str:
    return f"{number(rate, 0)} events/s"


def _opening(content: Content) -> Opening:
    found = content["found"]
    word, tone, headline = ("confirmed", "good", None) if found["confirmed"] else ("not confirmed", "warn", None)
    if found["rate"] is None:
        word, tone = "no rate", "bad"
    else:
        bound = found["bound"]
        above = "no higher rate was tried" if bound is None else f"{_rate(bound)}: {found['limited_by']}"
        label = "sustained" if found["confirmed"] else "sustained, not confirmed"
        headline = Tile(label=label, value=stated_rate(found), note=sentence(above))
    full = sum(probe["full"] for probe in content["probes"])
    made = f"{plural(len(content['probes']) - full, 'probe')} and {plural(full, 'full run')}"
    return Opening(
        title=Foreign(content["name"]),
        subtitle=f"engine {content['engine']} · {made} in {number(content['seconds'] / 60)} minutes",
        verdict=word,
        tone=tone,
        sentence=answer(content),
        warnings=[] if found["converged"] else ["the bracket is wider than asked for: probes or time were spent"],
        headline=headline,
    )


def _probes(content: Content) -> Section:
    probes = content["probes"]
    why: list[Line] = [(f"{probe['number']}: ", Foreign(probe["words"])) for probe in probes if probe["words"]]
    legend = (
        f"Latency: {content['headline']}_ms. Times in ms; the last three columns are mean cores taken in the measured"
        " phase. Sustained means: every row exact, load as scheduled, latency neither growing nor too great, and"
        " results in time"
    )
    table = Table(
        title="",
        head=("#", "events/s", "outcome", "latency P90", "lateness P99", "ack P99", *_CORES),
        rows=[Row(cells=_cells(content, probe), strong=probe["full"]) for probe in probes],
        numbers_from=3,
        note=(*parts(joined([legend, *map(Foreign, content["objectives"])])), "."),
    )
    return Section(
        title="Probes",
        lead="Each is a run, whose directory is in probes/.",
        blocks=some(latency_against_load(content), table, Words(lines=why) if why else None),
    )


def _cells(content: Content, probe: Content) -> list[str]:
    cores = probe.get("cores") or {}
    return [
        str(probe["number"]),
        number(probe["rate"], 0),
        f"{probe['outcome']} (full run)" if probe["full"] else probe["outcome"],
        *(number(value, 0) for value in (headline_p90(content, probe), probe["lateness_p99_ms"], probe["ack_p99_ms"])),
        *(number(cores.get(name), 2) for name in _CORES),
    ]


def probe_line(content: Content, place: int) -> Line:
    """Return one probe, by its number, as a line for whoever watches."""
    probe = content["probes"][place - 1]
    _, rate, outcome, latency, lateness, ack, *cores = _cells(content, probe)
    times = f"P90 {latency} ms, lateness P99 {lateness} ms, ack P99 {ack} ms"
    used = ", ".join(f"{name} {taken}" for name, taken in zip(_CORES, cores, strict=True))
    line = f"{place}: {rate} events/s {outcome}, {times}; cores {used}"
    return (f"{line}; ", Foreign(probe["words"])) if probe["words"] else line
