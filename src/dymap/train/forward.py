"""The forward pass of an item: what its rays see of the field, and what the losses need beside it.

    box_forward    published: samples fill the frame's box (method.md 5, 6)
    hull_forward   ours: samples lie in the masks' visual hull, most of them where a density lattice of the frame says
                   that something is seen

Both make a Step, of which every loss is a function (losses.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dymap.config import Config
from dymap.field.codes import CodeDistribution, ImageEncoder
from dymap.field.field import Field
from dymap.field.frame import GridFrame
from dymap.geometry.grid import grid_shape, lookup, scattered_lines
from dymap.kernels import hull_depths
from dymap.render.image import Rendered
from dymap.render.march import march_step
from dymap.render.sampling import intervals, ray_depths
from dymap.render.volume import integrate
from dymap.train.batches import BatchSampler, Item
from dymap.train.colours import ColourMatch


@dataclass(frozen=True, eq=False)
class Lattice:
    """One point in each voxel of a grid [a, b, d] over the frame's box.

    sigma: [a, b, d] raw densities there; hull: [a, b, d] bool, whether the point lies in the visual hull; length: a
    marching step, metres, over which opacities are compared.
    """

    sigma: Tensor
    hull: Tensor
    length: float


@dataclass(frozen=True, eq=False)
class Step:
    """What a step knows of an item after the forward pass; differentiable.

    field: which other frames, codes and parameters may be asked of; frame: the field at the item's time; seen: what its
    rays see; code: where the frame's code was drawn from, with an image encoder; lattice: with `hull_samples`; colours:
    of the cameras, in which `seen` is, with `colour_match`.
    """

    field: Field
    frame: GridFrame
    item: Item
    seen: Rendered
    code: CodeDistribution | None = None
    lattice: Lattice | None = None
    colours: ColourMatch | None = None


class Draws:
    """Random numbers of a step: drawn on the CPU, so that every device draws the same."""

    def __init__(self, seed: int, device: torch.device | str = "cpu"):
        self._generator, self._device = torch.Generator().manual_seed(seed), device

    def uniform(self, *shape: int) -> Tensor:
        """In [0, 1)."""
        return torch.rand(*shape, generator=self._generator).to(self._device)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal."""
        return torch.randn(*shape, generator=self._generator).to(self._device)


def forward(
    field: Field,
    item: Item,
    sampler: BatchSampler,
    config: Config,
    draws: Draws,
    colours: ColourMatch | None = None,
) -> Step:
    """The recipe that the configuration asks for. colours: of the cameras, with `colour_match`."""
    recipe = hull_forward if config.train.hull_samples else box_forward
    step = recipe(field, item, sampler, config, draws)
    if colours is None or item.views is None:
        return step
    return replace(step, seen=colours(step.seen, item.views), colours=colours)


def box_forward(field: Field, item: Item, sampler: BatchSampler, config: Config, draws: Draws) -> Step:
    """The published recipe: stratified samples between the two faces of the box that a ray meets."""
    frame, code = frame_of(field, item, sampler, draws)
    rays, samples = item.rays, config.render.samples
    z = ray_depths(rays.near, rays.far, samples, draws.uniform(len(rays), samples))
    views = noisy(rays.directions, config.train.view_noise, draws)
    seen = integrate(frame, rays, z, intervals(z), config.train.colour_threshold, views)
    return Step(field, frame, item, seen, code)


def hull_forward(field: Field, item: Item, sampler: BatchSampler, config: Config, draws: Draws) -> Step:
    """Our recipe: densities on a lattice first, which draw the samples of the rays to what is visible."""
    frame, code = frame_of(field, item, sampler, draws)
    rays, train, hull = item.rays, config.train, sampler.hull(item.frame)
    shape = grid_shape(frame.box.cpu().numpy(), train.proposal_grid)
    lines = scattered_lines([draws.uniform(n) for n in shape])
    sigma = frame.density_lattice(lines)
    lattice = Lattice(sigma, lookup(hull, lines), march_step(frame.box, config.render.max_samples))
    jitter = draws.uniform(len(rays), train.hull_samples)
    ends = (rays.origins, rays.directions, rays.near, rays.far)
    z, dist, hit = hull_depths(*ends, frame.box, hull, jitter, sigma.detach())
    chosen = torch.nonzero(hit)[:, 0]
    views = noisy(rays.directions, train.view_noise, draws)[chosen]
    seen = integrate(frame, rays[chosen], z[chosen], dist[chosen], train.colour_threshold, views)
    return Step(field, frame, item, seen.among(rays, chosen), code, lattice)


def frame_of(
    field: Field, item: Item, sampler: BatchSampler, draws: Draws
) -> tuple[GridFrame, CodeDistribution | None]:
    """The Frame of an item, from the code that was learned or one drawn from the image encoder's distribution."""
    if not isinstance(field.codes, ImageEncoder):
        return field.at(item.frame), None
    code = field.encode(sampler.encoder_images(item.frame, field.config.encoder_views))
    return field.at(item.frame, code.sample(draws.normal(1, field.config.code_dim))[0]), code


def noisy(directions: Tensor, noise: float, draws: Draws) -> Tensor:
    """Directions that the colours are learned from: few cameras teach little about reflections."""
    if not noise:
        return directions
    return torch.nn.functional.normalize(directions + noise * draws.normal(*directions.shape), dim=1)
