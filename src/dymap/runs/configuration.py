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


def _value(text: str) -> Any:
    """What JSON makes of the text, or the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # also a number of too many digits
        return text
