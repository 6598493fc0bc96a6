"""Preparing images and masks (method.md 9)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.geometry.camera import Camera
from dymap.geometry.lens import undistort, undistort_nearest

FACE = 100
"""Mask value of face pixels; other foreground is 1, background 0."""
UNKNOWN = 255
"""Mask value of pixels of which no mask says what they are: they colour, they do not carve."""


@dataclass(frozen=True, eq=False)
class Shot:
    """One image cropped to what is needed. rgb: [h, w, 3] uint8; mask: [h, w] uint8 (0, 1, FACE,
    UNKNOWN); x, y: its corner. Without pixels if the camera has no picture of the frame."""

    rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    x: int
    y: int


def prepared_camera(camera: Camera, config: CaptureConfig) -> Camera:
    """The camera of the prepared images. Raises InputError for a ratio that leaves no pixels."""
    try:
        return replace(camera.undistorted().scaled(config.ratio), pixel_offset=config.pixel_offset)
    except ValueError as error:
        raise InputError(f"ratio {config.ratio}: {error}") from None


def prepare(
    image: NDArray[np.uint8], mask: NDArray[np.uint8] | None, camera: Camera, ratio: float
) -> tuple[NDArray[np.float32], NDArray[np.uint8] | None]:
    """Undistort, resize and blacken the background of one full-size image.

    image: [H, W, 3] RGB; mask: [H, W]; camera: full-size, with its distortion. Returns float32 [h, w, 3] in [0, 1]
    and the mask [h, w]. Colours are interpolated in float32, labels are never interpolated.
    """
    colour = image.astype(np.float32) / np.float32(255)
    if camera.distorted:
        colour = undistort(colour, camera.K, camera.D, camera.lens)
    if mask is not None:
        mask = undistort_labels(mask, camera)
    if ratio != 1.0:
        size = (int(camera.width * ratio), int(camera.height * ratio))
        colour = cv2.resize(colour, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        if mask is not None:
            mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    if mask is not None:
        colour[mask == 0] = 0
    return colour, mask


def undistort_labels(mask: NDArray[np.uint8], camera: Camera, ideal: Camera | None = None) -> NDArray[np.uint8]:
    """The mask [H, W] of the undistorted image; labels are taken from the nearest pixel, never mixed.

    ideal: the camera of that image; default: of the same K.
    """
    K = camera.K if ideal is None else ideal.K
    if not camera.distorted and np.array_equal(K, camera.K):
        return mask
    return undistort_nearest(mask, camera.K, camera.D, camera.lens, ideal=K)


def edge_band(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """[H, W] pixels within a 5x5 box of the silhouette: dilation minus erosion of the foreground."""
    foreground = (mask != 0).astype(np.uint8)
    box = np.ones((5, 5), np.uint8)
    return cv2.dilate(foreground, box) != cv2.erode(foreground, box)
