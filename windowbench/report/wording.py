"""Figures and foreign words in the form in which a page shows them. Pure.

Words that come from outside (names, settings, errors, messages of an engine) may hold anything. Whoever puts them
into a page passes them through :func:`visible`; escaping the markup itself is left to the template.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

from windowbench.settings.printing import printable

_LONGEST = 4_000
"""Characters of a foreign text that are shown."""
NOTHING = "–"
"""Where there is no figure or value."""
_SPACES = str.maketrans("\n\r\t", "   ")


def visible(text: object) -> str:
    """Return a text as a page shows it, every character visible.

    Notes
    -----
    Line ends and tabs become spaces. A text of more than 4,000 characters is cut, and says so.
    """
    words = str(text)
    if len(words) > _LONGEST:
        words = f"{words[:_LONGEST]}… ({len(words)} characters)"
    return printable(words.translate(_SPACES))


def shortened(text: str, most: int = 28) -> str:
    """Return a foreign word that fits where there is little room, every character visible."""
    words = visible(text)
    return words if len(words) <= most else f"{words[: most - 1]}…"


def number(value: float | None, digits: int = 1) -> str:
    """Return a number with groups of three digits; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    rounded = round(value, digits) + 0.0  # no "-0.0"
    return f"{rounded:,.{digits}f}".replace("-", "−")


def signed(value: float | None, digits: int = 1) -> str:
    """Return a number with its sign; a dash where there is none."""
    words = number(value, digits)
    return f"+{words}" if value is not None and round(value, digits) > 0 else words


def count(value: int | None) -> str:
    """Return a whole number with groups of three digits."""
    return NOTHING if value is None else f"{value:,}".replace("-", "−")


def ms(value: float | None) -> str:
    """Return a duration in ms with its unit."""
    return NOTHING if value is None else f"{number(value)} ms"


def p_value(value: float) -> str:
    """Return a p-value as it is written: small ones as an upper bound."""
    return "p < 0.001" if value < 0.001 else f"p = {number(value, 3)}"


def share(value: float) -> str:
    """Return a share as per cent."""
    return f"{number(value * 100)} %"


def size(count_bytes: float | None) -> str:
    """Return a number of bytes in the unit that fits."""
    if count_bytes is None:
        return NOTHING
    value, units = float(count_bytes), ["B", "kB", "MB", "GB", "TB"]
    while abs(value) >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{number(value, 0 if units[0] in 'B kB MB' else 1)} {units[0]}"


def setting(value: object) -> str:
    """Return the value of a setting as a configuration file would have it; a dash for none."""
    if value is None:
        return NOTHING
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def plural(amount: int, one: str) -> str:
    """Return a count with its noun."""
    return f"{count(amount)} {one if amount == 1 else one + 's'}"


def sentence(text: str) -> str:
    """Return words as a sentence, with a minus where a hyphen stands for one; nothing of nothing."""
    words = text.strip().rstrip(".").replace(" - ", " − ")
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def sentences(texts: Iterable[str]) -> str:
    """Return each text as a sentence."""
    return " ".join(filter(None, map(sentence, texts)))
