"""What may be wrong with a camera: each hypothesis says what the true camera and the true picture would be.

They hold for pictures of any size, so that what is found on small ones mends the capture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dymap.geometry.camera import Camera

Pixels = NDArray[np.uint8]


def same_picture(pixels: Pixels) -> Pixels:
    """A picture that is right."""
    return pixels


def same_camera(camera: Camera) -> Camera:
    """A camera that is right."""
    return camera


@dataclass(frozen=True)
class Hypothesis:
    """cause: its name. words: what is wrong, after "camera X:". remedy: what mends it. camera, picture: what is true,
    made of what was given. certain: whether a file may be corrected by it."""

    cause: str
    words: str
    remedy: str
    camera: Callable[[Camera], Camera] = same_camera
    picture: Callable[[Pixels], Pixels] = same_picture
    certain: bool = True


def inverted(camera: Camera) -> Camera:
    """[R | T] is camera to world."""
    return replace(camera, R=camera.R.T, T=-camera.R.T @ camera.T)


def opengl(camera: Camera) -> Camera:
    """The camera's y points up and its z backwards."""
    flip = np.diag([1.0, -1.0, -1.0])
    return replace(camera, R=flip @ camera.R, T=flip @ camera.T)


def inverted_opengl(camera: Camera) -> Camera:
    """[R | T] is camera to world, with OpenGL's axes."""
    return opengl(inverted(camera))


def opengl_inverted(camera: Camera) -> Camera:
    """[R | T] with OpenGL's axes was inverted in place of the camera's own."""
    return inverted(opengl(camera))


def transposed(camera: Camera) -> Camera:
    """R is camera to world, T world to camera."""
    return replace(camera, R=camera.R.T)


def position_for_T(camera: Camera) -> Camera:
    """T is where the camera stands."""
    return replace(camera, T=-camera.R @ camera.T)


def scaled_T(factor: float) -> Callable[[Camera], Camera]:
    return lambda camera: replace(camera, T=camera.T * factor)


def scaled_K(factor: float) -> Callable[[Camera], Camera]:
    """K belongs to a picture of another size."""

    def scale(camera: Camera) -> Camera:
        K = camera.K.copy()
        K[:2] *= factor
        return replace(camera, K=K)

    return scale


def scaled_focal(factor: float) -> Callable[[Camera], Camera]:
    def scale(camera: Camera) -> Camera:
        K = camera.K.copy()
        K[0, :2] *= factor
        K[1, 1] *= factor
        return replace(camera, K=K)

    return scale


def shifted_centre(right: float, down: float) -> Callable[[Camera], Camera]:
    """The principal point is further right and down, by shares of the picture's longer side."""

    def shift(camera: Camera) -> Camera:
        K, side = camera.K.copy(), max(camera.width, camera.height)
        K[0, 2] += right * side
        K[1, 2] += down * side
        return replace(camera, K=K)

    return shift


def swapped_centre(camera: Camera) -> Camera:
    """cx and cy are exchanged."""
    K = camera.K.copy()
    K[0, 2], K[1, 2] = camera.K[1, 2], camera.K[0, 2]
    return replace(camera, K=K)


def other_lens(*D: float) -> Callable[[Camera], Camera]:
    return lambda camera: replace(camera, D=np.array(D, dtype=np.float64), lens="opencv")


def turned_camera(camera: Camera) -> Camera:
    """Of a picture whose sides are exchanged."""
    return replace(camera, width=camera.height, height=camera.width)


def mirrored(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[:, ::-1])


def upside_down(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[::-1])


def turned_half(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[::-1, ::-1])


def turned_left(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(np.rot90(pixels))


def turned_right(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(np.rot90(pixels, -1))


def negative(mask: Pixels) -> Pixels:
    """Foreground and background exchanged."""
    return (mask == 0).astype(np.uint8)


POSES = (
    Hypothesis(
        "inverted", "R and T are camera to world (w2c and c2w exchanged)", "write the inverse of [R | T]", inverted
    ),
    Hypothesis(
        "opengl", "its axes are OpenGL's (y up, z backwards)", "negate rows 2 and 3 of R and T: OpenCV's axes", opengl
    ),
    Hypothesis(
        "inverted-opengl",
        "R and T are camera to world with OpenGL's axes, as of transforms.json",
        "write the inverse of [R | T] with rows 2 and 3 negated",
        inverted_opengl,
    ),
    Hypothesis(
        "inverted-opengl",
        "R and T are inverted, with rows 2 and 3 negated",
        "negate rows 2 and 3 of [R | T], and write the inverse",
        opengl_inverted,
    ),
    Hypothesis("transposed", "R is transposed", "write R from world to camera", transposed),
    Hypothesis(
        "position", "T holds the camera's position", "write T = -R C, C the position of the camera", position_for_T
    ),
)
PICTURES = (
    Hypothesis("mirrored", "its pictures are mirrored left to right", "mirror them back", picture=mirrored),
    Hypothesis("flipped", "its pictures are upside down (y flipped)", "flip them back", picture=upside_down),
    Hypothesis("turned-180", "its pictures are turned by 180 degrees", "turn them", picture=turned_half),
    Hypothesis(
        "turned-90",
        "its pictures are turned by 90 degrees",
        "turn them to the left, or calibrate as filmed",
        turned_camera,
        turned_left,
    ),
    Hypothesis(
        "turned-90",
        "its pictures are turned by 90 degrees",
        "turn them to the right, or calibrate as filmed",
        turned_camera,
        turned_right,
    ),
)
UNITS = {
    1000.0: "T is in metres, the others' in millimetres",
    0.001: "T is in millimetres, not in metres",
    100.0: "T is in metres, the others' in centimetres",
    0.01: "T is in centimetres, not in metres",
}
"""Factors that T is to be multiplied by, and what it was."""
SIZES = (1 / 4, 1 / 3, 0.4, 1 / 2, 0.5625, 0.6, 2 / 3, 0.75, 0.8, 1.25, 4 / 3, 1.5, 16 / 9, 2, 2.25, 2.5, 3, 4)
"""Ratios of common sizes of pictures."""


def units() -> Iterator[Hypothesis]:
    for factor, words in UNITS.items():
        yield Hypothesis("unit", words, f"multiply its T by {factor:g}", scaled_T(factor))


def sizes(camera: Camera) -> Iterator[Hypothesis]:
    """K at another resolution. camera: the full one, for its words."""
    centre = camera.K[:2, 2]
    guess = 0.5 * np.array([camera.width, camera.height]) / np.maximum(np.abs(centre), 1e-9)
    guesses = [float(guess.mean())] if abs(guess[0] - guess[1]) < 0.1 * guess.mean() else []
    for factor in (*SIZES, *(g for g in guesses if 0.05 < g < 20 and abs(g - 1) > 0.08)):
        yield size(camera, factor)


def size(camera: Camera, factor: float) -> Hypothesis:
    """K fits a picture that is smaller by a factor."""
    return Hypothesis(
        "resolution",
        f"K fits pictures of {camera.width / factor:.0f} x {camera.height / factor:.0f}, its are {camera.width} x "
        f"{camera.height}",
        f"scale the first two rows of K by {factor:.4g}",
        scaled_K(factor),
    )
