"""The decoder: one 2D CNN, shared by all frames, from a code to planes and MLP maps (method.md 4)."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dymap.config import FieldConfig
from dymap.field.layers import ScaledLinear, ScaledUpsample


class Decoded(NamedTuple):
    """What one code becomes; planes in the order xy, xz, yz.

    features, density: [3, C, P, P] (row = second axis, column = first axis).
    maps: [3, S * S, n] parameters of the networks, index = first * S + second.
    """

    features: Tensor
    density: Tensor
    maps: Tensor


def backbone_widths(config: FieldConfig) -> list[int]:
    """Channels before and after each upsampling: the same at even steps, half at odd ones, width / 4 at the last."""
    steps = int(math.log2(config.plane_size)) - 2
    widths = [config.width]
    for i in range(steps):
        widths.append(widths[-1] if i % 2 == 0 else widths[-1] // 2)
    widths[-1] = config.width // 4
    return widths


def trunk_widths(config: FieldConfig) -> list[int]:
    """Channels before and after each halving towards the MLP maps: the same at even steps, double at odd ones."""
    steps = int(math.log2(config.plane_size // config.map_size))
    widths = [config.width // 4]
    for i in range(steps):
        widths.append(widths[-1] * (1 if i % 2 == 0 else 2))
    return widths


INITIAL_DENSITY = 5.0
"""Density everywhere at a quick start, per metre."""
DENSITY_EVERY = 4
DENSITY_COEFFICIENT = 20.0


class PlaneDecoder(nn.Module):
    """code [code_dim] -> Decoded."""

    def __init__(self, config: FieldConfig):
        super().__init__()
        self.config = config
        up = backbone_widths(config)
        sizes = [8 * 2**i for i in range(len(up) - 1)]
        self.code = ScaledLinear(config.code_dim, config.width * 16, leaky=True)
        self.up = nn.Sequential(*[ScaledUpsample(a, b, s) for a, b, s in zip(up, up[1:], sizes, strict=False)])
        self.features = nn.Conv2d(up[-1], 3 * config.channels, 3, padding=1)
        self.density = nn.Conv2d(up[-1], 3 * config.channels, 3, padding=1)
        trunk = trunk_widths(config)
        down: list[nn.Module] = []
        for a, b in itertools.pairwise(trunk):
            down += [nn.Conv2d(a, b, 3, stride=2, padding=1), nn.ReLU()]
        self.trunk = nn.Sequential(*down)
        # One head for each map; xy comes from the head of the axis it leaves out, and so on.
        self.map_x, self.map_y, self.map_z = (nn.Conv2d(trunk[-1], config.map_params, 3, padding=1) for _ in range(3))

    @torch.no_grad()
    def quick_start(self) -> None:
        """Other initial values than the published ones, for short trainings; what is computed stays the same.

        Density: positive everywhere (a light fog of some 5 per metre), so that every sample has a gradient; from
        the published start half of the space has none, relu being flat there. It begins in every DENSITY_EVERY-th
        channel, with a large coefficient: there features of ordinary size make a sharp surface, and the other
        channels are left to the colours, which would drown in the density's larger gradients. Colour: the heads'
        biases become one well-scaled network that all cells share; from the published start the product of three
        small layers hardly passes a gradient.
        """
        dense = (torch.arange(self.config.channels) % DENSITY_EVERY == 0).float().repeat(3)
        head_bias(self.density).copy_(dense * DENSITY_COEFFICIENT)
        self.features.weight.mul_(torch.where(dense > 0, 0.1 / DENSITY_COEFFICIENT, 0.05)[:, None, None, None])
        # Planes of features f and coefficients d are each summed over three planes: sigma = channels (3 f) (3 d).
        channels = -(-self.config.channels // DENSITY_EVERY)
        head_bias(self.features).copy_(dense * INITIAL_DENSITY / (9 * channels * DENSITY_COEFFICIENT))
        C, V, H = self.config.channels, self.config.view_dim, self.config.hidden
        for head in (self.map_x, self.map_y, self.map_z):
            hidden = torch.randn((H if self.config.layers == 3 else C) + V, H)
            layers = [hidden * math.sqrt(2 / len(hidden)), torch.randn(H, 3) / math.sqrt(H)]
            if self.config.layers == 3:
                layers.insert(0, torch.randn(C, H) / math.sqrt(C))
            head_bias(head).copy_(torch.cat([layer.reshape(-1) for layer in layers]))

    def forward(self, code: Tensor) -> Decoded:
        """code: [code_dim]. See Decoded for the shapes."""
        x = self.up(self.code(code[None]).reshape(1, self.config.width, 4, 4))
        trunk = self.trunk(x)
        maps = torch.cat([head(trunk) for head in (self.map_z, self.map_y, self.map_x)])
        return Decoded(*self._planes(x), maps.flatten(2).transpose(1, 2))

    def _planes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[1, c, P, P] -> features, density [3, C, P, P]: both heads, of blocks xy | yz | xz, in one convolution."""
        heads = self.features, self.density
        blocks = [(head.weight.chunk(3)[at], head_bias(head).chunk(3)[at]) for at in (0, 2, 1) for head in heads]
        weights, biases = zip(*blocks, strict=True)
        planes = F.conv2d(x, torch.cat(weights), torch.cat(biases), padding=1).unflatten(1, (3, 2, -1))[0]
        return planes[:, 0], planes[:, 1]


def head_bias(convolution: nn.Conv2d) -> Tensor:
    assert convolution.bias is not None
    return convolution.bias
