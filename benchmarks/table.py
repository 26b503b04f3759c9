"""How benchmarks state what they found: a figure beside its target."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure; `target` is empty where there is none."""

    name: str
    value: float | str
    target: str = ""
    met: bool = True

    def line(self) -> str:
        """Return the figure as a line of the table."""
        value = f"{self.value:,}" if isinstance(self.value, int | float) else self.value
        return f"{self.name:58} {value:>14}  {self.target:>12}  {'' if self.met else 'MISSED'}".rstrip()


def show(figures: Iterable[Figure]) -> None:
    """Print figures as they come."""
    for figure in figures:
        print(figure.line(), flush=True)
