"""Losses (method.md 6). All are means over the rays that count: those not in the silhouette's edge band."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dymap.config import TrainConfig
from dymap.kernels import sum_opacity, total_variation
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


def background_loss(seen: Rendered, item: Item, counts: Tensor) -> Tensor:
    """By how much the colour loss, averaged over all backgrounds in [0, 1]^3, exceeds that over black; may be negative.

    Over a background b the error of a colour is d - a b, with d what it is over black and a = acc - mask. The mean of
    its square over uniform b is d^2 - d a + a^2 / 3. Over black alone dark parts may stay translucent.
    """
    d, a = (seen.rgb - item.rgb)[counts].mean(dim=1), (seen.acc - item.mask)[counts]
    return (a * (a / 3 - d)).mean()


def surface_loss(sigma: Tensor, step: float) -> Tensor:
    """Total variation of the opacity over a length `step` (metres) on a lattice of raw densities [gx, gy, gz], a point:
    the area of surfaces."""
    return total_variation(sigma, step) / sigma.numel()


def empty_loss(sigma: Tensor, hull: Tensor, step: float) -> Tensor:
    """Mean opacity over a length `step` (metres) of points outside the visual hull, where there is nothing.

    sigma: [gx, gy, gz] raw density at a point of each voxel; hull: [gx, gy, gz] bool.
    """
    outside = ~hull
    return sum_opacity(sigma, outside, step) / outside.sum().clamp(min=1)


def published_losses(seen: Rendered, item: Item, config: TrainConfig) -> Losses:
    """Colour, and the mask or entropy term; with `any_background` (ours) the mask's gives way to `background_loss`."""
    counts = ~item.edge
    losses = {"colour": colour_loss(seen.rgb, item.rgb, counts)}
    if config.use_masks and config.any_background:
        losses["background"] = background_loss(seen, item, counts)
    elif config.use_masks:
        losses["mask"] = config.mask_weight * mask_loss(seen.acc, item.mask, counts)
    else:
        losses["entropy"] = config.mask_weight * entropy_loss(seen.acc, counts)
    return losses


def psnr(mse: Tensor) -> Tensor:
    """-10 log10 of a mean squared error."""
    return -10 * torch.log10(mse)
