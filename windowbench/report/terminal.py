"""A report as plain text for a terminal of 80 columns: what a person wants to see first, or all of it. Pure.

Rich sets the tables. Escaping happens in :func:`plain` and nowhere else: no word moves the cursor or begins a line.
Our own words are put in ASCII, because a terminal's encoding may know no more; those of others are shown as they are.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as Grid
from rich.text import Text

from windowbench.report.document import (
    Block,
    Columns,
    Document,
    Foreign,
    Line,
    Opening,
    Plot,
    Reason,
    Table,
    Words,
    facts,
    joined,
    parts,
)
from windowbench.report.wording import printable

WIDTH = 80
_CORNER = 30
"""A title up to this long stands in the first cell of its table's head."""
_NAME, _FIGURE = 24, 12
"""Names and figures up to this long are not broken."""
_MOST_COLUMNS = 5
"""A table of words with more columns becomes a list."""
_ASCII = str.maketrans({"−": "-", "–": "-", "·": "|", "…": "...", "±": "+-", "µ": "u"})


def terminal_text(document: Document, *, long: bool = False) -> str:
    """Return a report as text; no line is longer than :data:`WIDTH` unless a name is.

    Parameters
    ----------
    document : Document
    long : bool
        Show all of it but the plots, not only what is wanted first.
    """
    paragraphs = [*_opening(document.kind, document.opening)]
    waiting: list[Table] = []
    for section, blocks in document.blocks(long=long):
        if long:
            paragraphs.append([plain(section.title).upper(), *_wrapped(section.lead)])
        for block in _flat(blocks):
            if not long and isinstance(block, Table) and not block.head:
                waiting.append(block)
                continue
            paragraphs += [_merged(waiting), _block(block, section.title, long=long)]
            waiting = []
    paragraphs += [_merged(waiting), _bullets("warnings:", document.opening.warnings)]
    if document.files is not None:
        names = ", ".join(document.files.names)
        where = ("files in ", Foreign(document.files.directory), ": ", Foreign(names))
        paragraphs.append(_wrapped(where, hanging="  "))
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines)


def table_text(table: Table) -> str:
    """Return one table as text."""
    return "\n".join(_table(table, "", long=True))


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


def _coded(reason: Reason) -> list[Line]:
    return [" [", reason.code, "]"] if reason.code else []


def _opening(kind: str, opening: Opening) -> Iterator[list[str]]:
    reasons = [
        joined([joined([line for line in (reason.party, reason.text) if line], ": "), *_coded(reason)], "")
        for reason in opening.reasons
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


def _flat(blocks: Sequence[Block]) -> Iterator[Table | Words]:
    for block in blocks:
        if isinstance(block, Columns):
            yield from block.tables
        elif not isinstance(block, Plot):
            yield block


def _merged(tables: Sequence[Table]) -> list[str]:
    """Return tables of names and values as one, which is how few of them are read best."""
    rows = [row for table in tables for row in table.rows]
    notes = [line for table in tables for line in _wrapped(table.note, "  ")]
    return [*_table(facts("", [(row.cells[0], row.cells[1]) for row in rows]), "", long=False), *notes] if rows else []


def _block(block: Table | Words, title: str, *, long: bool) -> list[str]:
    if isinstance(block, Table):
        return _table(block, title, long=long)
    return [text for line in block.lines for text in _wrapped(line, "  ", "    ")]


def _table(table: Table, otherwise: str, *, long: bool) -> list[str]:
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
    if table.numbers_from is None and len(head) > _MOST_COLUMNS:
        items = [
            f"{row[0]}: " + "; ".join(": ".join(pair) for pair in zip(head[1:], row[1:], strict=True)) for row in rows
        ]
        return [*above, *(line for item in items for line in _wrapped(Foreign(item), "  - ", "    ")), *note]
    return [*above, *_grid(head, rows, table.numbers_from), *note]


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int | None) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=WIDTH, color_system=None, force_terminal=False, legacy_windows=False)
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=bool(head))
    for number, cells in enumerate(zip(*rows, strict=True)):
        figures = numbers_from is not None and number >= numbers_from
        least = _FIGURE if figures else _NAME if number == 0 else 0
        grid.add_column(
            Text(head[number]) if head else "",
            justify="right" if figures else "left",
            overflow="fold",
            min_width=min(max(map(len, cells)), least),
        )
    for row in rows:
        grid.add_row(*map(Text, row))
    if (
        numbers_from is not None
        and Measurement.get(console, console.options.update(max_width=10 * WIDTH), grid).maximum > WIDTH
    ):
        grid.padding = (0, 1, 0, 0)
    console.print(grid)
    return [line.rstrip() for line in out.getvalue().splitlines()]
