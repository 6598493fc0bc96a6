"""Commands that are offered: as they are typed, from where the user stands. Imports nothing large."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from dymap.config import CaptureConfig, to_json

READING = ("layout", "frames", "transform")
"""Keys of a capture's configuration that its reader follows, besides the options of the layout."""


def command(*words: object) -> str:
    """`dymap` and its words as a shell takes them: names with blanks are quoted, and no path is taken for an option."""
    return shlex.join(["dymap", *(_word(word) for word in words)])


def asked_options(config: CaptureConfig) -> list[str]:
    """The words with which a command reads a capture as `config` says: its layout, frames and transform, and options of
    its reader."""
    given, usual = to_json(config), to_json(CaptureConfig())
    asked = {f"capture.{name}": given[name] for name in READING if given[name] != usual[name]}
    asked |= {f"capture.options.{name}": value for name, value in given["options"].items() if value is not None}
    words: list[str] = []
    for key, value in asked.items():
        if key == "capture.frames":
            words += ["--frames", *map(str, value)]
        elif key == "capture.options.unit":
            words += ["--unit", str(value)]
        else:
            words += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
    return words


def _word(word: object) -> str:
    text = str(word)
    return f"./{text}" if isinstance(word, Path) and text.startswith("-") else text
