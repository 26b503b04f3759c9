"""What a report says: an opening, and sections of tables, words and plots. Pure; its looks are the renderers' matter.

One builder makes the document of a run (:mod:`windowbench.report.run_document`), one that of a comparison
(:mod:`windowbench.report.comparison_document`), one that of a capacity search
(:mod:`windowbench.report.capacity_document`). :mod:`windowbench.report.terminal`, :mod:`windowbench.report.markdown`
and :mod:`windowbench.report.page` show any document, and decide no word of it.

Words that come from outside (names of runs, values of settings, messages of engines) are :class:`Foreign`. They are
shown, never obeyed: each renderer has one place where it escapes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Foreign:
    """Words from outside."""

    text: str


Part = str | Foreign
Line = Part | tuple[Part, ...]
"""A run of words, ours and others."""


def parts(line: Line) -> tuple[Part, ...]:
    """Return the parts of a line."""
    return line if isinstance(line, tuple) else (line,)


def said(line: Line) -> str:
    """Return the words of a line, whoever's they are."""
    return "".join(part.text if isinstance(part, Foreign) else part for part in parts(line))


def joined(lines: Iterable[Line], separator: str = ", ") -> Line:
    """Return lines as one."""
    out: list[Part] = []
    for line in lines:
        out += [separator] if out else []
        out += parts(line)
    return tuple(out)


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """An entry of a plot's legend: what it stands for, which colour of the page, and the mark it is drawn as."""

    label: str
    colour: str
    mark: str = "line"
    """``line``, ``dash``, ``dot``, ``area`` (see-through) or ``solid``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """A drawing with its words; only a page shows it."""

    name: str
    """Unique in its document, as is that of a section."""
    title: str
    words: str
    """What the plot says, with its figures, for whoever cannot see it."""
    paint: Callable[..., None]
    """Gets the axes of each panel, top to bottom, and draws on them."""
    size: tuple[float, float]
    """Width and height in inches of 72 points."""
    panels: int = 1
    note: str = ""
    legend: Sequence[Key] = ()
    wide: bool = True
    """Whether it takes the width of the page; the others stand in pairs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line of a table."""

    cells: Sequence[Line]
    strong: bool = False
    tag: str = ""
    """Marks the row in the page: ``good``, ``bad``, ``warn``, or nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table; columns from `numbers_from` on hold figures and are set to the right, of None there are none.

    Where a report is to be short, one of `detail` is left out, of others the columns `spare`.
    """

    title: Line
    head: Sequence[Line]
    """Empty for a table of names and values."""
    rows: Sequence[Row]
    numbers_from: int | None = 1
    note: Line = ""
    detail: bool = False
    spare: frozenset[int] = frozenset()


def facts(title: str, cells: Sequence[tuple[Line, Line]], *, detail: bool = False, note: Line = "") -> Table:
    """Return a table of names and values."""
    rows = [Row(cells=cell) for cell in cells]
    return Table(title=title, head=(), rows=rows, numbers_from=None, detail=detail, note=note)


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """A few sentences; `quote` sets them as the lines of a log."""

    lines: Sequence[Line]
    quote: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Small tables side by side, as many as fit."""

    tables: Sequence[Table]


Block = Plot | Table | Words | Columns


def some(*blocks: Block | None) -> list[Block]:
    """Return the blocks that there are."""
    return [block for block in blocks if block is not None]


def beside(*tables: Table | None) -> Columns | None:
    """Return those tables that there are side by side, None of none."""
    found = [table for table in tables if table is not None]
    return Columns(tables=found) if found else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A section with a sentence on what it is about; without blocks left out, of `detail` where a report is short."""

    title: str
    blocks: Sequence[Block]
    lead: str = ""
    detail: bool = False
    name: str = ""
    """Where it is not the title in small letters."""

    @property
    def anchor(self) -> str:
        """Its name in a page."""
        return self.name or self.title.lower().replace(" ", "-")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """A figure that is seen at a glance; tables say more."""

    label: Line
    value: str
    note: Line = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """What speaks against a verdict: the party at fault, what happened, and its code."""

    text: Line
    party: Line = ""
    code: Line = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """The top of a report: what it is about, the verdict with everything that speaks for and against, the headline."""

    title: Line
    subtitle: Line
    verdict: Line
    tone: str
    """``good``, ``bad``, ``warn`` or ``none``."""
    sentence: Line
    """What the verdict means."""
    reasons: Sequence[Reason] = ()
    warnings: Sequence[Line] = ()
    headline: Tile | None = None
    tiles: Sequence[Tile] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """Where the files are that a report is about."""

    directory: str
    names: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A whole report."""

    kind: str
    """``run``, ``comparison`` or ``capacity``."""
    opening: Opening
    sections: Sequence[Section]
    footer: str
    """Who made it, of what."""
    files: Files | None = None

    @property
    def shown(self) -> list[Section]:
        """The sections that have something to show."""
        return [section for section in self.sections if section.blocks]

    def blocks(self, *, long: bool) -> list[tuple[Section, list[Table | Words]]]:
        """Return what is shown as text: everything but plots, or without the details."""
        found = [(section, _texts(section.blocks)) for section in self.sections if long or not section.detail]
        kept = [
            (section, [t for t in texts if long or isinstance(t, Words) or not t.detail]) for section, texts in found
        ]
        return [(section, texts) for section, texts in kept if texts]


def _texts(blocks: Iterable[Block]) -> Iterator[Table | Words]:
    for block in blocks:
        if isinstance(block, Columns):
            yield from block.tables
        elif not isinstance(block, Plot):
            yield block
