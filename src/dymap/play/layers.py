"""What a film can show of a rendered image: colour, depth, opacity, error; as bytes."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from dymap.config import Backdrop
from dymap.geometry.box import box_corners
from dymap.pictures import error_colours, to_bytes
from dymap.render.image import Image


def colour_layer(image: Image, background: Backdrop = "black") -> NDArray[np.uint8]:
    """[H, W, 3] the picture over black or white, or [H, W, 4] with straight alpha.

    image: rendered over `transparent`, that is premultiplied.
    """
    if background == "transparent":
        return image.rgba()
    return to_bytes(image.rgb + (1 - image.acc)[..., None]) if background == "white" else image.numpy()


def acc_layer(image: Image) -> NDArray[np.uint8]:
    """[H, W, 3] opacity as grey: 0 black, 1 white."""
    return to_bytes(image.acc[..., None].expand(-1, -1, 3))


def depth_layer(image: Image, near: float, far: float) -> NDArray[np.uint8]:
    """[H, W, 3] the distance of what is seen: viridis, yellow at `near` and violet at `far` (metres along the ray),
    over black."""
    seen = seen_depth(image).clamp(max=far)
    closeness = to_bytes((far - seen) / (far - near))
    colour = cv2.applyColorMap(closeness, cv2.COLORMAP_VIRIDIS)[..., ::-1]
    opacity = image.acc.detach().clamp(0, 1).cpu().numpy()[..., None]
    return np.rint(colour * opacity).astype(np.uint8)


def seen_depth(image: Image) -> Tensor:
    """[H, W] metres along the ray to what is seen; infinity where nothing is. The ray's end, which `image.depth` counts
    for the light that passes, is taken out."""
    seen = (image.depth - (1 - image.acc) * image.far) / image.acc.clamp(min=1e-6)
    return torch.where(image.acc > 0, seen, torch.inf)


def diff_layer(image: Image, filmed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[H, W, 3] the error of a picture over black to what was filmed, [H, W, 3] bytes."""
    prediction = image.rgb.detach().clamp(0, 1).cpu().numpy().astype(np.float32)
    return error_colours(prediction, filmed.astype(np.float32) / np.float32(255))


def depth_range(positions: ArrayLike, boxes: ArrayLike) -> tuple[float, float]:
    """Distances in metres between which everything lies that cameras see of their boxes.

    positions: [N, 3] the cameras' centres; boxes: [N, 2, 3]; world, metres. From the closest point of any box to its
    farthest corner, so that one scale serves a whole film.
    """
    eyes, bounds = np.asarray(positions, dtype=np.float64), np.asarray(boxes, dtype=np.float64)
    closest = np.clip(eyes, bounds[:, 0], bounds[:, 1])
    corners = np.stack([box_corners(box) for box in bounds])  # [N, 8, 3]
    near = np.linalg.norm(closest - eyes, axis=-1).min()
    far = np.linalg.norm(corners - eyes[:, None], axis=-1).max()
    return float(near), float(far)
