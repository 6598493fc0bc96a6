"""An option for every field of the configuration, as `--train.steps 500`, whose default is the preset's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import tyro

from dymap.config import Config
from dymap.presets import preset

Configuration = Annotated[Config, tyro.conf.arg(name="")]
"""Type of a command's parameter `config`, whose fields become options."""
Assignments = Annotated[
    tuple[str, ...], tyro.conf.arg(help="Any option of the configuration once more, as train.rays=2048.")
]
MORE = "--help-all shows the options of the whole configuration too, such as --train.rays or --field.hidden."


def with_configuration(command: Callable[..., int], words: Sequence[str]) -> tuple[Callable[..., int], list[str]]:
    """The command, ready to be parsed, and its words. If it takes a `config`, the default is that of the preset which
    the words name.

    `--help` shows the command's own options, `--help-all` the configuration's too. Raises InputError for a preset that
    does not exist.
    """
    parameters = inspect.signature(command).parameters
    words = list(words)
    if "config" not in parameters:
        return command, words
    chosen = preset_of(words) or parameters["preset"].default
    config = Config() if chosen is inspect.Parameter.empty else preset(chosen)
    ready = partial(command, config=config)
    if "--help-all" in words:
        ready.__doc__ = command.__doc__
        return ready, ["--help"]
    ready.__doc__ = f"{inspect.getdoc(command)}\n\n{MORE}"
    if "--help" in words or "-h" in words:
        kept = [parameter for name, parameter in parameters.items() if name != "config"]
        ready.__signature__ = inspect.signature(command).replace(parameters=kept)  # type: ignore[attr-defined]
    return ready, words


def preset_of(words: Sequence[str]) -> str | None:
    """What `--preset` says, if it is there."""
    found = None
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name == "--preset":
            found = value if equals else following
    return found
