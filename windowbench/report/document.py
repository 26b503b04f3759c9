"""What a report says: an opening, and sections of tables, words and plots. Pure; its looks are the renderers' matter.

One builder makes the document of a run (:mod:`windowbench.report.run_document`), one that of a comparison
(:mod:`windowbench.report.comparison_document`), one that of a capacity search
(:mod:`windowbench.report.capacity_document`). :mod:`windowbench.report.terminal`, :mod:`windowbench.report.markdown`
and :mod:`windowbench.report.page` show any document, and decide no word of it.

Words that come from outside (names of runs, values of settings, messages of engines) are :class:`Foreign`. They are
shown, never obeyed: each renderer has one place where it escapes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
    """A drawing with its words; only a page shows it.

    Attributes
    ----------
    name : str
        Unique in its document.
    title : str
    words : str
        What the plot says, with its figures, for whoever cannot see it.
    paint : callable
        Gets the axes of each panel, top to bottom, and draws on them.
    size : (float, float)
        Width and height in inches of 72 points.
    panels : int
        How many panels stand above each other.
    note : str
        How to read it.
    legend : sequence of Key
    wide : bool
        Whether it takes the width of the page; the others stand in pairs.
    """

    name: str
    title: str
    words: str
    paint: Callable[..., None]
    size: tuple[float, float]
    panels: int = 1
    note: str = ""
    legend: Sequence[Key] = ()
    wide: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line of a table."""

    cells: Sequence[Line]
    strong: bool = False
    tag: str = ""
    """Marks the row in the page: ``good``, ``bad``, ``warn``, or nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table; columns from `numbers_from` on hold figures and are set to the right.

    Attributes
    ----------
    title : Line
    head : sequence of Line
        Empty for a table of names and values.
    rows : sequence of Row
    numbers_from : int, optional
        None when all columns hold words.
    note : Line
    detail : bool
        Left out where a report is to be short.
    spare : frozenset of int
        Columns that are left out there.
    """

    title: Line
    head: Sequence[Line]
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
    """A section; one without blocks is left out.

    Attributes
    ----------
    name : str
        Unique in its document.
    title : str
    blocks : sequence of Block
    lead : str
        What the section is about.
    detail : bool
        Left out where a report is to be short.
    """

    name: str
    title: str
    blocks: Sequence[Block]
    lead: str = ""
    detail: bool = False


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
    """The top of a report: what it is about, the verdict with everything that speaks for and against, the headline.

    Attributes
    ----------
    title, subtitle : Line
    verdict : str
        A word or two.
    tone : str
        ``good``, ``bad``, ``warn`` or ``none``.
    sentence : str
        What the verdict means.
    reasons : sequence of Reason
    warnings : sequence of Line
    headline : Tile or None
    tiles : sequence of Tile
    """

    title: Line
    subtitle: Line
    verdict: Line
    tone: str
    sentence: Line
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
    """A whole report.

    Attributes
    ----------
    kind : str
        ``run``, ``comparison`` or ``capacity``.
    opening : Opening
    sections : sequence of Section
    footer : str
        Who made it, of what.
    files : Files or None
    """

    kind: str
    opening: Opening
    sections: Sequence[Section]
    footer: str
    files: Files | None = None

    @property
    def shown(self) -> list[Section]:
        """The sections that have something to show."""
        return [section for section in self.sections if section.blocks]

    def blocks(self, *, long: bool) -> list[tuple[Section, list[Block]]]:
        """Return what is shown as text: everything but plots, or without the details."""
        out = []
        for section in self.sections:
            kept = [found for block in section.blocks if (found := _as_text(block, long=long)) is not None]
            if kept and (long or not section.detail):
                out.append((section, kept))
        return out


def _as_text(block: Block, *, long: bool) -> Block | None:
    if isinstance(block, Columns):
        return beside(*(table for table in block.tables if long or not table.detail))
    if isinstance(block, Plot) or (isinstance(block, Table) and block.detail and not long):
        return None
    return block
