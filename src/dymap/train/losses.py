"""Losses (method.md 6): each is one function of a Step, all alike, and a table says which are minimised.

    colour       rays    error of colours
    mask         rays    opacity against the foreground mask
    entropy      rays    without masks: rays should hit or miss
    background   rays    error of colours over all backgrounds, beside that over black
    kl           items   codes of the image encoder against N(0, 1)
    empty        items   opacity outside the visual hull
    surface      items   area of surfaces
    colours      items   difference of the cameras' colour matrices from the identity

Losses of rays are means over the rays that count (not in the silhouette's edge band) of all items together; losses of
items are means over items. A loss of one's own on planes, codes, the lattice or the frame is one more entry of the
table: examples/06_add_a_loss.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from dymap.config import Config
from dymap.errors import InputError
from dymap.kernels import opacity_sum, total_variation
from dymap.train.forward import Lattice, Step


class Loss(NamedTuple):
    """A term of what is minimised: weight * the mean over rays or items of a function of a Step."""

    function: Callable[[Step], Tensor]
    weight: float = 1.0
    over: Literal["rays", "items"] = "items"


Losses = Mapping[str, Loss]
"""By the name under which a loss is logged."""


def losses_of(config: Config) -> dict[str, Loss]:
    """Those that a configuration asks for: the published ones, and ours."""
    train = config.train
    masks, hull = train.use_masks, train.hull_samples > 0
    over_all = masks and train.any_background  # says what the mask's loss says, and more
    table = {
        "colour": (True, Loss(colour, 1.0, "rays")),
        "mask": (masks and not over_all, Loss(mask, train.mask_weight, "rays")),
        "entropy": (not masks, Loss(entropy, train.mask_weight, "rays")),
        "background": (over_all, Loss(background, 1.0, "rays")),
        "kl": (config.field.codes == "encoder", Loss(kl, train.kl_weight)),
        "empty": (hull, Loss(empty, train.empty_weight)),
        "surface": (hull and train.surface_weight > 0, Loss(surface, train.surface_weight)),
        "colours": (train.colour_match, Loss(colours, train.colour_weight)),
    }
    return {name: loss for name, (wanted, loss) in table.items() if wanted}


def published_losses(config: Config) -> dict[str, Loss]:
    """The published ones of them: colour; mask, or entropy without masks; KL with an image encoder."""
    return losses_of(replace(config, train=replace(config.train, any_background=False, hull_samples=0)))


def colour(step: Step) -> Tensor:
    """Mean squared error of colours.

    A pixel without a mask may show background. It is compared as if what was filmed stood behind the field too: where
    the colours agree, opacity is pulled neither way.
    """
    filmed = step.item.rgb
    if (unknown := step.item.unknown) is not None and unknown.any():
        filmed = torch.where(unknown[:, None], step.seen.acc.detach()[:, None] * filmed, filmed)
    return (step.seen.rgb - filmed)[step.item.counts].square().mean()


def mask(step: Step) -> Tensor:
    """Mean squared error between opacity and the foreground mask."""
    known = step.item.masked
    return (step.seen.acc - step.item.mask)[known].square().mean() if known.any() else step.seen.acc.sum() * 0


def entropy(step: Step) -> Tensor:
    """Mean binary entropy of the opacity, clamped to [1e-6, 1 - 1e-6]: without masks, rays should hit or miss."""
    p = step.seen.acc[step.item.counts].clamp(1e-6, 1 - 1e-6)
    return -(p * p.log() + (1 - p) * (1 - p).log()).mean()


def background(step: Step) -> Tensor:
    """By how much the colour loss, averaged over all backgrounds in [0, 1]^3, exceeds that over black; may be negative.

    Over a background b the error of a colour is d - a b, with d what it is over black and a = acc - mask. The mean of
    its square over uniform b is d^2 - d a + a^2 / 3. Over only black, dark parts may stay translucent.

    This is the part beside d^2, which is below 0 while errors of colour and opacity have the same sign, so that they
    cancel over brighter backgrounds. With the loss `colour`, to which it is added, it is a mean of squares, and that is
    never below 0: of the two only their sum says how good the model is.
    """
    item, counts = step.item, step.item.masked
    if not counts.any():
        return step.seen.acc.sum() * 0
    d, a = (step.seen.rgb - item.rgb)[counts].mean(dim=1), (step.seen.acc - item.mask)[counts]
    return (a * (a / 3 - d)).mean()


def kl(step: Step) -> Tensor:
    """Divergence of the image encoder's codes from N(0, 1), a dimension."""
    assert step.code is not None
    return step.code.kl().mean()


def empty(step: Step) -> Tensor:
    """Mean opacity of the lattice's points outside the visual hull, where there is nothing and no ray samples."""
    lattice = lattice_of(step)
    outside = ~lattice.hull
    return opacity_sum(lattice.sigma, outside, lattice.length) / outside.sum().clamp(min=1)


def surface(step: Step) -> Tensor:
    """Total variation of the lattice's opacity, a point: the area of surfaces, so that what no camera pins down is
    smooth."""
    lattice = lattice_of(step)
    return total_variation(lattice.sigma, lattice.length) / lattice.sigma.numel()


def colours(step: Step) -> Tensor:
    """Squared difference of the cameras' colour matrices from the identity, a camera."""
    if step.colours is None:
        raise InputError("this loss looks at the colours of cameras, which are learned only with train.colour_match")
    return step.colours.change.square().sum(dim=(1, 2)).mean()


def lattice_of(step: Step) -> Lattice:
    """The step's lattice. Raises InputError if the recipe makes none."""
    if step.lattice is None:
        raise InputError("this loss looks at densities on a lattice, which there are only with train.hull_samples")
    return step.lattice


def psnr(mse: Tensor) -> Tensor:
    """-10 log10 of a mean squared error."""
    return -10 * torch.log10(mse)
