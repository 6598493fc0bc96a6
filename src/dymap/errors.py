"""Errors that are the input's fault: one clear sentence, printed by the command line without a traceback."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_WORD, LONGEST_TEXT = 400, 2000
"""Characters of a sentence that are shown: of one word, such as a path, and in all."""


class InputError(ValueError):
    """A capture, file or option that cannot be used; the message says what was found, what was expected and why."""


def check_word(what: str, value: object, known: Sequence[str]) -> None:
    """Raises InputError that lists the known words if `value` is none of them. what: the argument's name."""
    if value not in known:
        raise InputError(f"{what} is {value!r}; expected {', '.join(map(repr, known[:-1]))} or {known[-1]!r}")


def printable(text: str) -> str:
    """The text in one line that does nothing to a terminal or a page, whoever wrote it.

    Names come from captures and files: what is no letter, sign or space (control characters, such as those that retitle
    a terminal or forge a line, turned writing directions, bytes that are no UTF-8) is written as Python escapes it, and
    what is too long is shortened in the middle.
    """
    text = shortened(text, LONGEST_TEXT)
    seen = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
    return " ".join(shortened(word, LONGEST_WORD) for word in seen.split(" "))


def shortened(text: str, most: int) -> str:
    """The text, or its two ends if it has more than `most` characters."""
    return text if len(text) <= most else f"{text[: most - most // 3]}...{text[3 - most // 3 :]}"
