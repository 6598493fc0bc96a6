"""Bounds of options: declared beside each field, and checked whenever a part of a configuration is made.

    levels: Annotated[int, Within(1, 64)] = 16

So what cannot be is refused where it is read, be it from JSON, a command line or a program, and not in the first step.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import typing
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dymap.config.values import brief, convert

TOLERANCE = 1e-3
"""By how much M M^T of a rigid matrix may differ from the identity: files hold as few as four decimals."""


class Bound(Protocol):
    """What is asked of a value, beside its type."""

    def holds(self, value: Any) -> bool:
        """Whether a value of the field's type is allowed."""

    def __str__(self) -> str:
        """What is expected, to be read after that word."""


@dataclass(frozen=True)
class Within:
    """A number, or each number of a tuple, from `low` (if `above`: above it) to `high`."""

    low: float
    high: float
    above: bool = False

    def holds(self, value: Any) -> bool:
        numbers = value if isinstance(value, tuple) else (value,)
        return all((self.low < v if self.above else self.low <= v) and v <= self.high for v in numbers)

    def __str__(self) -> str:
        low, high = (f"{value:,}" if abs(value) < 1e12 else f"{value:g}" for value in (self.low, self.high))
        return f"a number above {low}, at most {high}" if self.above else f"a number from {low} to {high}"


@dataclass(frozen=True)
class Few:
    """A tuple of at most so many values."""

    most: int

    def holds(self, value: Any) -> bool:
        return len(value) <= self.most

    def __str__(self) -> str:
        return f"at most {self.most} values"


@dataclass(frozen=True)
class PowerOfTwo:
    """A number of pixels that can be halved down to one."""

    low: int
    high: int

    def holds(self, value: Any) -> bool:
        return self.low <= value <= self.high and value & (value - 1) == 0

    def __str__(self) -> str:
        return f"a power of two from {self.low} to {self.high}"


@dataclass(frozen=True)
class Rigid:
    """A rigid motion [4, 4], row by row; nothing is allowed too."""

    def holds(self, value: Any) -> bool:
        return not value or (len(value) == 16 and is_rigid(value))

    def __str__(self) -> str:
        return "nothing, or the 16 finite numbers of a rigid 4x4 matrix: a rotation, a shift, and 0 0 0 1 below"


def is_rigid(matrix: Sequence[float]) -> bool:
    """Whether 16 numbers are a rotation and a finite shift, with 0 0 0 1 below."""
    rows = [matrix[4 * i : 4 * i + 3] for i in range(3)]
    (a, b, c), (d, e, f), (g, h, i) = rows
    turned = all(
        abs(sum(x * y for x, y in zip(one, other, strict=True)) - (one is other)) <= TOLERANCE
        for one in rows
        for other in rows
    )
    upright = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) > 0
    return turned and upright and all(map(math.isfinite, matrix)) and tuple(matrix[12:]) == (0, 0, 0, 1)


METRES_OF_A_UNIT = Within(0, 1e9, above=True)
"""Of poses whose files have a unit of their own."""
FRAMES_A_SECOND = Within(0, 1000)
"""Taken from videos; 0: as they come."""


class Checked:
    """A part of a configuration, whose values are of their types and within their bounds.

    class BakeConfig(Checked, part="bake"): part names it in messages, as options are typed.
    """

    _part: str

    def __init_subclass__(cls, part: str) -> None:
        cls._part = part

    def __post_init__(self) -> None:
        """Raises ValueError that names the first option that cannot be, what it is, and what was expected."""
        for field in dataclasses.fields(typing.cast(Any, self)):
            hint, value = hints_of(typing.cast(Hashable, type(self)))[field.name], getattr(self, field.name)
            key = self.key(field.name)
            if dataclasses.is_dataclass(hint):
                if not isinstance(value, part := typing.cast(type, hint)):
                    raise ValueError(f"{key}: expected {part.__name__}, found {brief(value)}")
                continue
            value = convert(hint, value, key)
            object.__setattr__(self, field.name, value)
            for bound in getattr(hint, "__metadata__", ()):
                if not bound.holds(value):
                    raise ValueError(f"{key} = {brief(value)}: expected {bound}")
        self.check()

    def check(self) -> None:
        """Raises ValueError for values that do not go together."""

    def key(self, name: str) -> str:
        """The dotted name of a field."""
        return f"{self._part}.{name}".strip(".")


@functools.cache
def hints_of(cls: Hashable) -> dict[str, Any]:
    """The types of a class's fields, with their bounds."""
    return typing.get_type_hints(typing.cast(type, cls), include_extras=True)


MOST_VIEWS, MOST_FRAMES = 4096, 10**9
FINITE, AMOUNT, SHARE = Within(-1e38, 1e38), Within(0, 1e38), Within(0, 1)
COUNT = Within(0, 10**9, above=True)
VIEWS = Within(0, MOST_VIEWS - 1)
"""Which of them a capture has is known when it is opened."""
