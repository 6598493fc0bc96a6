"""Files that say when each camera began: seconds after a common beginning, a number a camera.

    offsets.json    {"cam01": 0.0, "cam02": 0.184}    or [0.0, 0.184], in the order of the videos
    offsets.csv     cam01,0.0                          a line a camera; a first line of words is passed over
    offsets.toml    cam01 = 0.0                        or below [offsets]

A picture that a video shows t seconds after its first one was taken at the common time t + offset.
"""

from __future__ import annotations

import csv
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dymap.errors import InputError
from dymap.files import read_regular

MAX_BYTES = 2**20
LARGEST = 1e6
"""Seconds."""


def read_offsets(path: Path, names: Sequence[str | tuple[str, ...]]) -> list[float]:
    """Seconds for each camera. names: of each, or several by which the file may speak of it, the surest first.

    Raises InputError that names the file and the camera.
    """
    called = [(one,) if isinstance(one, str) else one for one in names]
    try:
        text = read_regular(path, MAX_BYTES, "offsets").decode("utf-8-sig")
        read = {".json": _of_json, ".csv": _of_csv, ".txt": _of_csv, ".toml": _of_toml}.get(path.suffix.lower())
        if read is None:
            raise InputError(f"{path}: offsets are in a file that ends in .json, .csv or .toml")
        found = read(text)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; --offsets takes a file of seconds a camera, or auto") from None
    except InputError:
        raise
    except (ValueError, RecursionError, csv.Error) as error:
        raise InputError(f"{path}: not readable as offsets ({error})") from None
    if isinstance(found, list):
        if len(found) != len(names):
            raise InputError(f"{path}: lists {len(found)} offsets, but there are {len(names)} cameras")
        found = {each[0]: value for each, value in zip(called, found, strict=True)}
    seconds = []
    for each in called:
        if (name := next((name for name in each if name in found), None)) is None:
            raise InputError(
                f"{path}: says nothing of camera {each[0]!r}; it knows {', '.join(map(repr, list(found)[:8]))}"
            )
        seconds.append(_seconds(path, name, found[name]))
    return seconds


def _seconds(path: Path, name: str, value: Any) -> float:
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except OverflowError:  # Python does not even print the longest of them
        raise InputError(
            f"{path}: the offset of camera {name!r} is an integer of {int(value).bit_length()} bits; expected seconds"
        ) from None
    except (TypeError, ValueError):
        number = math.nan
    if not abs(number) <= LARGEST:
        raise InputError(f"{path}: the offset of camera {name!r} is {str(value)[:40]!r}; expected seconds")
    return number


def _of_json(text: str) -> dict[str, Any] | list[Any]:
    data = json.loads(text)
    if isinstance(data, dict) and isinstance(data.get("offsets"), dict | list):
        data = data["offsets"]
    if not isinstance(data, dict | list):
        raise ValueError("expected an object of names and seconds, or a list of seconds")
    return data


def _of_toml(text: str) -> Mapping[str, Any]:
    data = tomllib.loads(text)
    inner = data.get("offsets")
    return inner if isinstance(inner, dict) else data


def _of_csv(text: str) -> dict[str, Any]:
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines()) if any(map(str.strip, row))]
    if any(len(row) < 2 for row in rows):
        raise ValueError("expected lines of a name and seconds, separated by a comma")
    if rows and not _is_number(rows[0][1]):
        rows = rows[1:]
    return {row[0]: row[1] for row in rows}


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
