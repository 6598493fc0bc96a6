"""Materials: what colour a surface has at a point of its own texture frame, so that the print moves with the body.

A paint maps texture coordinates [3, N], metres, to linear RGB [3, N]. Lettering is rasterised once with OpenCV.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.sample.shapes import Array

Paint = Callable[[Array], Array]

PIXELS_PER_METRE = 800  # of the rasterised lettering


@dataclass(frozen=True)
class Material:
    """paint: the diffuse colour; gloss: strength of the soft highlight, 0 for cloth."""

    paint: Paint
    gloss: float = 0.0


def colour(code: str) -> NDArray[np.float32]:
    """'#rrggbb' in sRGB -> linear RGB [3, 1]."""
    value = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)[:, None]


def ramp(x: Array, low: float, high: float) -> Array:
    """Smooth step from 0 at `low` to 1 at `high` (either order)."""
    s = np.clip((x - low) / (high - low), 0, 1)
    return s * s * (3 - 2 * s)


def mix(a: Array, b: Array, share: Array) -> Array:
    """a where share is 0, b where it is 1."""
    return a + (b - a) * share


def plain(code: str) -> Paint:
    """One colour everywhere."""
    tone = colour(code)
    return lambda p: np.broadcast_to(tone, p.shape)


def _wave(x: Array, period: float, share: float) -> Array:
    """1 on `share` of every period of x, 0 on the rest, with edges a twelfth of a period wide."""
    offset = np.abs(np.mod(x / period, 1.0) - 0.5)
    return ramp(offset, share / 2 + 0.04, share / 2 - 0.04)


def stripes(base: str, line: str, period: float, share: float = 0.5, start: float = -np.inf) -> Paint:
    """Rings across z, `period` metres apart, `share` of it in the line's colour, from z = `start` on."""
    a, b = colour(base), colour(line)
    return lambda p: mix(a, b, _wave(p[2], period, share) * (p[2] > start))


def spokes(codes: tuple[str, str, str], count: int) -> Paint:
    """Sectors about z in turn of the first and second colour, thin bands of the third between them."""
    first, second, band = (colour(code) for code in codes)

    def paint(p: Array) -> Array:
        turns = np.arctan2(p[1], p[0]) * (count / (2 * np.pi))
        sector = ramp(np.abs(np.mod(turns, 2.0) - 1.0), 0.48, 0.52)
        return mix(mix(first, second, sector), band, _wave(turns, 1.0, 0.16))

    return paint


def gingham(light: str, dark: str, around: int, period: float) -> Paint:
    """Checks: bands along z every `period` metres over `around` bands about z; crossings are darkest."""
    a, b = colour(light), colour(dark)

    def paint(p: Array) -> Array:
        bands = _wave(np.arctan2(p[1], p[0]) * (around / (2 * np.pi)), 1.0, 0.5)
        rings = _wave(p[2], period, 0.5)
        return mix(a, b, 0.5 * (bands + rings))

    return paint


def strands(base: str, light: str, count: int) -> Paint:
    """Hair: soft strands that run down from the crown (z) of the texture frame."""
    a, b = colour(base), colour(light)

    def paint(p: Array) -> Array:
        turn = np.arctan2(p[1], p[0])
        strand = 0.5 + 0.3 * np.sin(turn * count + 18 * p[2]) + 0.2 * np.sin(turn * count * 2.3 + 1.0)
        return mix(a, b, np.clip(strand, 0, 1))

    return paint


@cache
def lettering(text: str, height: float, weight: float = 0.16) -> NDArray[np.float32]:
    """Coverage [H, W] in [0, 1] of `text` whose capitals are `height` metres tall, at PIXELS_PER_METRE.

    weight: the stroke's width as a share of the height.
    """
    font = cv2.FONT_HERSHEY_SIMPLEX
    pixels = height * PIXELS_PER_METRE
    scale = cv2.getFontScaleFromHeight(font, int(pixels), 1)
    thickness = max(int(pixels * weight), 1)
    (width, rise), drop = cv2.getTextSize(text, font, scale, thickness)
    margin = 2 * thickness
    canvas = np.zeros((rise + drop + 2 * margin, width + 2 * margin), np.uint8)
    cv2.putText(canvas, text, (margin, margin + rise), font, scale, 255, thickness, cv2.LINE_AA)
    return cv2.GaussianBlur(canvas, (0, 0), 1.2).astype(np.float32) / np.float32(255)


def stamp(image: NDArray[np.float32], x: Array, y: Array) -> Array:
    """Bilinear coverage [N] of a lettering centred at the origin; x to its right, y up, metres; 0 outside."""
    rows, columns = image.shape
    column = x * PIXELS_PER_METRE + (columns - 1) / 2
    row = (rows - 1) / 2 - y * PIXELS_PER_METRE
    inside = (column >= 0) & (column < columns - 1) & (row >= 0) & (row < rows - 1)
    column, row = np.where(inside, column, 0), np.where(inside, row, 0)
    i, j = column.astype(np.intp), row.astype(np.intp)
    u, v = column - i, row - j
    top = image[j, i] * (1 - u) + image[j, i + 1] * u
    bottom = image[j + 1, i] * (1 - u) + image[j + 1, i + 1] * u
    return np.where(inside, top * (1 - v) + bottom * v, 0)


def shirt(base: str, ink: str, accent: str) -> Paint:
    """The shirt in the chest's frame: 'dymap' under a sun on the front, a number on the back, a band at the hem."""
    cloth, letters, sun = colour(base), colour(ink), colour(accent)
    name, number = lettering("dymap", 0.062, 0.2), lettering("16", 0.13, 0.17)

    def paint(p: Array) -> Array:
        x, y, z = p
        front = y < 0
        word = np.where(front, stamp(name, x, z + 0.135), stamp(number, -x, z + 0.125))
        distance = np.hypot(x, z + 0.075)
        disc = ramp(distance, 0.036, 0.032) * ramp(z, -0.0815, -0.0785) * front
        rays = ramp(distance, 0.042, 0.045) * ramp(distance, 0.060, 0.057) * ramp(z, -0.0775, -0.0745) * front
        rays = rays * _wave(np.arctan2(z + 0.075, x) + np.pi / 14, np.pi / 7, 0.45)
        tone = mix(cloth, letters, word)
        return mix(tone, sun, np.maximum(disc, rays))

    return paint


def face(skin: str, lip: str, blush: str, eye: str, brow: str) -> Paint:
    """The face in the head's frame (-y to the front, origin at the head's centre)."""
    tones = [colour(code) for code in (skin, lip, blush, eye, brow, "#fbf7f0")]

    def paint(p: Array) -> Array:
        base, lips, cheeks, iris, hair, white = tones
        x, y, z = np.abs(p[0]), p[1], p[2]
        front = ramp(y, -0.02, -0.04)
        tone = mix(base, cheeks, 0.55 * front * ramp(np.hypot(x - 0.046, z + 0.030), 0.026, 0.006))
        socket = np.hypot((x - 0.031) / 0.0155, (z - 0.008) / 0.0125)
        tone = mix(tone, white, front * ramp(socket, 1.05, 0.92))
        tone = mix(tone, iris, front * ramp(np.hypot(x - 0.030, z - 0.008), 0.0108, 0.0088))
        tone = mix(tone, white, front * ramp(np.hypot(p[0] - np.sign(p[0]) * 0.030 + 0.003, z - 0.012), 0.0040, 0.0026))
        arch = z - 0.036 + 5.0 * (x - 0.031) ** 2
        tone = mix(tone, hair, front * ramp(np.abs(arch), 0.0050, 0.0030) * ramp(np.abs(x - 0.032), 0.020, 0.016))
        smile = z + 0.053 - 9.0 * x**2
        return mix(tone, lips, front * ramp(np.abs(smile), 0.0068, 0.0045) * ramp(x, 0.030, 0.025))

    return paint
