"""Sentences that are printed: one line each, whatever the names in them hold."""

from __future__ import annotations

import pytest

from dymap.errors import LONGEST_TEXT, LONGEST_WORD, printable

HOSTILE = [
    "\x1b]0;owned\x07",  # retitles a terminal
    "\x9b31m",  # colours, in one character
    "a\nframes     999",  # forges a line
    "a\rb",
    "a\u2028b",
    "\u202egnp.exe",  # writes backwards
    "\udcff\udcfe",  # bytes that are no UTF-8
    "\x00",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_letter_sign_or_space_is_escaped(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown.encode()
    assert "\\" in shown


@pytest.mark.parametrize("text", ["", "a plain sentence.", "Süß, 東京, naïve: 3 × 4 m", "  two  spaces "])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_long_names_are_shortened_in_the_middle() -> None:
    word = printable("first" + "x" * 10_000 + "last")
    assert len(word) <= LONGEST_WORD
    assert word.startswith("first")
    assert word.endswith("last")
    text = printable("begin " + "x " * 10_000 + "end")
    assert len(text) <= LONGEST_TEXT
    assert (text[:5], text[-3:], text.count("...")) == ("begin", "end", 1)
    assert len(printable("\x1b" * 10**6)) <= 4 * LONGEST_TEXT
