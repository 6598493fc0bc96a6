"""What a browser may say: JSON texts, of which every number is looked at before anything is done with it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from dymap.errors import InputError, shortened
from dymap.geometry.camera import Array
from dymap.geometry.pose import nearest_rotation

MAX_BYTES = 64 * 2**10
"""Of a text; a page's have some hundreds."""
MAX_SIDE = 16384
"""Pixels of a window's side."""
MAX_DISTANCE = 1e6
"""Metres of a camera from the origin."""
MAX_NUMBER = 2**53
MIN_FOCAL, MAX_FOCAL = 1e-3, 1e7
"""Pixels of a lens's focal lengths; the second bounds its other numbers too."""
MOST_SHOWN = 60
"""Letters of what came, in what is said of it."""

LayerName = Literal["colour", "depth", "opacity", "occupancy"]
Colour = tuple[float, float, float]
"""Red, green, blue, 0 to 1."""


@dataclass(frozen=True, eq=False)
class View:
    """What a browser asks for.

    number: which answers name; larger than those before. frame: position in the clip. R: [3, 3], T: [3] world to
    camera, OpenCV axes, metres. fov: vertical field of view, radians; or None, and K [3, 3] is the lens in pixels of an
    image of `image` (width, height), with pixel centres at whole numbers. canvas: width and height in pixels of what it
    is drawn on. moving: more will follow at once. background: None: transparent. exposure: stops. capture: the whole
    canvas as a PNG, for keeps.
    """

    number: int
    frame: int
    R: Array
    T: Array
    canvas: tuple[int, int]
    fov: float | None = None
    K: Array | None = None
    image: tuple[int, int] = (1, 1)
    moving: bool = False
    layer: LayerName = "colour"
    background: Colour | None = (0.0, 0.0, 0.0)
    exposure: float = 0.0
    capture: bool = False


@dataclass(frozen=True)
class Got:
    """A picture has arrived. number: of the view that it answers."""

    number: int


def read_message(text: str, frames: int) -> View | Got:
    """A text from a browser. frames: of the clip. Raises InputError that says what is wrong, in one sentence."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise InputError(f"a message of more than {MAX_BYTES >> 10} KiB")
    try:
        data = json.loads(text, parse_constant=_refuse)
    except InputError:
        raise
    except (ValueError, RecursionError):
        raise InputError(f"a message that is no JSON: {shown(text)}") from None
    if not isinstance(data, dict):
        raise InputError(f"a message that is {shown(data)}, expected an object")
    kind = data.get("type")
    if kind == "got":
        return Got(whole(data, "id", 0, MAX_NUMBER))
    if kind in ("view", "capture"):
        return _view(data, frames, kind == "capture")
    raise InputError(f"a message of type {shown(kind)}, expected view, capture or got")


def _view(data: dict[str, Any], frames: int, capture: bool) -> View:
    """A view, or a picture to keep."""
    number = whole(data, "id", 0, MAX_NUMBER)
    frame = whole(data, "frame", 0, frames - 1)
    try:
        R = nearest_rotation(numbers(data, "R", 9).reshape(3, 3), 1e-3)
    except ValueError as error:
        raise InputError(f"R {error}" if not isinstance(error, InputError) else str(error)) from None
    T = numbers(data, "T", 3)
    if (distance := float(np.abs(R.T @ T).max())) > MAX_DISTANCE:
        raise InputError(f"T puts the camera {distance:.3g} m from the origin, expected {MAX_DISTANCE:g} m at most")
    fov, K, image = None, None, (1, 1)
    if data.get("K") is not None:
        K, image = lens(numbers(data, "K", 9).reshape(3, 3)), size(data, "image")
    else:
        fov = real(data, "fov", 0.001, 3.1)
    layer, moving = data.get("layer", "colour"), data.get("moving", False)
    if not isinstance(layer, str) or layer not in get_args(LayerName):
        raise InputError(f"layer is {shown(layer)}, expected {', '.join(get_args(LayerName))}")
    if not isinstance(moving, bool):
        raise InputError(f"moving is {shown(moving)}, expected true or false")
    background: Colour | None = (0.0, 0.0, 0.0)
    if "background" in data and data["background"] is None:
        background = None
    elif "background" in data:
        red, green, blue = numbers(data, "background", 3)
        if not 0 <= min(red, green, blue) <= max(red, green, blue) <= 1:
            raise InputError(f"background is {shown([red, green, blue])}, expected numbers from 0 to 1")
        background = (float(red), float(green), float(blue))
    exposure = real(data, "exposure", -20, 20) if "exposure" in data else 0.0
    return View(
        number, frame, R, T, size(data, "canvas"), fov, K, image, moving, layer,  # type: ignore[arg-type]
        background, exposure, capture,
    )  # fmt: skip


def lens(K: Array) -> Array:
    """K [3, 3], if it is that of a pinhole camera; raises InputError otherwise."""
    for name, focal in (("fx", K[0, 0]), ("fy", K[1, 1])):
        if not MIN_FOCAL <= focal <= MAX_FOCAL:
            raise InputError(f"K has {name} = {focal:g}, expected {MIN_FOCAL:g} to {MAX_FOCAL:g} pixels")
    if K[1, 0] != 0 or (K[2] != (0, 0, 1)).any() or np.abs(K).max() > MAX_FOCAL:
        raise InputError(f"K is {shown(K.reshape(-1).tolist())}, expected [fx, s, cx, 0, fy, cy, 0, 0, 1] in pixels")
    return K


def whole(data: dict[str, Any], key: str, low: int, high: int) -> int:
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{key} is {shown(value)}, expected a whole number from {low} to {high}")
    return value


def real(data: dict[str, Any], key: str, low: float, high: float) -> float:
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{key} is {shown(value)}, expected a number from {low:g} to {high:g}")
    return float(value)


def size(data: dict[str, Any], key: str) -> tuple[int, int]:
    """Width and height in pixels."""
    value = data.get(key)
    if isinstance(value, list) and len(value) == 2:
        sides = {"width": value[0], "height": value[1]}
        return whole(sides, "width", 1, MAX_SIDE), whole(sides, "height", 1, MAX_SIDE)
    raise InputError(f"{key} is {shown(value)}, expected [width, height]")


def numbers(data: dict[str, Any], key: str, count: int) -> Array:
    """[count] finite numbers."""
    value = data.get(key)
    if not isinstance(value, list):
        raise InputError(f"{key} is {shown(value)}, expected {count} numbers")
    if len(value) != count:
        raise InputError(f"{key} is {shown(value)}, {len(value)} values, expected {count} numbers")
    for one in value:
        if isinstance(one, bool) or not isinstance(one, int | float) or not abs(one) < 1e30 or not math.isfinite(one):
            raise InputError(f"{key} holds {shown(one)}, expected {count} finite numbers")
    return np.array(value, dtype=np.float64)


def shown(value: Any) -> str:
    """A few characters of what came."""
    try:
        return shortened(json.dumps(value), MOST_SHOWN)
    except RecursionError:
        return type(value).__name__


def _refuse(name: str) -> None:
    raise InputError(f"a message that holds {name}, which is no number of JSON")
