"""One picture of the viewer: a layer of a rendered frame, as bytes."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from dymap.config import ViewerRenderer
from dymap.geometry.camera import Camera
from dymap.kernels import Cancel
from dymap.play.layers import acc_layer, depth_layer, depth_range
from dymap.play.video import Video

ViewerLayer = Literal["rgb", "depth", "acc"]
Colour = tuple[int, int, int]
"""Red, green, blue as bytes."""


def render(
    video: Video,
    camera: Camera,
    frame: int,
    layer: ViewerLayer,
    renderer: ViewerRenderer,
    background: Colour,
    cancel: Cancel | None = None,
) -> NDArray[np.uint8]:
    """[H, W, 3] what a browser shows: the colours over a background, or depth or opacity over black.

    Depth has one scale for the whole clip, which depends on the camera's position. Raises Cancelled.
    """
    if layer == "rgb":
        behind = (torch.tensor(background, device=video.boxes.device) / 255).expand(camera.height, camera.width, 3)
        return video.render(camera, frame, renderer=renderer, background=behind, cancel=cancel).numpy()
    image = video.render(camera, frame, renderer=renderer, background="transparent", cancel=cancel)
    if layer == "acc":
        return acc_layer(image)
    near, far = depth_range([camera.position] * video.num_frames, video.boxes.cpu())
    return depth_layer(image, near, far)
