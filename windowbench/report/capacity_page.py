"""``capacity.html``: the answer of a capacity search, every probe, and what it was found with.

Made from the content of ``capacity.json`` alone, once the search has ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windowbench.report import setup_facts
from windowbench.report.capacity_plot import latency_against_load
from windowbench.report.capacity_text import HEADS, LEGEND, answer, cells, conditions
from windowbench.report.layout import Block, Opening, Page, Row, Section, Table, Tile, Words
from windowbench.report.template import render_page
from windowbench.report.wording import count, number, plural, sentence

Content = Mapping[str, Any]


def render_capacity_page(content: Content) -> str:
    """Return the page of a search that has ended."""
    settings = setup_facts.settings(content["config"], content["origins"])
    environment = setup_facts.environment(content["environment"])
    page = Page(
        title=f"{content['name']} · windowbench",
        opening=_opening(content),
        sections=[
            _probes(content),
            Section(
                name="configuration",
                title="Configuration",
                lead="Settings of the first probe; the search changed rate, duration, name and topics for each.",
                blocks=[settings] if settings else [],
            ),
            Section(
                name="environment",
                title="Environment",
                lead="What can change a rate, as it was found when the search began.",
                blocks=[environment] if environment else [],
            ),
        ],
        footer="Made by windowbench from capacity.json; docs/capacity.md says how a rate is searched for.",
    )
    return render_page(page)


def _opening(content: Content) -> Opening:
    found = content["found"]
    word, tone = ("confirmed", "good") if found["confirmed"] else ("not confirmed", "warn")
    if found["rate"] is None:
        word, tone = "no rate", "bad"
    full = sum(probe["full"] for probe in content["probes"])
    made = f"{plural(len(content['probes']) - full, 'probe')} and {plural(full, 'full run')}"
    minutes = f"{number(content['seconds'] / 60)} minutes"
    return Opening(
        kind="capacity",
        title=content["name"],
        subtitle=f"engine {content['engine']} · {made} in {minutes}",
        verdict=word,
        tone=tone,
        sentence=answer(content),
        warnings=[] if found["converged"] else ["the bracket is wider than asked for: probes or time were spent"],
        headline=_headline(found),
    )


def _headline(found: Content) -> Tile | None:
    if found["rate"] is None:
        return None
    bound = found["bound"]
    above = "no higher rate was tried" if bound is None else f"{count(round(bound))} events/s: {found['limited_by']}"
    return Tile(label="sustained", value=f"{count(round(found['rate']))} events/s", note=sentence(above))


def _probes(content: Content) -> Section:
    probes = content["probes"]
    why = [f"{probe['number']}: {probe['words']}" for probe in probes if probe["words"]]
    rows = [Row(cells=cells(content, probe), strong=probe["full"]) for probe in probes]
    table = Table(
        title="Probes", head=HEADS, rows=rows, numbers_from=3, note=f"Latency: {content['headline']}_ms. {LEGEND}"
    )
    blocks: list[Block] = [latency_against_load(content), table]
    return Section(
        name="probes",
        title="Probes",
        lead=f"Each is a run, whose directory is in probes/. Sustained means: {conditions(content)}.",
        blocks=[*blocks, Words(lines=why)] if why else blocks,
    )
