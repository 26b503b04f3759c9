"""A report as Markdown with tables, as pull requests show it; without details and plots. Pure.

Escaping happens in :func:`_marked` and nowhere else. Words of others stand in code spans, where neither markup nor
mentions work.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from windowbench.report.document import Document, Foreign, Line, Table, parts
from windowbench.settings.printing import printable


def markdown_text(document: Document) -> str:
    """Return a report as Markdown."""
    opening = document.opening
    out = [
        f"### {document.kind} {_marked(opening.title)}: {_marked(opening.verdict)}",
        *(_marked(line) for line in (opening.subtitle, opening.sentence) if line),
        _list([(*parts(r.party), ": " if r.party else "", *parts(r.text)) for r in opening.reasons]),
    ]
    if opening.headline is not None:
        headline = opening.headline
        out.append(f"**{_marked(headline.label)} {_marked(headline.value)}** {_marked(headline.note)}")
    for section, blocks in document.blocks(long=False):
        out.append(f"#### {_marked(section.title)}")
        for block in blocks:
            out += _table(block) if isinstance(block, Table) else [_list(block.lines)]
    if opening.warnings:
        out += ["#### Warnings", _list(opening.warnings)]
    return "\n\n".join(text for text in out if text) + "\n"


def _list(items: Sequence[Line]) -> str:
    return "\n".join(f"* {_marked(item)}" for item in items)


def _table(table: Table) -> list[str]:
    width = len(table.head) or len(table.rows[0].cells)
    first = 0 if table.numbers_from is None else table.numbers_from
    rule = ["---:" if table.numbers_from is not None and i >= first else "---" for i in range(width)]
    head = list(table.head) or [""] * width
    rows = [[_marked(cell) for cell in cells] for cells in (head, *(row.cells for row in table.rows))]
    lines = "\n".join(f"| {' | '.join(cells)} |" for cells in (rows[0], rule, *rows[1:]))
    title = f"**{_marked(table.title)}**" if table.title else ""
    return [title, lines, _marked(table.note)]


def _marked(line: Line) -> str:
    return "".join(_code(part.text) if isinstance(part, Foreign) else _escaped(part) for part in parts(line))


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
