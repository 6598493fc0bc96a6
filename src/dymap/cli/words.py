"""Words of a command line in the order that its parser reads: options may stand anywhere, lists take commas or repeat.

evaluate --views 3,7 RUN --frames 0 --frames 5   ->   evaluate RUN --views 3 7 --frames 0 5
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import tyro

NUMBER = re.compile(r"-[\d.]")


@dataclass(frozen=True)
class Taken:
    """How many words follow an option: 0 (a flag), 1, more, or as many as are of its `kind` (None)."""

    count: int | None
    kind: Any = str

    def fits(self, word: str) -> bool:
        """Whether a word can be an item of the list, or several with commas."""
        items = self.items(word)
        if get_origin(self.kind) is Literal:
            return all(item in get_args(self.kind) for item in items)
        if self.kind in (int, float):
            try:
                return all(self.kind(item) is not None for item in items)
            except ValueError:
                return False
        return "=" in word

    def items(self, word: str) -> list[str]:
        """The items of a word: numbers and names are separated by commas, assignments are one each."""
        return [word] if self.kind is str else [item for item in word.split(",") if item]


def in_order(command: Callable[..., int], words: Sequence[str], config: Any = None) -> list[str]:
    """The words with what stands by itself first, each list in one place, its items apart.

    An option that the command does not have takes what follows it; its parser says what is wrong with it.
    """
    known = options_of(command) | (options_of_config(config) if config is not None else {})
    has_positional = any(is_positional(hint) for hint in get_type_hints(command, include_extras=True).values())
    free: list[str] = []
    options: dict[str, list[str]] = {}
    rest, extra = list(words), []
    while rest:
        word = rest.pop(0)
        if word == "--":
            free += rest
            break
        if not word.startswith("-") or NUMBER.match(word):
            free.append(word)
            continue
        name, equals, value = word.partition("=")
        key = name.replace("_", "-") if name.startswith("--") else name
        taken = known.get(key)
        if taken is None:
            extra.append(word)
            while rest and not equals and not is_option(rest[0]):
                extra.append(rest.pop(0))
            continue
        if equals and taken.count in (0, 1):
            options[word] = []
            continue
        if equals:
            rest.insert(0, value)
        values = take(taken, rest, has_positional)
        options[key] = options.get(key, []) + values if taken.count is None else values
    # What lacks a value comes last: it must not take the next option for it.
    last = [key for key, values in options.items() if key in known and len(values) < (known[key].count or 0)]
    whole = [word for key, values in options.items() if key not in last for word in (key, *values)]
    return [*free, *whole, *extra, *(word for key in last for word in (key, *options[key]))]


def take(taken: Taken, rest: list[str], has_positional: bool) -> list[str]:
    """Take the words of one option away from the rest."""
    values: list[str] = []
    if taken.count is not None:
        while rest and len(values) < taken.count and not is_option(rest[0]):
            word = rest.pop(0)
            values += [item for item in word.split(",") if item] if taken.count > 1 else [word]
        return values
    while rest and not is_option(rest[0]):
        if values and not taken.fits(rest[0]) and (has_positional or taken.kind is not str):
            break
        word = rest.pop(0)
        values += taken.items(word)
        if "," in word and taken.kind is not str and not word.endswith(","):
            break  # the list is whole: what follows stands by itself
    return values


def is_option(word: str) -> bool:
    """Whether the word begins an option. Negative numbers do not."""
    return word.startswith("-") and len(word) > 1 and not NUMBER.match(word)


def options_of(command: Callable[..., int]) -> dict[str, Taken]:
    """The options of a command, as they are written."""
    hints = get_type_hints(command, include_extras=True)
    found: dict[str, Taken] = {}
    for name in inspect.signature(command).parameters:
        if name != "config" and not is_positional(hints[name]):
            found |= option(name, hints[name])
    return found


def options_of_config(config: Any, prefix: str = "") -> dict[str, Taken]:
    """The options of a configuration: a name a field, such as --train.rays."""
    found: dict[str, Taken] = {}
    for name, hint in get_type_hints(type(config)).items():
        value = getattr(config, name)
        if hasattr(type(value), "__dataclass_fields__"):
            found |= options_of_config(value, f"{prefix}{name}.")
        elif get_origin(hint) is not dict:
            found |= option(prefix + name, hint)
    return found


def option(name: str, hint: Any) -> dict[str, Taken]:
    """The option of a parameter; both of a flag."""
    text = name.replace("_", "-")
    kind = plain(hint)
    if kind is bool:
        head, _, last = text.rpartition(".")
        opposite = f"--{head}.no-{last}" if head else f"--no-{last}"
        return {f"--{text}": Taken(0), opposite: Taken(0)}
    if get_origin(kind) is tuple:
        items = get_args(kind)
        return {f"--{text}": Taken(None, plain(items[0])) if items[-1] is Ellipsis else Taken(len(items), items[0])}
    return {f"--{text}": Taken(1, kind)}


def plain(hint: Any) -> Any:
    """The type inside Annotated and Optional."""
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, UnionType):
        return plain(next(inner for inner in get_args(hint) if inner is not type(None)))
    return hint


def is_positional(hint: Any) -> bool:
    """Whether a parameter is given by its place."""
    return any(mark is tyro.conf.Positional for mark in getattr(hint, "__metadata__", ()))
