r"""What of a text may reach a terminal: every way out shows words of others in characters that can be seen. Pure.

Others are moved by nobody's words: control bytes move the cursor, begin lines, reorder or hide text.
"""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return a text in which every character can be seen: those that cannot are written as ``\x1b`` or ``\u202e``."""
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def printable_lines(text: str) -> str:
    """Return a text of several lines, each with characters that can be seen alone; tabs become spaces."""
    return "\n".join(printable(line.replace("\t", "    ")) for line in text.split("\n"))


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
