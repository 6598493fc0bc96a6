"""Chroma key: what has the colour of a screen is background, whatever its brightness.

Colours are looked at in the plane of Cb and Cr (ITU-R BT.601), divided by their brightness. There the key is a
direction: a pixel is background by how far it lies along it, less how far beside it (a wedge, as in Vlahos' keyers).
Light of the screen on clothes and hair, spill, moves colours along the key by less than half of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.masking.tidy import Bytes, Floats, hysteresis, tidy

KEYS = {"green": (40, 190, 70), "blue": (35, 70, 200)}
"""Usual screens, RGB."""
HALF, SURE = 0.5, 0.65
"""How much of a pixel is not the key's colour: foreground reaches from the second to the first."""
BESIDE = 1.4
"""How much faster colours become foreground beside the key than along it."""
DARK = 24.0
"""Brightness, of 255, below which colours are noise."""
SATURATED = 0.12
"""Least length of a key's colour in the plane: less is grey."""


def parse_key(text: str) -> NDArray[np.uint8] | None:
    """[3] RGB of `green`, `blue` or `#rrggbb`; None: `auto`. Raises ValueError."""
    if text == "auto":
        return None
    if text in KEYS:
        return np.array(KEYS[text], np.uint8)
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValueError(f"key {text!r} is no colour; expected green, blue, auto or #rrggbb")
    key = np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)
    if np.linalg.norm(_plane(key[None, None])[0, 0]) < SATURATED:
        raise ValueError(f"key {text} is nearly grey: anything of any brightness would be background")
    return key


def find_key(pictures: Sequence[Bytes]) -> NDArray[np.uint8]:
    """[3] RGB of the screen: the commonest saturated green or blue along the border of pictures [H, W, 3].

    Raises ValueError if less than a tenth of the border has such a colour.
    """
    borders = np.concatenate([_border(picture) for picture in pictures])
    plane = _plane(borders[:, None])[:, 0]
    angle = np.degrees(np.arctan2(plane[:, 1], plane[:, 0]))
    # Green has both Cb and Cr below 0, blue a large Cb: from 80 degrees on there are reds and skin.
    saturated = (np.linalg.norm(plane, axis=1) > SATURATED) & ((angle < 30) | (angle > 170))
    if saturated.mean() < 0.1:
        raise ValueError("no green or blue screen along the border; name its colour: --key '#rrggbb'")
    counts, edges = np.histogram(angle[saturated], bins=72, range=(-180, 180))
    best = int(counts.argmax())
    near = saturated & (np.abs((angle - edges[best] - 2.5 + 180) % 360 - 180) < 10)
    return np.rint(np.median(borders[near], axis=0)).astype(np.uint8)


def foreground(picture: Bytes, key: NDArray[np.uint8]) -> Bytes:
    """[H, W] 1 where a picture [H, W, 3] has another colour than the screen's [3]."""
    return tidy(hysteresis(1 - share_of_key(picture, key), HALF, SURE))


def share_of_key(picture: Bytes, key: NDArray[np.uint8]) -> Floats:
    """[H, W] how much of a pixel's colour is the key's: 1 of the screen, in its shadows too; about 0 of grey."""
    plane = cv2.GaussianBlur(_plane(picture), (0, 0), 0.8)
    direction = _plane(key[None, None])[0, 0]
    length = float(np.linalg.norm(direction))
    unit = direction / length
    along = plane @ unit
    beside = np.abs(plane @ np.array([-unit[1], unit[0]], np.float32))
    return np.asarray((along - BESIDE * beside) / length, np.float32)


def _plane(picture: NDArray[np.uint8]) -> Floats:
    """[..., 2] Cb and Cr over the brightness."""
    red, green, blue = np.moveaxis(picture.astype(np.float32), -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return np.stack([0.564 * (blue - luma), 0.713 * (red - luma)], axis=-1) / (luma + DARK)[..., None]


def _border(picture: Bytes) -> Bytes:
    """[n, 3] pixels of the outer twelfth of a picture, thinned out."""
    width = max(1, min(picture.shape[:2]) // 12)
    inner = np.ones(picture.shape[:2], bool)
    inner[width:-width, width:-width] = False
    pixels = picture[inner]
    return pixels[:: max(1, len(pixels) // 20_000)]
