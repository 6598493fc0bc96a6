"""Frames whose images are known in closed form, and rays through them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dymap.field.frame import Frame
from dymap.geometry.rays import Rays, slab_test

BOX = torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]], dtype=torch.float64)


@dataclass
class Analytic(Frame):
    """A Frame by its density and colour as functions of world points; counts what it is asked for."""

    sigma: Callable[[Tensor], Tensor]
    rgb: Callable[[Tensor], Tensor]
    box: Tensor = field(default_factory=lambda: BOX)
    asked: list[int] = field(default_factory=lambda: [0, 0])

    def world(self, position: Tensor) -> Tensor:
        return self.box[0] + position * (self.box[1] - self.box[0])

    def density(self, position: Tensor) -> tuple[Tensor, Tensor]:
        self.asked[0] += len(position)
        return self.sigma(self.world(position)), position.new_zeros(len(position), 1)

    def colour(self, position: Tensor, feature: Tensor, directions: Tensor, ray: Tensor | None = None) -> Tensor:
        assert len(position) == len(feature) == len(directions if ray is None else ray)
        self.asked[1] += len(position)
        return self.rgb(self.world(position))


def analytic(sigma: Callable[[Tensor], Tensor] | float, rgb: Callable[[Tensor], Tensor] | None = None) -> Analytic:
    """A Frame of constant density, or of a function; colours follow the position unless given."""
    density = sigma if callable(sigma) else lambda p: p.new_full((len(p),), sigma)
    return Analytic(density, rgb or (lambda p: (p + 1) / 2))


def ball(p: Tensor) -> Tensor:
    """Density of a soft ball of radius 0.6, negative outside."""
    return 40 * (0.36 - p.square().sum(-1))


def rays(count: int = 50, seed: int = 0) -> Rays:
    """Rays from outside towards points near the middle of BOX; float64."""
    g = torch.Generator().manual_seed(seed)
    o = torch.nn.functional.normalize(torch.randn(count, 3, generator=g, dtype=torch.float64), dim=1) * 4
    target = torch.rand(count, 3, generator=g, dtype=torch.float64) - 0.5
    d = torch.nn.functional.normalize(target - o, dim=1)
    near, far, hit = slab_test(o, d, BOX)
    assert hit.all()
    return Rays(o, d, near, far)
