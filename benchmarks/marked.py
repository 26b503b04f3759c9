"""Tables in documents that a program writes: between two comments that name them."""

from __future__ import annotations

from pathlib import Path


def put(document: Path, name: str, text: str) -> None:
    """Put a text between the marks of that name in a Markdown document.

    Raises
    ------
    ValueError
        When the document has no such marks.
    """
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    before, found, rest = document.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        msg = f"{document} has no lines {begin.strip()} and {end}"
        raise ValueError(msg)
    document.write_text(f"{before}{begin}{text}\n{end}{after}", encoding="utf-8")
