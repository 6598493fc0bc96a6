"""Values of options by their types: what JSON or a program gives becomes what the type says, or is refused."""

from __future__ import annotations

import numbers
import types
import typing
from typing import Annotated, Any, Literal

MOST_VALUES = 4096
"""Of a list."""


def convert(hint: Any, value: Any, where: str) -> Any:
    """The value as the type `hint` has it: lists become tuples, whole numbers fractions.

    where: what the value is, for the message. Raises ValueError for a value of another type.
    """
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return convert(args[0], value, where)
    if origin is dict:
        if not isinstance(value, dict):
            raise ValueError(f"{where}: expected a mapping, found {brief(value)}")
        return plain(value)
    if origin is Literal:
        if not any(type(value) is type(choice) and value == choice for choice in args):
            raise ValueError(f"{where}: {brief(value)} is none of {', '.join(map(repr, args))}")
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        return convert(next(a for a in args if a is not type(None)), value, where)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{where}: expected a list, found {brief(value)}")
        if len(value) > MOST_VALUES:
            raise ValueError(f"{where}: expected at most {MOST_VALUES} values, found {len(value)}")
        if args[-1] is not Ellipsis and len(value) != len(args):
            raise ValueError(f"{where}: expected {len(args)} values, found {len(value)}")
        return tuple(convert(args[0] if args[-1] is Ellipsis else args[i], v, where) for i, v in enumerate(value))
    kinds = {int: numbers.Integral, float: numbers.Real}
    if not isinstance(value, kinds.get(hint, hint)) or (isinstance(value, bool) and hint is not bool):
        raise ValueError(f"{where}: expected {hint.__name__}, found {brief(value)}")
    try:
        return hint(value) if hint in kinds else value
    except OverflowError:
        raise ValueError(f"{where}: expected {hint.__name__}, found a number that is too large") from None


def plain(value: Any) -> Any:
    """Tuples become lists, also inside mappings."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def brief(value: Any) -> str:
    """What a value is, as a program would write it, in a few words whatever it is."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a whole number of {value.bit_length()} bits"
    if isinstance(value, (list, tuple)) and len(value) > 8:
        return f"{type(value).__name__} of {len(value)} values that begins with {brief(value[0])}"
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:60]} ... {text[-20:]}"
