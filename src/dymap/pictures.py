"""Pictures: numbers as bytes, errors as colours, bytes as PNG and JPEG. RGB throughout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.files import replacing

LARGEST_ERROR = 0.25
"""Errors from here on have one colour."""
JPEG_QUALITY = 92

# OpenCV is imported by the functions that need it: `import dymap` shows nothing and need not wait for it.


def to_bytes(image: Tensor | NDArray[np.float32]) -> NDArray[np.uint8]:
    """[..., C] in [0, 1] -> uint8, rounded; what lies outside is cut."""
    return (torch.as_tensor(image).detach().clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()


def srgb_to_linear(colours: NDArray[Any]) -> NDArray[np.float64]:
    """Colours of images in [0, 1] -> linear light in [0, 1] (IEC 61966-2-1)."""
    value = np.asarray(colours, dtype=np.float64)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def error_colours(prediction: NDArray[np.float32], truth: NDArray[np.float32]) -> NDArray[np.uint8]:
    """[H, W, 3] the error of images [H, W, 3] in [0, 1]: mean over channels, inferno, black 0, yellow 0.25 and more."""
    import cv2

    error = np.abs(prediction - truth).mean(axis=-1)
    return cv2.applyColorMap((np.clip(error / LARGEST_ERROR, 0, 1) * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[
        ..., ::-1
    ]


def png_bytes(picture: NDArray[np.uint8]) -> bytes:
    """A picture [H, W, 3] RGB or [H, W, 4] RGBA (straight alpha) as a PNG file. Raises ValueError for other shapes."""
    import cv2

    if picture.ndim != 3 or picture.shape[-1] not in (3, 4) or 0 in picture.shape:
        raise ValueError(f"a picture of shape {picture.shape} cannot be encoded; expected [H, W, 3] or [H, W, 4]")
    code = cv2.COLOR_RGB2BGR if picture.shape[-1] == 3 else cv2.COLOR_RGBA2BGRA
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, code))
    if not done or not data.size:
        raise ValueError(f"a picture of shape {picture.shape} could not be encoded")
    return data.tobytes()


def jpeg_bytes(picture: NDArray[np.uint8]) -> bytes:
    """A picture [H, W, 3] RGB as a JPEG file with colours at full resolution: for pages, a tenth of a PNG's size."""
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    done, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    if not done or not data.size:
        raise ValueError(f"a picture of shape {picture.shape} could not be encoded")
    return data.tobytes()


def write_png(path: Path, picture: NDArray[np.uint8]) -> Path:
    """Write [H, W, 3] RGB or [H, W, 4] RGBA, beside and renamed. Raises InputError if the disk refuses."""
    with replacing(path) as partial:
        partial.write_bytes(png_bytes(picture))
    return path
