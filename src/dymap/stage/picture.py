"""Pictures of the stage as bytes that a browser shows."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import simplejpeg
import torch
from numpy.typing import NDArray

from dymap.pictures import to_bytes
from dymap.render.image import Image

QUALITY = {True: 75, False: 92}
"""JPEG quality of drafts, and of full pictures."""
Bytes = NDArray[np.uint8]


def over(image: Image, background: tuple[float, float, float]) -> Bytes:
    """[H, W, 3] an image over a colour."""
    if background == (0, 0, 0):
        return image.numpy()
    behind = torch.tensor(background, device=image.rgb.device)
    return to_bytes(image.rgb + (1 - image.acc)[..., None] * behind)


def exposed(picture: Bytes, stops: float) -> Bytes:
    """The picture as if the lens had let in 2^stops as much light: in linear light of sRGB."""
    return picture if stops == 0 else exposure_table(round(stops, 3))[picture]


@lru_cache(maxsize=64)
def exposure_table(stops: float) -> Bytes:
    """[256] sRGB byte -> sRGB byte."""
    value = np.arange(256) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    light = np.clip(linear * 2.0**stops, 0, 1)
    again = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(again * 255).astype(np.uint8)


def encode(picture: Bytes, opacity: Bytes | None, draft: bool) -> bytes:
    """As JPEG; with its opacity, grey, beside it on the right, in an image of twice the width."""
    if opacity is not None:
        picture = np.concatenate([picture, np.repeat(opacity[..., None], 3, axis=-1)], axis=1)
    return jpeg(picture, QUALITY[draft])


def jpeg(picture: Bytes, quality: int = 92) -> bytes:
    """[H, W, 3] RGB as JPEG, by libjpeg-turbo."""
    return simplejpeg.encode_jpeg(np.ascontiguousarray(picture), quality, colorspace="RGB", colorsubsampling="420")
