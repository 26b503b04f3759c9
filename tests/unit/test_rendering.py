"""Reports as text and Markdown; words from outside are shown and never obeyed."""

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.report.document import (
    Columns,
    Document,
    Files,
    Foreign,
    Opening,
    Plot,
    Reason,
    Row,
    Section,
    Table,
    Tile,
    Words,
    facts,
)
from windowbench.report.markdown import markdown_text
from windowbench.report.terminal import WIDTH, table_text, terminal_text
from windowbench.settings.printing import printable

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07",
    "a\nb\r\nc",
    "\u202egpj.exe",
    "\u2028line",
    "\x9b31m",
    "a|b",
    "a\\|b",
    "`code`",
    "``",
    "<script>alert(1)</script>",
    "[link](javascript:alert(1))",
    "![x](http://host/x.png)",
    "@everyone #1",
    "# heading",
    "---",
    "\ud800",
    "",
    " ",
)


def document(word, *blocks, **opening):
    """Return a report in which every text that may come from outside is `word`."""
    top = {
        "title": Foreign(word),
        "subtitle": ("under ", Foreign(word)),
        "verdict": Foreign(word),
        "tone": "good",
        "sentence": "our words",
        "reasons": [Reason(text=Foreign(word), party=Foreign(word), code=Foreign(word))],
        "warnings": [Foreign(word)],
        "headline": Tile(label=Foreign(word), value="1 ms", note=Foreign(word)),
        **opening,
    }
    return Document(
        kind="run",
        opening=Opening(**top),
        sections=[Section(name="one", title="One", lead="What it is about.", blocks=blocks)],
        footer="",
    )


def table(word):
    rows = [Row(cells=[Foreign(word), "1", Foreign(word)]), Row(cells=["b", ("our ", Foreign(word)), "2"])]
    return Table(title=Foreign(word), head=("name", Foreign(word), "value"), rows=rows, note=Foreign(word))


def full(word):
    named = [(Foreign(word), Foreign(word))]
    return document(word, table(word), facts("Facts", named), Words(lines=[Foreign(word)]))


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("word", HOSTILE)
def test_no_word_moves_the_cursor_or_begins_a_line_of_its_own(word, long):
    text = terminal_text(full(word), long=long)
    harmless = re.sub(r"\S", "x", printable(word))  # as long, and wrapped alike
    assert all(char == "\n" or char.isprintable() for char in text)
    assert len(text.splitlines()) == len(terminal_text(full(harmless), long=long).splitlines())


@pytest.mark.parametrize("word", HOSTILE)
def test_no_word_ends_a_cell_a_row_or_a_code_span_of_markdown(word):
    text = markdown_text(full(word))
    assert len(text.split("\n")) == len(markdown_text(full("x")).split("\n"))
    rows = [line for line in text.split("\n") if line.startswith("|")]
    assert [line.count("|") for line in rows] == [4] * 4 + [3] * 3
    outside = without_code_spans(text)
    for mark in ("<script", "](", "@everyone", "#1"):
        assert mark not in outside


def without_code_spans(text):
    """Take out code spans as CommonMark reads them: a run of backticks up to the next run of the same length."""
    out, at = "", 0
    while at < len(text):
        if text[at] != "`":
            out, at = out + text[at], at + 1
            continue
        length = len(text[at:]) - len(text[at:].lstrip("`"))
        fence, start = "`" * length, at + length
        end = start
        while True:
            end = text.index("`", end)  # a span that is never closed is an error here
            run = len(text[end:]) - len(text[end:].lstrip("`"))
            if run == length:
                break
            end += run
        out, at = out + "CODE", end + len(fence)
    return out


@given(st.text())
def test_whatever_the_word_markdown_keeps_its_rows_and_its_spans_closed(word):
    one = Table(title="", head=("name",), rows=[Row(cells=[Foreign(word)])])
    rows = [line for line in markdown_text(document("x", one)).split("\n") if line.startswith("|")]
    assert len(rows) == 3
    assert "|" not in without_code_spans(rows[2]).strip("| ")


@given(st.text())
def test_printable_text_stays_and_everything_else_becomes_an_escape(text):
    shown = printable(text)
    assert all(char.isprintable() for char in shown)
    if text.isprintable():
        assert shown == text


def test_our_own_words_are_no_markup():
    assert "\n* a\\_b \\* \\<c\\> \\| \\[d\\]\n" in markdown_text(document("x", Words(lines=["a_b * <c> | [d]"])))


def test_our_own_words_are_ascii_in_a_terminal_and_those_of_others_are_not_touched():
    text = terminal_text(document("größe – 漢字", Words(lines=["−1 ± 2 µs · 3 – 4 …"])))
    assert "-1 +- 2 us | 3 - 4 ..." in text
    assert "größe – 漢字" in text


# --- tables -----------------------------------------------------------------------------------------------------------


def test_figures_are_aligned_to_the_right_and_names_to_the_left():
    rows = [Row(cells=("a", "1.0")), Row(cells=("long", "100.0"))]
    shown = Table(title="", head=("name", "ms"), rows=rows)
    assert table_text(shown) == "name     ms\na       1.0\nlong  100.0"
    assert "| --- | ---: |" in markdown_text(document("x", shown))


def test_words_that_do_not_fit_go_on_in_the_next_line_and_none_is_lost():
    rows = [Row(cells=("name", "word " * 30, "123456789"))]
    lines = table_text(Table(title="", head=("", "words", "ms"), rows=rows, numbers_from=2)).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert sum(line.count("word") for line in lines[1:]) == 30
    assert lines[1].startswith("name")
    assert lines[1].endswith("123456789")


def test_names_and_figures_are_broken_only_where_nothing_else_can_give_way():
    rows = [Row(cells=("n" * 24, "1" * 12, "2" * 12, "words " * 20, "3" * 12))]
    lines = table_text(Table(title="", head=("", *"abcd"), rows=rows)).splitlines()
    assert max(map(len, lines)) <= WIDTH
    for whole in ("n" * 24, "1" * 12, "2" * 12, "3" * 12):
        assert whole in lines[1]


def test_a_table_that_cannot_fit_loses_no_character():
    rows = [Row(cells=("n" * 24, *(str(digit) * 12 for digit in range(9))))]
    text = table_text(Table(title="", head=("", *"abcdefghi"), rows=rows))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert [text.count(str(digit)) for digit in range(9)] == [12] * 9


# --- what is shown where ----------------------------------------------------------------------------------------------


def drawn(*axes):
    raise AssertionError("nothing is drawn for text")


PLOT = Plot(name="plot", title="Plot", words="what it says", paint=drawn, size=(1, 1))
ROWS = [Row(cells=("a", "1", "spared"))]


def test_in_short_details_are_left_out_and_in_long_all_but_plots_is_there():
    spare = Table(title="Spare", head=("", "one", "more"), rows=ROWS, spare=frozenset({2}))
    detail = Table(title="Detail", head=("", "one", "two"), rows=ROWS, detail=True)
    found = document("x", PLOT, spare, Columns(tables=[detail, facts("Named", [("name", "value")])]))
    short, long = terminal_text(found), terminal_text(found, long=True)
    assert "Spare  one\na        1" in short
    assert "name  value" in short
    for words in ("Detail", "spared", "What it is about.", "ONE"):
        assert words not in short
        assert words in long
    assert "Plot" not in long
    assert "| a | 1 | spared |" in markdown_text(found)
    assert "Detail" not in markdown_text(found)


def test_names_and_values_of_several_sections_stand_together_in_short():
    sections = [
        Section(name=name, title=name, blocks=[facts(name, [(f"{name} name", "value")])]) for name in ("a", "longer")
    ]
    found = dataclasses.replace(document("x"), sections=sections)
    assert "a name       value\nlonger name  value" in terminal_text(found)


def test_a_section_of_details_is_left_out_in_short():
    section = Section(name="a", title="A", blocks=[facts("", [("name", "value")])], detail=True)
    found = dataclasses.replace(document("x"), sections=[section])
    assert "value" not in terminal_text(found)
    assert "value" in terminal_text(found, long=True)


def test_the_verdict_comes_first_and_where_the_files_are_last():
    found = document("x", table("x"), verdict="valid", title="a", warnings=["w " * 60])
    found = dataclasses.replace(found, files=Files(directory="/runs/x", names=["a.json", "b.csv"]))
    lines = terminal_text(found).splitlines()
    assert lines[0] == "verdict: valid   run a"
    assert "warnings:" in lines
    assert lines[-2:] == ["files in /runs/x:", "  a.json, b.csv"]
    assert max(map(len, lines)) <= WIDTH
