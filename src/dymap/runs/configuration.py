"""From a preset and options to a complete configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from dymap.config import Config, replace_keys
from dymap.errors import InputError


def configure(config: Config, options: Mapping[str, Any], assignments: Iterable[str] = ()) -> Config:
    """The configuration with dotted options (None: unset), then `key=value` texts applied. Raises InputError.

    configure(preset("small"), {"train.steps": 500}, ["field.hidden=32"])
    """
    values = {key: value for key, value in options.items() if value is not None}
    try:
        for assignment in assignments:
            key, found, text = assignment.partition("=")
            if not found:
                raise ValueError(f"--set {assignment!r}: expected key=value")
            values[key.strip()] = _value(text)
        return replace_keys(config, values)
    except ValueError as error:
        raise InputError(str(error)) from None


SHORT = {
    "capture.test_views": "--test-views",
    "capture.test_frame_step": "--test-frame-step",
    "capture.ratio": "--ratio",
    "capture.frames": "--frames",
    "capture.fps": "--fps",
    "capture.boxes": "--boxes",
    "capture.options.unit": "--unit",
    "train.steps": "--steps",
    "train.segment": "--segment",
    "train.rate": "--rate",
    "train.seed": "--seed",
    "train.processes": "--processes",
}
"""Keys of the configuration for which `dymap train` has an option with a short name."""


def typed(key: str, value: Any) -> str:
    """A key and its value as they are typed on the command line: --test-views 3 7, --train.no-use-masks.

    value: as in JSON; None, or a list without items: "no --test-views".
    """
    option = SHORT.get(key) or f"--{key.replace('_', '-')}"
    if key.startswith("capture.options.") and key not in SHORT:
        return f"no {key}" if value is None else f"--set {key}={json.dumps(value)}"
    if value is None or value == []:
        return f"no {option}"
    if isinstance(value, bool):
        head, _, last = option.rpartition(".")
        return option if value else f"{head}.no-{last}"
    return f"{option} {' '.join(map(str, value)) if isinstance(value, list) else value}"


def _value(text: str) -> Any:
    """What JSON makes of the text, or the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # also a number of too many digits
        return text
