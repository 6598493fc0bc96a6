"""The unit of the cameras' T: all cameras in one place, or far from what they film."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dymap.capture.check.finding import Finding
from dymap.capture.source import Source

TOO_CLOSE = 0.05
"""Cameras of a rig are further apart than this, measured in diagonals of the box."""
TOO_FAR = 200.0
"""A rig stands closer to the box than this, measured in its diagonals."""


def find_wrong_unit(source: Source, boxes: NDArray[np.float32]) -> Iterator[Finding]:
    """Cameras too close to one another or too far from the boxes [F, 2, 3] (world, metres) for a capture in metres."""
    centre = boxes.mean(axis=(0, 1))
    size = float(np.linalg.norm(boxes[:, 1] - boxes[:, 0], axis=1).mean())
    positions = np.array([camera.position for camera in source.cameras])
    distances = np.array([np.linalg.norm(position - centre) for position in positions])
    spread = float(np.linalg.norm(np.ptp(positions, axis=0)))
    if len(distances) > 1 and 0 < spread < TOO_CLOSE * size:
        option, remedy = unit_remedy(source, "m")
        yield Finding(
            f"all cameras stand within {spread * 1000:.1f} mm of each other; T looks like metres where millimetres "
            f"are expected: {remedy}",
            fatal=False,
            option=option,
        )
    elif float(np.median(distances)) > TOO_FAR * size:
        furthest = int(np.argmax(distances))
        name = source.cameras[furthest].name
        option, remedy = unit_remedy(source, "mm")
        yield Finding(
            f"T looks like millimetres where metres are expected: camera {name!r} is {distances[furthest]:.0f} m from "
            f"the box; {remedy}",
            fatal=False,
            camera=name,
            option=option,
        )


def unit_remedy(source: Source, unit: Literal["mm", "m"]) -> tuple[str, str]:
    """The option that has T read in a unit ("": there is none, or it is in force), and what to do, in words."""
    if getattr(source.options, "unit", unit) != unit:
        return f"--unit {unit}", f"--unit {unit} reads it so"
    factor = 1000 if unit == "m" else 0.001
    if hasattr(source.options, "scale"):
        option = f"--set capture.options.scale={source.options.scale * factor:g}"
        return option, f"{option} reads it so"
    return "", f"multiply T by {factor:g}"
