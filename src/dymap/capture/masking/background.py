"""The difference to a background, of which shadows and changes of the light are no part.

A picture I of the empty scene B in another light is a B: the colour of a pixel is split into its brightness against the
background's, a, and what is left, I - a B (Horprasert, Harwood and Davis, "A statistical approach for real-time robust
background subtraction and shadow detection", 1999). A shadow makes a pixel darker and leaves its colour; what stands in
front has another colour, is much darker, or has an edge where the background has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.masking.tidy import Bytes, Floats, hysteresis, tidy

LOW, HIGH = 4.0, 8.0
"""Of the difference, in units of the noise: foreground reaches from the high one to the low one."""
SHADOW = 0.6
"""The darkest a shadow makes a pixel, as a share of the background's value (0.6 of a display value is a third of the
light)."""
LIGHT = 1.06
"""The brightest that reflected light makes it."""
TINT = 0.10
"""By what share of its darkening a shadow may change the colours: light of the sky or of walls is left in it."""
EDGE = 0.03
"""Change of a shadow's darkness from pixel to pixel, from which on it is an edge of something else: of pictures with
512 pixels a side or more; of smaller ones in proportion more."""
SURROUNDED = 0.6
"""Share of its border along which something that may be a shadow touches foreground, from which on it is foreground."""
COVERED = 0.35
"""Least difference of a pixel at the border, as a share of the largest nearby, which may be of something brighter."""
SHAKE = 0.25
"""Pixels by which a camera moves: edges of the background are uncertain by so much."""
ROUNDING = 1.5
"""Noise of the best camera, of 255."""
STRIP = 2**15
"""Pixels that are looked at at once: of what is worked out on the way, only so much is kept."""


@dataclass(frozen=True, eq=False)
class Background:
    """The empty scene as a camera sees it. colour: [H, W, 3] of 255. noise: [H, W, 3] its standard deviation."""

    colour: Floats
    noise: Floats

    @classmethod
    def of(cls, colour: Floats, noise: Floats | float = 0.0) -> Background:
        """With the uncertainty of its edges added to the noise that was measured."""
        total = np.empty_like(colour)
        measured = np.broadcast_to(np.asarray(noise, np.float32), colour.shape)
        for channel in range(colour.shape[2]):  # one at a time takes a third of the memory
            plane = colour[..., channel]
            edges = np.hypot(cv2.Sobel(plane, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(plane, cv2.CV_32F, 0, 1) / 8)
            total[..., channel] = np.sqrt(np.square(measured[..., channel]) + np.square(SHAKE * edges) + ROUNDING**2)
        return cls(colour, total)


def background_of(plates: Sequence[Bytes]) -> Background:
    """Of pictures [H, W, 3] of the empty scene: their median, and with three or more the noise between them."""
    colour, spread = (np.empty(plates[0].shape, np.float32) for _ in range(2))
    for rows in _strips(colour):
        stack = np.stack([plate[rows] for plate in plates])
        colour[rows] = np.median(stack, axis=0)
        if len(plates) >= 3:
            spread[rows] = 1.4826 * np.median(np.abs(stack - colour[rows]), axis=0)
    if len(plates) < 3:
        return Background.of(colour)
    spread = np.asarray(cv2.blur(spread, (5, 5)), np.float32)
    return Background.of(colour, spread)


def foreground(picture: Bytes, background: Background, shadow: float = SHADOW) -> Bytes:
    """[H, W] 1 where a picture [H, W, 3] shows something else than the background. shadow: see SHADOW."""
    distance, lit = difference(picture, background, shadow)
    mask = hysteresis(np.where(lit, 0, distance).astype(np.float32), LOW, HIGH)
    for _ in range(2):  # grey clothes in front of grey walls: shadows are not surrounded by what casts them
        mask |= surrounded((lit & (distance > LOW) & (mask == 0)).astype(np.uint8), mask)
    return tidy(half_covered(mask, distance))


def half_covered(mask: Bytes, distance: Floats) -> Bytes:
    """[H, W] without the outermost pixels that foreground covers by less than half: their difference is a small share
    of the largest two pixels around."""
    border = (mask > 0) & (cv2.erode(mask, np.ones((3, 3), np.uint8)) == 0)
    return np.where(border & (distance < COVERED * cv2.dilate(distance, np.ones((5, 5)))), 0, mask).astype(np.uint8)


def difference(picture: Bytes, background: Background, shadow: float = SHADOW) -> tuple[Floats, NDArray[np.bool_]]:
    """[H, W] how far the colours are from the background's, in units of the noise, and [H, W] whether that may be
    because of a shadow or of light."""
    image = np.asarray(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 0.6), np.float32)
    light = gain(image, background.colour)
    own = spread(image, background.colour, light)
    distance, brightness, uncertain = (np.empty(picture.shape[:2], np.float32) for _ in range(3))
    lit = np.empty(picture.shape[:2], bool)
    for rows in _strips(image):
        colour = background.colour[rows] * light
        rest = image[rows] - colour
        noise = np.sqrt(np.square(background.noise[rows]) + np.square(own))
        distance[rows] = np.sqrt(np.square(rest / noise).mean(axis=-1))
        weight = 1 / np.square(noise)
        a = (image[rows] * colour * weight).sum(axis=-1) / ((colour * colour * weight).sum(axis=-1) + 1e-6)
        tint = TINT * np.abs(1 - a)[..., None] * colour
        other = np.square(image[rows] - a[..., None] * colour) / (np.square(noise) + np.square(tint))
        lit[rows] = (a > shadow) & (a < LIGHT) & (np.sqrt(other.mean(axis=-1)) < LOW)
        brightness[rows], uncertain[rows] = a, 0.5 * noise.mean(axis=-1) / (colour.mean(axis=-1) + 8)
    return distance, lit & ~_edges(brightness, uncertain)


def surrounded(parts: Bytes, mask: Bytes) -> Bytes:
    """[H, W] those connected parts of `parts` that touch `mask` along most of their border."""
    count, labels = cv2.connectedComponents(parts, connectivity=4)
    border, touching = np.zeros(count), np.zeros(count)
    for axis in (0, 1):
        for here, there in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
            ours = labels[here] if axis == 0 else labels[:, here]
            theirs = labels[there] if axis == 0 else labels[:, there]
            covered = mask[there] if axis == 0 else mask[:, there]
            outside = (ours > 0) & (theirs != ours)
            border += np.bincount(ours[outside], minlength=count)
            touching += np.bincount(ours[outside & (covered > 0)], minlength=count)
    inside = touching > SURROUNDED * np.maximum(border, 1)
    return inside[labels].astype(np.uint8)


def gain(image: Floats, colour: Floats) -> Floats:
    """[3] by what the light of a picture [H, W, 3] differs from the background's [H, W, 3], a channel.

    The median of the ratios, taken again of the pixels near it: what stands in front is outvoted.
    """
    step = max(1, round((colour.shape[0] * colour.shape[1] / 40_000) ** 0.5))
    seen, empty = image[::step, ::step].reshape(-1, 3), colour[::step, ::step].reshape(-1, 3)
    usable = ((empty > 20) & (empty < 245) & (seen < 250)).all(axis=1)
    if usable.sum() < 100:
        return np.ones(3, np.float32)
    ratio = seen[usable] / empty[usable]
    centre = np.median(ratio, axis=0)
    for width in (0.2, 0.08):
        near = (np.abs(ratio / centre - 1) < width).all(axis=1)
        if near.sum() < 100:
            break
        centre = np.median(ratio[near], axis=0)
    return np.clip(centre, 0.5, 2.0).astype(np.float32)


def spread(image: Floats, colour: Floats, light: Floats) -> Floats:
    """[3] the noise of a picture [H, W, 3]: the median deviation of its differences to the background's colour
    [H, W, 3] in its light [3], most of which are background."""
    step = max(1, round((image.shape[0] * image.shape[1] / 40_000) ** 0.5))
    rest = np.abs(image[::step, ::step] - colour[::step, ::step] * light)
    return np.asarray(np.minimum(1.4826 * np.median(rest, axis=(0, 1)), 8.0), np.float32)


def _strips(image: Floats) -> Iterator[slice]:
    """Rows of an image [H, W, 3], STRIP pixels at once."""
    rows = max(1, STRIP // image.shape[1])
    return (slice(first, first + rows) for first in range(0, image.shape[0], rows))


def _edges(brightness: Floats, uncertain: Floats) -> NDArray[np.bool_]:
    """[H, W] where the brightness against the background changes faster than that of a soft shadow, and by more than
    noise makes uncertain."""
    smooth = cv2.GaussianBlur(brightness, (0, 0), 1.0)
    slope = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(smooth, cv2.CV_32F, 0, 1) / 8)
    return np.asarray(slope > EDGE * max(1.0, 512 / min(brightness.shape)) + uncertain)
