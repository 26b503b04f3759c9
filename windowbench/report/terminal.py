"""A report as plain text for a terminal of 80 columns: what a person wants to see first, or all of it. Pure.

Rich sets the tables. Escaping happens in :func:`plain` and nowhere else: no word moves the cursor or begins a line.
Our own words are put in ASCII, because a terminal's encoding may know no more; those of others are shown as they are.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from windowbench.report.document import (
    Document,
    Foreign,
    Line,
    Opening,
    Table,
    Words,
    facts,
    joined,
    parts,
)
from windowbench.settings.printing import printable

WIDTH = 80
_CORNER = 30
"""A title up to this long stands in the first cell of its table's head."""
_NAME, _FIGURE, _LEAST = 28, 12, 8
"""Names and figures up to this long are not broken, as long as that leaves so much for each other column."""
_ASCII = str.maketrans({"−": "-", "–": "-", "·": "|", "…": "...", "±": "+-", "µ": "u"})


def terminal_text(document: Document, *, long: bool = False) -> str:
    """Return a report as text, if `long` all but the plots; no line is longer than :data:`WIDTH` unless a name is."""
    paragraphs = [*_opening(document.kind, document.opening)]
    waiting: list[Table] = []
    for section, blocks in document.blocks(long=long):
        if long:
            paragraphs.append([plain(section.title).upper(), *_wrapped(section.lead)])
        for block in blocks:
            if not long and isinstance(block, Table) and not block.head:
                waiting.append(block)
                continue
            paragraphs += [_merged(waiting), _block(block, section.title, long=long)]
            waiting = []
    paragraphs += [_merged(waiting), _bullets("warnings:", document.opening.warnings)]
    if document.files is not None:
        where = plain(("files in ", Foreign(document.files.directory), ":"))  # whole, to be copied
        paragraphs.append([where, *_wrapped(Foreign(", ".join(document.files.names)), "  ")])
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines)


def table_text(table: Table, *, width: int = WIDTH) -> str:
    """Return one table as text, at most so wide."""
    return "\n".join(_table(table, "", long=True, width=width))


def plain(line: Line) -> str:
    """Return a line in characters that can be seen."""
    return "".join(printable(p.text) if isinstance(p, Foreign) else printable(p).translate(_ASCII) for p in parts(line))


def _wrapped(line: Line, indent: str = "", hanging: str | None = None) -> list[str]:
    """Return a line of words in lines of at most :data:`WIDTH` characters; words are not broken."""
    return textwrap.wrap(
        plain(line),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _bullets(title: str, items: Sequence[Line]) -> list[str]:
    lines = [line for item in items for line in _wrapped(item, "  - ", "    ")]
    return [title, *lines] if lines else []


def _opening(kind: str, opening: Opening) -> Iterator[list[str]]:
    reasons = [
        (*parts(said), " [", *parts(reason.code), "]") if reason.code else said
        for reason in opening.reasons
        for said in [joined([line for line in (reason.party, reason.text) if line], ": ")]
    ]
    yield [
        *_wrapped(("verdict: ", *parts(opening.verdict), f"   {kind} ", *parts(opening.title)), hanging="  "),
        *_wrapped(opening.subtitle, "  "),
        *_wrapped(opening.sentence, "  "),
        *_bullets("", reasons)[1:],
    ]
    if opening.headline is not None:
        yield [
            f"{plain(opening.headline.label)}   {plain(opening.headline.value)}",
            *_wrapped(opening.headline.note, "  "),
        ]


def _merged(tables: Sequence[Table]) -> list[str]:
    """Return tables of names and values as one, which is how few of them are read best."""
    rows = [row for table in tables for row in table.rows]
    notes = [line for table in tables for line in _wrapped(table.note, "  ")]
    return [*_table(facts("", [(row.cells[0], row.cells[1]) for row in rows]), "", long=False), *notes] if rows else []


def _block(block: Table | Words, title: str, *, long: bool) -> list[str]:
    if isinstance(block, Table):
        return _table(block, title, long=long)
    return [text for line in block.lines for text in _wrapped(line, "  ", "    ")]


def _table(table: Table, otherwise: str, *, long: bool, width: int = WIDTH) -> list[str]:
    kept = [i for i in range(len(table.head)) if long or i not in table.spare]
    head = [plain(table.head[i]) for i in kept]
    rows = [[plain(cell) for i, cell in enumerate(row.cells) if not table.head or i in kept] for row in table.rows]
    title, above = plain(table.title or otherwise), []
    if not table.head:
        above = [title] if long and table.title else []
    elif not head[0] and len(title) <= _CORNER:
        head[0] = title
    elif table.title:
        above = _wrapped(table.title, hanging="  ")
    note = _wrapped(table.note, "  ")
    return [*above, *_grid(head, rows, table.numbers_from, width), *note]


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int | None, most: int) -> list[str]:
    columns = list(zip(*([head, *rows] if head else rows), strict=True))
    widths = [max(map(len, cells)) for cells in columns]
    figures = [numbers_from is not None and i >= numbers_from for i in range(len(columns))]
    whole = [
        width <= (_FIGURE if of else _NAME if i == 0 else 0)
        for i, (width, of) in enumerate(zip(widths, figures, strict=True))
    ]
    if sum(width + 1 if kept else _LEAST for width, kept in zip(widths, whole, strict=True)) > most:
        whole = [False] * len(columns)
    gap = 1 if numbers_from is not None and sum(widths) + 2 * len(widths) - 2 > most else 2
    grid = Grid(box=None, pad_edge=False, padding=(0, gap, 0, 0), show_header=bool(head))
    for i in range(len(columns)):
        name = Text(head[i]) if head else ""
        grid.add_column(name, justify="right" if figures[i] else "left", overflow="fold", no_wrap=whole[i])
    for row in rows:
        grid.add_row(*map(Text, row))
    out = io.StringIO()
    Console(file=out, width=most, color_system=None, force_terminal=False, legacy_windows=False).print(grid)
    return [line.rstrip() for line in out.getvalue().splitlines()]
