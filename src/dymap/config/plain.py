"""A configuration as plain containers and back: JSON that refuses unknown keys and wrong types, so that a typo is an
error and not a default."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from dymap.config.options import CaptureConfig
from dymap.config.values import convert, plain

T = TypeVar("T")


def to_json(config: Any) -> dict[str, Any]:
    """A dataclass as plain containers (tuples become lists)."""
    return {
        f.name: to_json(value) if dataclasses.is_dataclass(value := getattr(config, f.name)) else plain(value)
        for f in dataclasses.fields(config)
    }


def from_json(cls: type[T], data: dict[str, Any], where: str = "configuration") -> T:
    """The dataclass `cls` from plain containers. Missing keys take their defaults.

    Raises ValueError that names the key for unknown keys and values of the wrong type.
    """
    if not isinstance(data, dict):
        raise ValueError(f"{where}: expected a mapping, found {type(data).__name__}")
    if cls is CaptureConfig:
        data = _with_reader_options(data)
    hints = typing.get_type_hints(cls)
    known = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(data) - known):
        nearest = difflib.get_close_matches(unknown[0], sorted(known), 1, 0)[0]
        raise ValueError(
            f"{where}: unknown key {unknown[0]!r}; the nearest is {nearest!r}; known are {', '.join(sorted(known))}"
        )
    return cls(**{key: _value(hints[key], value, f"{where}.{key}") for key, value in data.items()})


def _with_reader_options(capture: dict[str, Any]) -> dict[str, Any]:
    """The capture's part of an older file, in which two options of the readers were beside the layout.

    Defaults are left out, and labels with a layout that never took any: a run compares its options with those given.
    """
    capture, defaults = dict(capture), {"unit": "mm", "mask_labels": []}
    old = {key: plain(capture.pop(key)) for key in defaults if key in capture}
    if capture.get("layout") == "zjumocap":
        old.pop("mask_labels", None)
    if not isinstance(capture.get("options", {}), dict):
        return capture  # which is refused by its type
    if given := {key: value for key, value in old.items() if value != defaults[key]}:
        capture["options"] = given | capture.get("options", {})
    return capture


def _value(hint: Any, value: Any, where: str) -> Any:
    return (
        from_json(typing.cast(type, hint), value, where)
        if dataclasses.is_dataclass(hint)
        else convert(hint, value, where)
    )


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one with dotted keys: {"train": {"steps": 3}} -> {"train.steps": 3}."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def replace_key(config: T, key: str, value: Any) -> T:
    """A copy of `config` with the dotted `key` (such as `train.steps`) set; the value is checked like JSON.

    A key of a mapping (such as `capture.options.unit`) is set as it is: only the reader knows which there are.
    Raises ValueError for a key that does not exist, which names the nearest, and for a value of the wrong type.
    """
    return replace_keys(config, {key: value})


def replace_keys(config: T, values: Mapping[str, Any]) -> T:
    """`replace_key` of several keys at once: only all together need go with each other."""
    changes: dict[str, Any] = {}
    for key, value in values.items():
        owner: Any = config
        place, path = changes, key
        while True:
            head, _, path = path.partition(".")
            if not dataclasses.is_dataclass(owner) or head not in {field.name for field in dataclasses.fields(owner)}:
                raise ValueError(_unknown(config, key))
            hint, held = typing.get_type_hints(type(owner))[head], getattr(owner, head)
            if not path:
                place[head] = _value(hint, value, key)
                break
            if isinstance(held, dict):
                place[head] = place.get(head, held) | {path: plain(value)}
                break
            owner, place = held, place.setdefault(head, {})
    return typing.cast(T, _replaced(config, changes))


def _replaced(config: Any, changes: dict[str, Any]) -> Any:
    """A dataclass with the values, and the parts of its parts, that are in `changes`."""
    held = {name: getattr(config, name) for name in changes}
    parts = {
        name: _replaced(held[name], value)
        if dataclasses.is_dataclass(held[name]) and isinstance(value, dict)
        else value
        for name, value in changes.items()
    }
    return dataclasses.replace(config, **parts)


def _unknown(config: Any, key: str) -> str:
    nearest = difflib.get_close_matches(key, flatten(to_json(config)), 1, 0)
    return f"configuration has no key {key!r}; the nearest is {nearest[0]!r}"
