"""Presets: experiments as data. `tiny`, `small` and `pocket` are ours, the others the published experiments."""

import difflib

from dymap.config import Config
from dymap.errors import InputError
from dymap.presets.ours import PRESETS as _OURS
from dymap.presets.published import PRESETS as _PUBLISHED

PRESETS: dict[str, Config] = {**_OURS, **_PUBLISHED}
DEFAULT = "small"
"""What a training begins with if no preset is named."""


def preset(name: str) -> Config:
    """The configuration called `name`. Raises InputError that lists what there is."""
    if name not in PRESETS:
        nearest = difflib.get_close_matches(name, PRESETS, 1, 0)[0]
        raise InputError(f"preset {name!r} is unknown; the nearest is {nearest!r}; known are {', '.join(PRESETS)}")
    return PRESETS[name]
