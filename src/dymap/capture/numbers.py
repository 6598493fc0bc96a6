"""Frame numbers in the names of files: the digits that advance from frame to frame."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

DIGITS = re.compile(r"\d+")
LONGEST = 15
"""Digits of a number; more are no number of a frame."""


def frame_numbers(names: Sequence[str]) -> tuple[int, ...]:
    """The numbers of frames, from the names of one camera's files in the order of time.

    Raises ValueError, naming the file, for names without digits and for numbers that repeat or fall. Of several runs
    of digits (`Camera_B1_0012_2019-08-23_16-08-50.592.jpg`, `frame_0012_1080p.jpg`) the one that advances counts: in
    the most even steps, of several the one in the smallest, of several the last.
    """
    runs = [_runs(name) for name in names]
    for name, found in zip(names, runs, strict=True):
        if not found:
            raise ValueError(f"the name of {name!r} holds no frame number")
    if len(names) == 1:
        return (_only_number(runs[0]),)
    columns = _columns(runs)
    rising = [column for column in columns if (np.diff(column) > 0).all()]
    if not rising:
        _refuse(names, columns[-1])
    best = min(
        reversed(rising), key=lambda column: (len(set(np.diff(column).tolist())) > 1, int(np.diff(column).max()))
    )
    return tuple(int(number) for number in best)


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """A key that sorts names as a person does: 2 before 10, with zeros in front or without."""
    return tuple((0, int(part)) if part.isdecimal() else (1, part.lower()) for part in re.split(r"(\d+)", name) if part)


def _runs(name: str) -> list[str]:
    stem = PurePosixPath(name).name
    stem = stem[: stem.rfind(".")] if "." in stem[1:] else stem
    return [run for run in DIGITS.findall(stem) if len(run) <= LONGEST and run.isascii()]


def _only_number(runs: list[str]) -> int:
    """Of one name: the longest run with zeros in front, as counters have them; else the last."""
    padded = [run for run in runs if len(run) > 2 and run.startswith("0")]
    return int(max(padded, key=len) if padded else runs[-1])


def _columns(runs: list[list[str]]) -> list[NDArray[np.int64]]:
    """The runs of digits that all names have, [names] each, counted from the front and, if names differ, the back."""
    count = min(map(len, runs))
    same = all(len(found) == count for found in runs)
    places = range(count) if same else [*range(count), *range(-count, 0)]
    return [np.array([int(found[place]) for found in runs], np.int64) for place in places]


def _refuse(names: Sequence[str], numbers: NDArray[np.int64]) -> None:
    at = int(np.argmax(np.diff(numbers) <= 0))
    how = "repeats" if numbers[at + 1] == numbers[at] else "falls"
    raise ValueError(
        f"the frame number {how}: {names[at + 1]!r} (number {numbers[at + 1]}) follows {names[at]!r} (number "
        f"{numbers[at]}); files must be named so that their numbers rise from frame to frame"
    )
