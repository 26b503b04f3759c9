"""Reports as text and Markdown; words from outside are shown and never obeyed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.report.blocks import (
    WIDTH,
    Bullets,
    Foreign,
    Heading,
    Paragraph,
    Table,
    markdown,
    plain_text,
    printable,
)

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


def blocks(word):
    return [
        Heading(("run ", Foreign(word))),
        Paragraph(Foreign(word)),
        Bullets((Foreign(word), ("our words: ", Foreign(word)))),
        Table(header=("name", "value"), rows=((Foreign(word), "1"), ("b", Foreign(word)))),
    ]


@pytest.mark.parametrize("word", HOSTILE)
def test_no_word_moves_the_cursor_or_begins_a_line_of_its_own(word):
    text = plain_text(blocks(word))
    assert all(char == "\n" or char.isprintable() for char in text)
    assert len(text.splitlines()) == len(plain_text(blocks("x")).splitlines()) or not word.strip()


@pytest.mark.parametrize("word", HOSTILE)
def test_no_word_ends_a_cell_a_row_or_a_code_span_of_markdown(word):
    text = markdown(blocks(word))
    assert len(text.split("\n")) == len(markdown(blocks("x")).split("\n"))
    rows = [line for line in text.split("\n") if line.startswith("|")]
    assert [line.count("|") for line in rows] == [3] * 4
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
    text = markdown([Table(header=("name",), rows=((Foreign(word),),))])
    assert len(text.split("\n")) == 4
    assert "|" not in without_code_spans(text.split("\n")[2]).strip("| ")


@given(st.text())
def test_printable_text_stays_and_everything_else_becomes_an_escape(text):
    shown = printable(text)
    assert all(char.isprintable() for char in shown)
    if text.isprintable():
        assert shown == text


def test_our_own_words_are_no_markup():
    assert markdown([Paragraph("a_b * <c> | [d]")]) == "a\\_b \\* \\<c\\> \\| \\[d\\]\n"


def test_figures_are_aligned_to_the_right_and_names_to_the_left():
    table = Table(header=("name", "ms"), rows=(("a", "1.0"), ("long", "100.0")), figures=frozenset({1}))
    assert plain_text([table]) == "name     ms\na       1.0\nlong  100.0"
    assert markdown([table]).split("\n")[1] == "| --- | ---: |"


def test_long_cells_are_cut_until_the_table_fits_but_neither_names_nor_figures():
    table = Table(header=("name", "words", "ms"), rows=(("n" * 40, "w" * 60, "123456789"),), figures=frozenset({2}))
    (line,) = plain_text([table]).splitlines()[1:]
    assert len(line) == WIDTH
    assert line.startswith("n" * 40)
    assert line.endswith("...  123456789")


def test_paragraphs_are_wrapped_and_a_heading_stands_above_its_block():
    text = plain_text([Heading("head"), Paragraph("word " * 40), Paragraph("next")])
    lines = text.splitlines()
    assert lines[:1] == ["head"]
    assert lines[1].startswith("word")
    assert max(map(len, lines)) <= WIDTH
    assert lines[-2:] == ["", "next"]
