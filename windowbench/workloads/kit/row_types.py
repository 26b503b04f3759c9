"""What a type of result row holds; how it is read is told apart, for engines need the fields alone. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class RowType:
    """The fields of a type of row, beside those that all rows have.

    Attributes
    ----------
    name : str
        What its field ``metric`` holds.
    key : str
        The one of `integers` or `texts` that tells a row from others of its type and window; empty where there is one
        row for each window.
    integers, texts, doubles : tuple of str
        An integer and a text must be there; a double may be missing or null.
    """

    name: str
    key: str = ""
    integers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    doubles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the key."""
        if self.key and self.key not in (*self.integers, *self.texts):
            raise ValueError(f"the key {self.key} of {self.name} is none of its integers and texts")

    @property
    def fields(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.integers, *self.texts, *self.doubles)
