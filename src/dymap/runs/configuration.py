"""From a preset and options to a complete configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from dymap.config import Config, replace_key
from dymap.errors import InputError


def configure(config: Config, options: Mapping[str, Any], assignments: Iterable[str] = ()) -> Config:
    """The configuration with dotted options (None: unset), then `key=value` texts applied. Raises InputError.

    configure(preset("small"), {"train.steps": 500}, ["field.hidden=32"])
    """
    try:
        for key, value in options.items():
            if value is not None:
                config = replace_key(config, key, value)
        for assignment in assignments:
            key, found, text = assignment.partition("=")
            if not found:
                raise ValueError(f"--set {assignment!r}: expected key=value")
            config = replace_key(config, key.strip(), _value(text))
    except ValueError as error:
        raise InputError(str(error)) from None
    return config


def _value(text: str) -> Any:
    """What JSON makes of the text, or the text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
