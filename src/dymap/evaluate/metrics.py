"""Image metrics of the paper's protocol (method.md 12)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from dymap.geometry.box import bounding_rectangle

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


def psnr(prediction: Image, truth: Image, where: Mask | None = None) -> float:
    """-10 log10 of the mean squared error of [H, W, 3] in [0, 1], over the pixels `where` [H, W]; nan if there are
    none, inf if all are equal."""
    error = (prediction.astype(np.float64) - truth) ** 2
    if where is not None:
        error = error[where]
    if error.size == 0:
        return float("nan")
    mean = float(error.mean())
    return -10 * float(np.log10(mean)) if mean > 0 else float("inf")


def match_colours(prediction: Image, opacity: NDArray[np.float32], truth: Image, where: Mask) -> Image:
    """The prediction [H, W, 3] (over black, of `opacity` [H, W]) in the colours of the truth: A rgb + opacity b of the
    matrix (A | b) [3, 4] by which they differ least in squares over the pixels `where` [H, W]; clipped to [0, 1].

    The nearest such matrix to the identity, if there are many: of no pixels it is the identity.
    """
    known = np.concatenate([prediction, opacity[..., None]], axis=-1).astype(np.float64)  # [H, W, 4]
    error = (truth.astype(np.float64) - prediction)[where]
    change = np.linalg.lstsq(known[where], error, rcond=1e-6)[0] if error.size else np.zeros((4, 3))
    return np.clip(prediction + known @ change, 0, 1).astype(np.float32)


def box_crop(image: Image, box_mask: Mask, background: float = 0.0) -> Image:
    """The image with background outside the box mask, cropped to the mask's bounding rectangle."""
    x, y, width, height = bounding_rectangle(box_mask)
    out = np.where(box_mask[..., None], image, np.float32(background)).astype(np.float32)
    return out[y : y + height, x : x + width]


def ssim(prediction: Image, truth: Image, data_range: float) -> float:
    """SSIM of [H, W, 3] with a 7x7 uniform window and sample covariance.

    The published numbers were made with data_range = 2 on values in [0, 1]. nan for images smaller than the window.
    """
    if min(prediction.shape[:2]) < 7:
        return float("nan")
    return float(structural_similarity(prediction, truth, win_size=7, channel_axis=-1, data_range=data_range))
