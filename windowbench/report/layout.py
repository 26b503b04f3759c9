"""What a page consists of: sections of plots, tables and words. Pure; how it looks is the template's business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """An entry of a plot's legend: what it stands for, which colour of the page, and the mark it is drawn as."""

    label: str
    colour: str
    mark: str = "line"
    """``line``, ``dash``, ``dot``, ``area`` (see-through) or ``solid``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """A drawing with its words.

    Attributes
    ----------
    name : str
        Unique on its page.
    title : str
    svg : str
        Made by :mod:`windowbench.report.drawing` and nobody else: it goes into the page as it is.
    note : str
        How to read it.
    legend : sequence of Key
    wide : bool
        Whether it takes the width of the page; the others stand in pairs.
    """

    name: str
    title: str
    svg: str
    note: str = ""
    legend: Sequence[Key] = ()
    wide: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line of a table."""

    cells: Sequence[str]
    strong: bool = False
    tag: str = ""
    """Marks the row in the page: ``good``, ``bad``, ``warn``, or nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table; columns from `numbers_from` on hold figures and are set to the right.

    Attributes
    ----------
    title : str
    head : sequence of str
        Empty for a table of names and values.
    rows : sequence of Row
    numbers_from : int, optional
        None when all columns hold words.
    note : str
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Row]
    numbers_from: int | None = 1
    note: str = ""


def facts(title: str, cells: Sequence[tuple[str, str]]) -> Table:
    """Return a table of names and values."""
    return Table(title=title, head=(), rows=[Row(cells=cell) for cell in cells], numbers_from=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """A few sentences; `quote` sets them as the lines of a log."""

    lines: Sequence[str]
    quote: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Small tables side by side, as many as fit."""

    tables: Sequence[Table]


Block = Plot | Table | Words | Columns


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A section of a page; one without blocks is left out."""

    name: str
    title: str
    blocks: Sequence[Block]
    lead: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """A figure at the top of the page."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """The top of a page: what it is about, the verdict with everything that speaks for and against, the headline.

    Attributes
    ----------
    kind : str
        ``run`` or ``comparison``.
    title : str
    subtitle : str
    verdict : str
        One word.
    tone : str
        ``good``, ``bad``, ``warn`` or ``none``.
    sentence : str
        What the verdict means.
    reasons : sequence of (str, str, str)
        Party at fault, text and code of everything that speaks against it.
    warnings : sequence of str
    headline : Tile or None
    tiles : sequence of Tile
    """

    kind: str
    title: str
    subtitle: str
    verdict: str
    tone: str
    sentence: str
    reasons: Sequence[tuple[str, str, str]] = ()
    warnings: Sequence[str] = ()
    headline: Tile | None = None
    tiles: Sequence[Tile] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A whole page."""

    title: str
    opening: Opening
    sections: Sequence[Section]
    footer: str = ""

    @property
    def shown(self) -> list[Section]:
        """The sections that have something to show."""
        return [section for section in self.sections if section.blocks]
