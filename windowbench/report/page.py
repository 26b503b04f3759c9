"""A report as a page: one file, no network, no script.

Escaping happens here and nowhere else. Every value goes through :func:`~windowbench.report.wording.visible` and the
template's escaping, whatever it is; only drawings are put in as they are. The page itself forbids scripts, so that even
a fault here could not run one.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from windowbench.report.document import Columns, Document, Foreign, Plot, Table, said
from windowbench.report.drawing import draw
from windowbench.report.wording import visible

_HERE = Path(__file__).parent


def html_page(document: Document) -> str:
    """Return the HTML of a report."""
    template = _environment().get_template("page.html.jinja")
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    return template.render(page=document, style=Markup(style))  # noqa: S704 - our own file


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.tests |= {
        "plot": lambda block: isinstance(block, Plot),
        "table": lambda block: isinstance(block, Table),
        "columns": lambda block: isinstance(block, Columns),
    }
    environment.filters["drawing"] = lambda plot: Markup(draw(plot))  # noqa: S704 - which escapes the words in it
    return environment


def _finalize(value: object) -> Any:  # noqa: ANN401 - what a template prints
    if isinstance(value, Markup):
        return value
    return visible(said(value) if isinstance(value, Foreign | tuple) else value)
