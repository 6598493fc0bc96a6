"""Losses (method.md 6): each is one function of a Step, all alike, and a table says which are minimised.

    colour       rays    error of colours
    mask         rays    opacity against the foreground mask
    entropy      rays    without masks: rays should hit or miss
    background   rays    error of colours over all backgrounds, beside that over black
    kl           items   codes of the image encoder against N(0, 1)
    empty        items   opacity outside the visual hull
    surface      items   area of surfaces

Losses of rays are means over the rays that count (not in the silhouette's edge band) of all items together; losses of
items are means over items. A loss of one's own on planes, codes, the lattice or the frame is one more entry of the
table: examples/06_add_a_loss.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from dymap.config import Config
from dymap.kernels import opacity_sum, total_variation
from dymap.train.forward import Step


class Loss(NamedTuple):
    """A term of what is minimised: weight * the mean over rays or items of a function of a Step."""

    function: Callable[[Step], Tensor]
    weight: float = 1.0
    over: Literal["rays", "items"] = "items"


Losses = Mapping[str, Loss]
"""By the name under which a loss is logged."""


def losses_of(config: Config) -> dict[str, Loss]:
    """Those that a configuration asks for: the published ones, and ours."""
    train, losses = config.train, published_losses(config)
    if train.use_masks and train.any_background:
        del losses["mask"]  # the background's loss says the same, and more
        losses["background"] = Loss(background, 1.0, "rays")
    if train.hull_samples:
        losses["empty"] = Loss(empty, train.empty_weight)
        if train.surface_weight:
            losses["surface"] = Loss(surface, train.surface_weight)
    return losses


def published_losses(config: Config) -> dict[str, Loss]:
    """The published ones: colour; mask, or entropy without masks; KL with an image encoder."""
    train = config.train
    losses = {"colour": Loss(colour, 1.0, "rays")}
    if train.use_masks:
        losses["mask"] = Loss(mask, train.mask_weight, "rays")
    else:
        losses["entropy"] = Loss(entropy, train.mask_weight, "rays")
    if config.field.codes == "encoder":
        losses["kl"] = Loss(kl, train.kl_weight)
    return losses


def colour(step: Step) -> Tensor:
    """Mean squared error of colours."""
    return (step.seen.rgb - step.item.rgb)[step.item.counts].square().mean()


def mask(step: Step) -> Tensor:
    """Mean squared error between opacity and the foreground mask."""
    return (step.seen.acc - step.item.mask)[step.item.counts].square().mean()


def entropy(step: Step) -> Tensor:
    """Mean binary entropy of the opacity, clamped to [1e-6, 1 - 1e-6]: without masks, rays should hit or miss."""
    p = step.seen.acc[step.item.counts].clamp(1e-6, 1 - 1e-6)
    return -(p * p.log() + (1 - p) * (1 - p).log()).mean()


def background(step: Step) -> Tensor:
    """By how much the colour loss, averaged over all backgrounds in [0, 1]^3, exceeds that over black; may be negative.

    Over a background b the error of a colour is d - a b, with d what it is over black and a = acc - mask. The mean of
    its square over uniform b is d^2 - d a + a^2 / 3. Over black alone dark parts may stay translucent.
    """
    item, counts = step.item, step.item.counts
    d, a = (step.seen.rgb - item.rgb)[counts].mean(dim=1), (step.seen.acc - item.mask)[counts]
    return (a * (a / 3 - d)).mean()


def kl(step: Step) -> Tensor:
    """Divergence of the image encoder's codes from N(0, 1), a dimension."""
    assert step.code is not None
    return step.code.kl().mean()


def empty(step: Step) -> Tensor:
    """Mean opacity of the lattice's points outside the visual hull, where there is nothing and no ray samples."""
    assert step.lattice is not None
    outside = ~step.lattice.hull
    return opacity_sum(step.lattice.sigma, outside, step.lattice.length) / outside.sum().clamp(min=1)


def surface(step: Step) -> Tensor:
    """Total variation of the lattice's opacity, a point: the area of surfaces, so that what no camera pins down is
    smooth."""
    assert step.lattice is not None
    return total_variation(step.lattice.sigma, step.lattice.length) / step.lattice.sigma.numel()


def psnr(mse: Tensor) -> Tensor:
    """-10 log10 of a mean squared error."""
    return -10 * torch.log10(mse)
