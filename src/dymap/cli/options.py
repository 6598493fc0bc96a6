"""An option for every field of the configuration, as `--train.steps 500`, whose default is the preset's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import tyro

from dymap import runs
from dymap.cli.words import in_order
from dymap.config import Config
from dymap.presets import DEFAULT, preset

Configuration = Annotated[Config, tyro.conf.arg(name="")]
"""Type of a command's parameter `config`, whose fields become options."""
Assignments = Annotated[
    tuple[str, ...],
    tyro.conf.arg(help="Options of the configuration, as train.rays=2048 train.items=2 ..."),
]
QUIET = "--quiet prints only errors and warnings."
MORE = "--help-all shows the options of the whole configuration too, such as --train.rays or --field.hidden."


@dataclass(frozen=True)
class Parsable:
    """A command, the words to parse for it, and what its help says first."""

    command: Callable[..., int]
    words: list[str]
    description: str


def with_configuration(command: Callable[..., int], words: Sequence[str]) -> Parsable:
    """The command, ready to be parsed. If it takes a `config`, the default is that of the preset which the words name,
    or of the run that it goes on with.

    `--help` shows the command's own options, `--help-all` the configuration's too. Raises InputError for a preset that
    does not exist.
    """
    description = f"{inspect.getdoc(command) or ''}\n\n{QUIET}"
    signature = inspect.signature(command)
    if "config" not in signature.parameters:
        return Parsable(command, in_order(command, words), description)
    config = first_of(signature, words)
    ready = partial(command, config=config)
    if "--help-all" in words:
        return Parsable(ready, ["--help"], description)
    if "--help" in words or "-h" in words:
        own = [parameter for name, parameter in signature.parameters.items() if name != "config"]
        ready.__signature__ = signature.replace(parameters=own)  # type: ignore[attr-defined]
    return Parsable(ready, in_order(command, words, config), f"{description}\n{MORE}")


def first_of(signature: inspect.Signature, words: Sequence[str]) -> Config:
    """The configuration that options are put on top of. A command that needs no `--preset` goes on with runs."""
    chosen, out, data = (value_of(name, words) for name in ("--preset", "--out", "--data"))
    if signature.parameters["preset"].default is inspect.Parameter.empty:
        return preset(chosen) if chosen else Config()
    if out is None and data is None:  # nothing that computes is imported to explain options
        return preset(chosen or DEFAULT)
    return runs.first_configuration(out, data, chosen)


def value_of(option: str, words: Sequence[str]) -> str | None:
    """What an option says, if it is there."""
    found = None
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == option and (equals or index + 1 < len(words)):
            found = value if equals else words[index + 1]
    return found
