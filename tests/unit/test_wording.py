import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.report.wording import count, ms, number, plural, sentence, setting, share, size, visible


@given(st.text())
def test_every_character_can_be_seen_and_what_could_be_seen_is_as_it_was(text):
    shown = visible(text)
    assert all(character.isprintable() for character in shown)
    if text.isprintable():
        assert shown == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mred", "a\\x1b[31mred"),
        ("\x00", "\\x00"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("a\r\nb\tc", "a  b c"),
        ("größe 漢字", "größe 漢字"),
        (None, "None"),
    ],
)
def test_characters_that_cannot_be_seen_are_spelt_out(text, shown):
    assert visible(text) == shown


def test_a_text_without_end_is_cut_and_says_so():
    assert visible("x" * 5_000) == "x" * 4_000 + "… (5000 characters)"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (number(1234.56), "1,234.6"),
        (number(-0.04), "0.0"),
        (number(-1.5), "−1.5"),
        (number(None), "–"),
        (number(float("nan")), "–"),
        (number(2.5, 0), "2"),
        (count(12_345), "12,345"),
        (count(None), "–"),
        (ms(3.14159), "3.1 ms"),
        (ms(None), "–"),
        (share(0.0123), "1.2 %"),
        (size(1_307_000_000), "1.3 GB"),
        (size(530_000_000), "530 MB"),
        (size(12), "12 B"),
        (size(None), "–"),
        (plural(1, "row"), "1 row"),
        (plural(2_000, "row"), "2,000 rows"),
        (sentence("a - b"), "A − b."),
        (sentence("Done."), "Done."),
        (sentence(""), ""),
        (setting(None), "–"),
        (setting([4.0, 1.0]), "[4.0, 1.0]"),
        (setting(True), "true"),
        (setting("x"), "x"),
    ],
)
def test_figures_and_settings_as_a_page_shows_them(shown, expected):
    assert shown == expected
