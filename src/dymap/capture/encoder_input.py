"""What the image encoder sees: the fixed cameras' images of one frame (method.md 4, Codes)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.images import prepare
from dymap.capture.source import Source
from dymap.config import ENCODER_SIZE
from dymap.errors import InputError

MEAN, SPREAD = 100.0, 25.0
"""Grey values 0 to 255 become (value - MEAN) / SPREAD."""


def encoder_images(images: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Prepared images of K cameras -> [3 K, 512, 512], camera-major RGB, (255 * rgb - 100) / 25.

    images: [h, w, 3] float32 RGB in [0, 1] each, as `prepare` makes them: undistorted, resized by the ratio, black
    where the mask is 0. They are area-resized without regard to their aspect ratio.
    """
    if not images:
        raise ValueError("the image encoder needs the image of at least one camera")
    channels = []
    for image in images:
        resized = cv2.resize(image, (ENCODER_SIZE, ENCODER_SIZE), interpolation=cv2.INTER_AREA)
        channels.append(((255 * resized - MEAN) / SPREAD).astype(np.float32).transpose(2, 0, 1))
    return np.concatenate(channels)


def read_encoder_images(source: Source, views: Sequence[int], frame: int, ratio: float) -> NDArray[np.float32]:
    """The encoder's input [3 K, 512, 512] at frame position `frame`, read from disk.

    views: indices of the encoder's cameras among all cameras. Raises InputError for images that cannot be read.
    """
    images = []
    for view in views:
        if not source.present(frame, view):
            raise InputError(
                f"{source.root}: the image encoder needs a picture of camera {source.cameras[view].name!r} at frame "
                f"{source.frames[frame]}, which it lacks; choose other cameras with --encoder-views"
            )
        picture, mask = source.read(frame, view)
        images.append(prepare(picture, mask, source.cameras[view], ratio)[0])
    return encoder_images(images)
