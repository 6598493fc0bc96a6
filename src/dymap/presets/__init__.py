"""Presets: experiments as data. `tiny` and `small` are ours; Config's defaults are the published ZJU-MoCap recipe."""

from dymap.config import Config
from dymap.errors import InputError
from dymap.presets.ours import PRESETS as _OURS

PRESETS: dict[str, Config] = {**_OURS}


def preset(name: str) -> Config:
    """The configuration called `name`. Raises InputError that lists what there is."""
    if name not in PRESETS:
        raise InputError(f"preset {name!r} is unknown; known are {', '.join(PRESETS)}")
    return PRESETS[name]
