"""The code of a frame, whether the field keeps it or an image encoder computes it."""

from __future__ import annotations

import torch
from torch import Tensor

from dymap.capture import Capture
from dymap.field.codes import ImageEncoder
from dymap.field.field import Field


@torch.no_grad()
def mean_code(field: Field, capture: Capture, frame: int) -> Tensor | None:
    """[code_dim] what the image encoder makes of a frame, without noise; None: the field keeps its codes itself."""
    if not isinstance(field.codes, ImageEncoder):
        return None
    images = torch.from_numpy(capture.encoder_images(frame, field.config.encoder_views))  # [3 K, 512, 512]
    return field.encode(images.to(field.boxes.device)).mu[0]
