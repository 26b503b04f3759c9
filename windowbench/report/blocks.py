"""A report as blocks, written as plain text for a terminal or as Markdown. Pure.

What a report says is decided once, in blocks; how it looks is decided here. Words that come from outside (names of
runs, values of settings, messages of engines) are :class:`Foreign`. They are shown, never obeyed: control characters
become escapes, and in Markdown they stand in code spans, where neither markup nor mentions work.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

WIDTH = 80
_LEAST_COLUMN = 12
"""A column of text is not cut below this."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Words from outside."""

    text: str


Part = str | Foreign
Line = Part | tuple[Part, ...]
"""A run of words, ours and others."""


@dataclass(frozen=True, slots=True)
class Heading:
    """Begins a section."""

    line: Line


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    line: Line


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table; columns named in `figures` are aligned to the right."""

    header: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]
    figures: frozenset[int] = field(default=frozenset())


Block = Heading | Paragraph | Bullets | Table


def printable(text: str) -> str:
    """Return a text in which every character is an escape that does something instead of being seen.

    These move the cursor, begin lines, reorder or hide text.
    """
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _parts(line: Line) -> tuple[Part, ...]:
    return line if isinstance(line, tuple) else (line,)


# --- plain text -------------------------------------------------------------------------------------------------------


def plain_text(blocks: Iterable[Block]) -> str:
    """Return blocks as text for a terminal, no line longer than :data:`WIDTH` unless a name is."""
    lines: list[str] = []
    headed = True
    for block in blocks:
        lines += [] if headed else [""]
        lines += _plain_block(block)
        headed = isinstance(block, Heading)
    return "\n".join(lines)


def _plain_block(block: Block) -> list[str]:
    if isinstance(block, Heading | Paragraph):
        return wrapped(_plain(block.line), hanging="  ")
    if isinstance(block, Bullets):
        return [line for item in block.items for line in wrapped(_plain(item), "  - ", "    ")]
    return _plain_table(block)


def _plain(line: Line) -> str:
    return "".join(printable(part.text if isinstance(part, Foreign) else part) for part in _parts(line))


def wrapped(text: str, indent: str = "", hanging: str | None = None) -> list[str]:
    """Return a text in lines of at most :data:`WIDTH` characters; words are not broken."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain_table(table: Table) -> list[str]:
    cells = [list(table.header), *([_plain(cell) for cell in row] for row in table.rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(table.header))]
    while sum(widths) + 2 * (len(widths) - 1) > WIDTH:
        # Not the first column: it says what the row is about.
        texts = [i for i in range(1, len(widths)) if i not in table.figures and widths[i] > _LEAST_COLUMN]
        if not texts:
            break
        widths[max(texts, key=widths.__getitem__)] -= 1
    return [_aligned(row, widths, table.figures) for row in cells]


def _aligned(row: Sequence[str], widths: Sequence[int], figures: frozenset[int]) -> str:
    cut = [cell if len(cell) <= width else f"{cell[: width - 3]}..." for cell, width in zip(row, widths, strict=True)]
    placed = [
        cell.rjust(width) if i in figures else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(cut, widths, strict=True))
    ]
    return "  ".join(placed).rstrip()


# --- Markdown ---------------------------------------------------------------------------------------------------------


def markdown(blocks: Iterable[Block]) -> str:
    """Return blocks as Markdown with tables, as pull requests show it."""
    return "\n\n".join(_markdown_block(block) for block in blocks) + "\n"


def _markdown_block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"### {_marked(block.line)}"
    if isinstance(block, Paragraph):
        return _marked(block.line)
    if isinstance(block, Bullets):
        return "\n".join(f"* {_marked(item)}" for item in block.items)
    rule = ["---:" if i in block.figures else "---" for i in range(len(block.header))]
    rows = [[_marked(cell) for cell in row] for row in (block.header, *block.rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (rows[0], rule, *rows[1:]))


def _marked(line: Line) -> str:
    return "".join(_code(part.text) if isinstance(part, Foreign) else _escaped(part) for part in _parts(line))


def _code(text: str) -> str:
    """Return a code span that holds exactly these words.

    Notes
    -----
    The fence is longer than any run of backticks inside. A bar would end the cell of a table even here; what a
    backslash before it does depends on who reads, so that it is written as an escape.
    """
    shown = printable(text).replace("|", "\\x7c")
    if not shown.strip():
        return "(empty)"
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if "`" in (shown[0], shown[-1]) else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _escaped(text: str) -> str:
    """Return our own words so that nothing in them is taken for markup."""
    return re.sub(r"([\\`*_\[\]<>|~])", r"\\\1", printable(text))
