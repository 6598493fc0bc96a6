"""OpenCV's FileStorage in YAML, as far as calibrations need it: read without expanding anything, and written.

    %YAML:1.0
    ---
    names:
       - "01"
    K_01: !!opencv-matrix
       rows: 3
       cols: 3
       dt: d
       data: [ 1000., 0., 500., 0., 1000., 500., 0., 0., 1. ]
    H_01: 1000

The file is cut at its keys at the margin. A value is read when it is asked for, as text, number, list of texts or
matrix: there are no aliases, no tags but the matrix's and nothing nested, so that a short file stays short.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.files import read_regular, replacing

Array = NDArray[np.float64]
Value = Array | str | int | float | Sequence[str]

MAX_BYTES = 2**22
MAX_KEYS = 100_000
MAX_NUMBERS = 4096
"""Of a matrix."""

QUOTED = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*""")
NO_KEY = tuple("\"'?&*!|>%@`{[,")
"""What no key without quotes begins with."""
MATRIX_TAG = re.compile(r"!!opencv-matrix\b|!<tag:yaml\.org,2002:opencv-matrix>")
FIELD = re.compile(r"(?:^|[\s{,])(rows|cols|dt)\s*:\s*\"?([0-9]*[a-z]*)\"?", re.M)
DATA = re.compile(r"(?:^|[\s{,])data\s*:\s*\[([^\]\[]*)\]")
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class FileStorage:
    """The values of one file by their keys, as text that was not looked at yet."""

    path: Path
    blocks: Mapping[str, str]

    def __contains__(self, key: str) -> bool:
        return key in self.blocks

    def matrix(self, key: str) -> Array | None:
        """[rows, cols] of a key, or None without it. Raises InputError for anything but a matrix of finite numbers."""
        if key not in self.blocks:
            return None
        block = self.blocks[key]
        if not MATRIX_TAG.match(block):
            self._refuse(key, "is no matrix", "!!opencv-matrix with rows, cols, dt and data")
        fields = dict(FIELD.findall(block.split("data", 1)[0])) | dict(FIELD.findall(block.rsplit("]", 1)[-1]))
        data = DATA.search(block)
        if data is None or not {"rows", "cols"} <= fields.keys():
            self._refuse(key, "lacks rows, cols or data, or its data has no end", "a whole !!opencv-matrix")
        if not re.fullmatch("1?[ucwsifdh]", fields.get("dt", "d")):
            self._refuse(key, f"has the type {fields['dt'][:10]!r}", "one channel of numbers, such as d")
        numbers = data[1].replace(",", " ").split(maxsplit=MAX_NUMBERS)
        rows, cols = (int(fields[side][:9] or 0) if fields[side].isdecimal() else 0 for side in ("rows", "cols"))
        if rows * cols != len(numbers) or not 0 < rows * cols <= MAX_NUMBERS:
            self._refuse(key, f"speaks of {rows} x {cols} numbers and holds {len(numbers)}", "as many as it speaks of")
        return np.array([self._number(key, text) for text in numbers]).reshape(rows, cols)

    def number(self, key: str) -> float | None:
        """The number of a key, or None without it. Raises InputError for anything else."""
        return self._number(key, self.blocks[key]) if key in self.blocks else None

    def text(self, key: str) -> str | None:
        """The text of a key, or None without it."""
        return self._scalar(key, self.blocks[key]) if key in self.blocks else None

    def texts(self, key: str) -> tuple[str, ...] | None:
        """The list of a key, each item as it is written (`01` keeps its zero), or None without it."""
        if key not in self.blocks:
            return None
        block = self.blocks[key]
        if block.startswith("["):
            if not block.endswith("]"):
                self._refuse(key, "is a list without an end", "[ ... ]")
            items = _items(block[1:-1])
        else:
            lines = [line.strip() for line in block.split("\n") if line.strip()]
            if any(not line.startswith("-") for line in lines):
                self._refuse(key, "is no list", 'lines such as - "01"')
            items = [line[1:].strip() for line in lines]
        return tuple(self._scalar(key, item) for item in items)

    def _scalar(self, key: str, text: str) -> str:
        if text[:1] in ('"', "'"):
            if len(text) < 2 or text[-1] != text[0]:
                self._refuse(key, f"holds {text[:40]!r}, whose quotes do not close", "a text in quotes")
            return _unquoted(text)
        if text[:1] in ("&", "*", "!", "{", "[", "|", ">"):
            self._refuse(
                key, f"holds {text[:40]!r}", "a text or a number; aliases, tags and nested values are not read"
            )
        return text

    def _number(self, key: str, text: str) -> float:
        plain = self._scalar(key, text)
        try:
            value = float(plain)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self._refuse(key, f"holds {text[:40]!r}", "a finite number")
        return value

    def _refuse(self, key: str, found: str, expected: str) -> NoReturn:
        raise InputError(f"{self.path}: {key[:80]!r} {found}; expected {expected}")


def read_file_storage(path: Path) -> FileStorage:
    """Cut a file at its keys. Raises InputError that names the file, and the line or key that is wrong."""
    try:
        text = read_regular(path, MAX_BYTES, "calibrations").decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: missing") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file ({error.reason} at byte {error.start})") from None
    blocks: dict[str, list[str]] = {}
    current: list[str] | None = None
    for number, line in enumerate(text.split("\n"), 1):
        bare = _without_comment(line).rstrip()
        if not bare or bare.startswith(("%YAML", "---", "...")):
            continue
        if bare[0] in " \t-":
            if current is None:
                raise InputError(f"{path}: line {number} belongs to no key; expected OpenCV's YAML, such as names: ...")
            current.append(bare)
            continue
        if bare[0] in "]}" and current is not None:  # the end of data that was written at the margin
            current.append(bare)
            continue
        if (found := _key_and_value(bare)) is None:
            raise InputError(
                f"{path}: line {number} is no key with a value ({bare[:40]!r}); expected OpenCV's YAML, such as H_01: "
                "1080"
            )
        key, value = found
        if key in blocks:
            raise InputError(f"{path}: {key[:80]!r} is there twice, the second time in line {number}; delete one")
        if len(blocks) == MAX_KEYS:
            raise InputError(f"{path}: more than {MAX_KEYS} keys are no calibration's")
        current = blocks[key] = [value]
    return FileStorage(path, {key: "\n".join(lines).strip() for key, lines in blocks.items()})


def write_file_storage(path: Path, values: Mapping[str, Value]) -> None:
    """Write matrices [rows, cols], numbers, texts and lists of texts, so that OpenCV reads them too."""
    lines = ["%YAML:1.0", "---"]
    for key, value in values.items():
        name = key if PLAIN_NAME.fullmatch(key) else _quoted(key)
        if isinstance(value, str):
            lines.append(f"{name}: {_quoted(value)}")
        elif isinstance(value, int | float):
            lines.append(f"{name}: {value!r}")
        elif isinstance(value, np.ndarray):
            rows, cols = value.shape
            data = ", ".join(repr(float(number)) for number in value.reshape(-1))
            lines += [f"{name}: !!opencv-matrix", f"   rows: {rows}", f"   cols: {cols}", "   dt: d"]
            lines.append(f"   data: [ {data} ]")
        else:
            lines += [f"{name}:", *(f"   - {_quoted(item)}" for item in value)]
    with replacing(path) as partial:
        partial.write_bytes(("\n".join(lines) + "\n").encode())


def _key_and_value(line: str) -> tuple[str, str] | None:
    """A line `key: value` at its first colon before a space or the end; quotes are for keys that hold such a colon."""
    if quoted := QUOTED.match(line):
        rest = line[quoted.end() :]
        return (_unquoted(quoted[1]), rest[1:].strip()) if rest.startswith(":") else None
    place = next((at for at, sign in enumerate(line) if sign == ":" and line[at + 1 : at + 2] in ("", " ", "\t")), 0)
    return None if place == 0 or line.startswith(NO_KEY) else (line[:place].rstrip(), line[place + 1 :].strip())


def _items(text: str) -> list[str]:
    """The items of a list in one line, separated by commas outside quotes."""
    items, place = [""], 0
    while place < len(text):
        if not items[-1].strip() and (quoted := QUOTED.match(text, place)):
            items[-1], place = quoted[1], quoted.end()
        elif text[place] == ",":
            items.append("")
            place += 1
        else:
            end = text.find(",", place)
            items[-1] += text[place : end if end >= 0 else len(text)]
            place = end if end >= 0 else len(text)
    return [item.strip() for item in (items if items[-1].strip() else items[:-1])]


def _without_comment(line: str) -> str:
    """The line up to a # that begins a comment: at its start or behind a space, and in no quotes."""
    if "#" not in line:
        return line
    quote = ""
    for place, sign in enumerate(line):
        if quote:
            quote = "" if sign == quote and line[place - 1] != "\\" else quote
        elif sign in "\"'" and (place == 0 or line[place - 1] in " \t-[,{:"):
            quote = sign
        elif sign == "#" and (place == 0 or line[place - 1] in " \t"):
            return line[:place]
    return line


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _unquoted(text: str) -> str:
    inner = text[1:-1]
    return inner.replace("''", "'") if text[0] == "'" else re.sub(r"\\(.)", r"\1", inner)
