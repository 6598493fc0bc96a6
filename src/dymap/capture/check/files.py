"""Names of files: rows in which cameras change places, and numbers that differ within a row, repeat or fall."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dymap.capture.check.finding import Finding
from dymap.capture.numbers import frame_numbers
from dymap.capture.source import Source


def find_wrong_rows(source: Source) -> Iterator[Finding]:
    """Frames at which a camera's file lies in another folder, or has another number than the others'."""
    columns = [_column(source, view) for view in range(len(source.cameras))]
    homes = [_home(column) for column in columns]
    for view, column in enumerate(columns):
        name, home = source.cameras[view].name, homes[view]
        strange = [f for f, path in enumerate(column) if path is not None and path.parent != home]
        if (
            home is not None
            and strange
            and len(set(map(str, filter(None, column)))) > 1
            and 2 * len(strange) < len(column)
        ):
            path, number = column[strange[0]], source.frames[strange[0]]
            assert path is not None
            text = (
                f"at frame {number} the file of camera {name!r} is {path.parent.name}/{path.name}, elsewhere it is in "
                f"{home.name}/ ({len(strange)} of {len(column)} frames): the order of cameras changes there"
            )
            measures = {"count": float(len(strange))}
            yield Finding(text, False, name, number, cause="row-order", gross=True, measures=measures)
    yield from _wrong_numbers(source, columns)


def _wrong_numbers(source: Source, columns: list[list[Path | None]]) -> Iterator[Finding]:
    numbers: list[list[int | None]] = []
    for view, column in enumerate(columns):
        try:
            numbers.append(_numbers(column))
        except ValueError as error:
            numbers.append([None] * len(column))
            name = source.cameras[view].name
            text = f"camera {name!r}: {error}"
            yield Finding(text, False, name, cause="frame-number", gross=True)
    usual = [_usual([own[frame] for own in numbers]) for frame in range(len(source.frames))]
    if 2 * sum(number is not None for number in usual) < len(usual):
        return  # such as time stamps, which differ by themselves
    for view, own in enumerate(numbers):
        apart = [
            (frame, number - common)
            for frame, (number, common) in enumerate(zip(own, usual, strict=True))
            if number is not None and common is not None
        ]
        wrong = [(frame, off) for frame, off in apart if off]
        if not wrong or len({off for _, off in apart}) == 1:
            continue  # a camera may count from another number; timing.py says whether it is late
        first, name = wrong[0][0], source.cameras[view].name
        text = (
            f"at frame {source.frames[first]} the file of camera {name!r} has number {own[first]}, those of the others "
            f"{usual[first]} ({len(wrong)} of {len(own)} frames): its files are listed in another order, or some are "
            "missing; give every row the files of one moment"
        )
        measures = {"count": float(len(wrong))}
        yield Finding(text, False, name, source.frames[first], cause="frame-number", gross=True, measures=measures)


def _column(source: Source, view: int) -> list[Path | None]:
    """The picture files of a camera; None: it lacks the frame, or the layout keeps several in one file."""
    found = []
    for frame in range(len(source.frames)):
        files = source.files(frame, view) if source.present(frame, view) else ()
        found.append(files[0] if files else None)
    return found if len(set(found)) > 1 or len(found) == 1 else [None] * len(found)


def _home(column: list[Path | None]) -> Path | None:
    """The folder of most files; None if it says nothing about the camera."""
    folders = [path.parent for path in column if path is not None]
    return max(set(folders), key=folders.count) if folders else None


def _numbers(column: list[Path | None]) -> list[int | None]:
    """The frame number in each file's name; None without digits. Raises ValueError for numbers that do not rise."""
    names = [str(path) for path in column if path is not None]
    if not names or not all(any(map(str.isdecimal, Path(name).stem)) for name in names):
        return [None] * len(column)
    read = iter(frame_numbers(names))
    return [None if path is None else next(read) for path in column]


def _usual(row: list[int | None]) -> int | None:
    """The number that more than half of a row's files have."""
    known = [number for number in row if number is not None]
    most = max(set(known), key=known.count, default=None)
    return most if most is not None and 2 * known.count(most) > len(known) else None
