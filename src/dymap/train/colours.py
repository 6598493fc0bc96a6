"""Colours of the training cameras: a 3 x 4 matrix for each, learned beside the field and left out of the video.

    what a camera would have filmed = A rgb + acc b,    (A | b) its matrix

rgb is what the field shows over black, acc its opacity: b is an offset of the colour of what is there, and the rest
stays black. One camera's matrix is the identity, so that the field's colours are that camera's; the others are drawn
towards the identity (`losses.colours`). The affine exposure of pictures in Kerbl et al. 2024 (A Hierarchical 3D
Gaussian Representation) is alike.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dymap.render.image import Rendered


class ColourMatch(nn.Module):
    """change: [V, 3, 4] parameters, by how much the matrix of each camera differs from the identity; 0 at first.
    fixed: the camera whose matrix stays the identity."""

    free: Tensor

    def __init__(self, views: int, fixed: int):
        super().__init__()
        self.change = nn.Parameter(torch.zeros(views, 3, 4))
        free = torch.ones(views, 1, 1)
        free[fixed] = 0
        self.register_buffer("free", free, persistent=False)

    def forward(self, seen: Rendered, views: Tensor) -> Rendered:
        """What rays see, in the colours of their cameras. views: [R] int64, the camera of each."""
        change = (self.change * self.free)[views]  # [R, 3, 4]
        moved = (change[:, :, :3] @ seen.rgb[:, :, None])[..., 0] + seen.acc[:, None] * change[:, :, 3]
        return seen._replace(rgb=seen.rgb + moved)

    def matrices(self) -> Tensor:
        """[V, 3, 4] (A | b) of every camera."""
        return torch.eye(3, 4, device=self.change.device) + self.change * self.free
