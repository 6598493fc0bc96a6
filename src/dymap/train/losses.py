"""Losses (method.md 6). All are means over the rays that count: those not in the silhouette's edge band."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dymap.config import TrainConfig
from dymap.kernels import sum_opacity
from dymap.render.volume import Rendered
from dymap.train.batches import Item

Losses = dict[str, Tensor]
"""Weighted terms by name; their sum is minimised."""
LossFunction = Callable[[Rendered, Item, TrainConfig], Losses]


def colour_loss(rgb: Tensor, target: Tensor, counts: Tensor) -> Tensor:
    """Mean squared error of colours [R, 3] over the rays that count [R] bool."""
    return (rgb - target)[counts].square().mean()


def mask_loss(acc: Tensor, mask: Tensor, counts: Tensor) -> Tensor:
    """Mean squared error between opacity [R] and the foreground mask [R] over the rays that count."""
    return (acc - mask)[counts].square().mean()


def entropy_loss(acc: Tensor, counts: Tensor) -> Tensor:
    """Mean binary entropy of the opacity [R], clamped to [1e-6, 1 - 1e-6]: without masks, rays should hit or miss."""
    p = acc[counts].clamp(1e-6, 1 - 1e-6)
    return -(p * p.log() + (1 - p) * (1 - p).log()).mean()


def empty_loss(sigma: Tensor, hull: Tensor, step: float) -> Tensor:
    """Mean opacity over a length `step` (metres) of points outside the visual hull, where there is nothing.

    sigma: [gx, gy, gz] raw density at a point of each voxel; hull: [gx, gy, gz] bool.
    """
    outside = ~hull
    return sum_opacity(sigma, outside, step) / outside.sum().clamp(min=1)


def published_losses(seen: Rendered, item: Item, config: TrainConfig) -> Losses:
    """Colour, and the mask or entropy term."""
    counts = ~item.edge
    losses = {"colour": colour_loss(seen.rgb, item.rgb, counts)}
    if config.use_masks:
        losses["mask"] = config.mask_weight * mask_loss(seen.acc, item.mask, counts)
    else:
        losses["entropy"] = config.mask_weight * entropy_loss(seen.acc, counts)
    return losses


def psnr(mse: Tensor) -> Tensor:
    """-10 log10 of a mean squared error."""
    return -10 * torch.log10(mse)
