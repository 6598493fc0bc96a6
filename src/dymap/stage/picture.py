"""One picture of the stage: a layer of a rendered frame, as bytes that a browser shows."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import simplejpeg
import torch
from numpy.typing import NDArray

from dymap.geometry.camera import Camera
from dymap.kernels import Cancel
from dymap.pictures import png_bytes, to_bytes
from dymap.play.layers import acc_layer, depth_layer, depth_range
from dymap.render.image import Image
from dymap.stage.message import View
from dymap.stage.occupancy import occupancy_layer
from dymap.stage.subject import Subject

QUALITY = {True: 75, False: 92}
"""JPEG quality of drafts, and of full pictures."""
Bytes = NDArray[np.uint8]


def draw(subject: Subject, view: View, camera: Camera, cancel: Cancel | None = None) -> tuple[Bytes, Bytes | None]:
    """[H, W, 3] what a browser shows, and [H, W] its opacity if the view is transparent, in straight alpha.

    Depth has one scale for the whole clip, which depends on the camera's position; it, opacity and occupancy are over
    black. Raises Cancelled.
    """
    if view.layer == "occupancy":
        return occupancy_layer(subject, view.frame, camera, cancel), None
    image = subject.render(camera, view.frame, cancel)
    if view.layer == "opacity":
        return acc_layer(image), None
    if view.layer == "depth":
        near, far = depth_range([camera.position] * len(subject.boxes), subject.boxes)
        return depth_layer(image, near, far), None
    if view.background is None:
        rgba = image.rgba()
        return exposed(rgba[..., :3], view.exposure), np.ascontiguousarray(rgba[..., 3])
    return exposed(over(image, view.background), view.exposure), None


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


def keepsake(picture: Bytes, opacity: Bytes | None) -> bytes:
    """As PNG, with straight alpha if it is transparent."""
    return png_bytes(picture if opacity is None else np.dstack([picture, opacity]))
