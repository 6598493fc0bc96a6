"""How tall the person would be: boxes from masks are of any size, and a wrong unit shows nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dymap.capture.check.finding import Finding
from dymap.capture.check.unit import unit_remedy
from dymap.capture.source import Source
from dymap.geometry.camera import up_direction

SHORTEST, TALLEST = 0.3, 4.0
"""Metres that people, and what they hold, are tall."""
USUAL = 1.7
"""Metres that a person is tall."""
UPRIGHT = 0.8
"""Cosine of the angle up to which the cameras' up direction is an axis of the world."""


def find_wrong_height(source: Source, boxes: NDArray[np.float32]) -> Iterator[Finding]:
    """Boxes [F, 2, 3] (world, metres; before any padding) too small or too tall for people, by their median sides."""
    tall, longest = height(source, boxes), float(np.median(boxes[:, 1] - boxes[:, 0], axis=0).max())
    if longest >= SHORTEST and tall <= TALLEST:
        return
    if tall <= TALLEST:
        tall = longest
    option = ""
    if SHORTEST <= tall * 1000 <= TALLEST:
        option, remedy = unit_remedy(source, "m")
        cause = f"is T in metres? {remedy}" if option else f"is T of another unit? {remedy}"
    elif SHORTEST <= tall / 1000 <= TALLEST:
        option, remedy = unit_remedy(source, "mm")
        cause = f"is T in millimetres? {remedy}"
    else:
        cause = f"T should be in metres; about {USUAL / max(tall, 1e-9):.3g} times as long, for a person"
    yield Finding(
        f"what was filmed would be {length(tall)} tall (its box before padding, the median of all frames); {cause}",
        fatal=False,
        option=option,
    )


def height(source: Source, boxes: NDArray[np.float32]) -> float:
    """Metres along the world's axis that is up of boxes [F, 2, 3], the median of all frames."""
    sides = np.median(boxes[:, 1] - boxes[:, 0], axis=0)
    return float(sides[up_axis(source, sides)])


def up_axis(source: Source, sides: NDArray[np.floating]) -> int:
    """Which axis of the world is up: that of the cameras, if they are upright, or that of the box's longest side."""
    up = np.abs(up_direction(source.cameras))
    return int(np.argmax(up)) if up.max() > UPRIGHT else int(np.argmax(sides))


def length(metres: float) -> str:
    """`1.7 mm` or `1.70 m`."""
    return f"{metres * 1000:.3g} mm" if metres < 0.1 else f"{metres:.2f} m" if metres < 100 else f"{metres:.0f} m"
