"""A configuration as plain containers and back: JSON that refuses unknown keys and wrong types, so that a typo is an
error and not a default."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from dymap.config.options import CaptureConfig

T = TypeVar("T")


def to_json(config: Any) -> dict[str, Any]:
    """A dataclass as plain containers (tuples become lists)."""
    return {
        f.name: to_json(value) if dataclasses.is_dataclass(value := getattr(config, f.name)) else _plain(value)
        for f in dataclasses.fields(config)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def from_json(cls: type[T], data: dict[str, Any], where: str = "configuration") -> T:
    """The dataclass `cls` from plain containers. Missing keys take their defaults.

    Raises ValueError that names the key for unknown keys and values of the wrong type.
    """
    if not isinstance(data, dict):
        raise ValueError(f"{where}: expected a mapping, found {type(data).__name__}")
    if cls is CaptureConfig:
        data = _with_votes(_with_reader_options(data))
    hints = typing.get_type_hints(cls)
    known = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(data) - known):
        nearest = difflib.get_close_matches(unknown[0], sorted(known), 1, 0)[0]
        raise ValueError(
            f"{where}: unknown key {unknown[0]!r}; the nearest is {nearest!r}; known are {', '.join(sorted(known))}"
        )
    return cls(**{key: _convert(hints[key], value, f"{where}.{key}") for key, value in data.items()})


def _with_reader_options(capture: dict[str, Any]) -> dict[str, Any]:
    """The capture's part of an older file, in which two options of the readers were beside the layout.

    Defaults are left out, and labels with a layout that never took any: a run compares its options with those given.
    """
    capture, defaults = dict(capture), {"unit": "mm", "mask_labels": []}
    old = {key: _plain(capture.pop(key)) for key in defaults if key in capture}
    if capture.get("layout") == "zjumocap":
        old.pop("mask_labels", None)
    if not isinstance(capture.get("options", {}), dict):
        return capture  # which is refused by its type
    if given := {key: value for key, value in old.items() if value != defaults[key]}:
        capture["options"] = given | capture.get("options", {})
    return capture


def _with_votes(capture: dict[str, Any]) -> dict[str, Any]:
    """The capture's part of an older file, whose boxes from the hull were carved by half of the cameras."""
    return {"hull_votes": "half"} | capture if capture.get("boxes") == "hull" else capture


def _convert(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return from_json(typing.cast(type, hint), value, where)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is dict:
        if not isinstance(value, dict):
            raise ValueError(f"{where}: expected a mapping, found {value!r}")
        return _plain(value)
    if origin is Literal:
        if value not in args:
            raise ValueError(f"{where}: {value!r} is none of {', '.join(map(repr, args))}")
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        return _convert(next(a for a in args if a is not type(None)), value, where)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{where}: expected a list, found {value!r}")
        if args[-1] is not Ellipsis and len(value) != len(args):
            raise ValueError(f"{where}: expected {len(args)} values, found {len(value)}")
        return tuple(_convert(args[0] if args[-1] is Ellipsis else args[i], v, where) for i, v in enumerate(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ValueError(f"{where}: expected {hint.__name__}, found {value!r}")
    return value


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
    try:
        return _replace(config, key, key, value)
    except KeyError:
        known = flatten(to_json(config))
        nearest = difflib.get_close_matches(key, known, 1, 0)
        raise ValueError(f"configuration has no key {key!r}; the nearest is {nearest[0]!r}") from None


def _replace(config: T, path: str, key: str, value: Any) -> T:
    """path: what is left of `key` here. Raises KeyError for a key that does not exist."""
    if isinstance(config, dict):
        return typing.cast(T, config | {path: _plain(value)})
    head, _, rest = path.partition(".")
    if not dataclasses.is_dataclass(config) or head not in {f.name for f in dataclasses.fields(config)}:
        raise KeyError(key)
    if rest:
        changed: Any = _replace(getattr(config, head), rest, key, value)
    else:
        changed = _convert(typing.get_type_hints(type(config))[head], value, key)
    return dataclasses.replace(typing.cast(Any, config), **{head: changed})
