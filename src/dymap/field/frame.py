"""Frame: the field at one time. Renderers, bake, meshes and the viewer know Frames and nothing behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from dymap.config import FieldConfig
from dymap.field.decoder import Decoded
from dymap.field.directions import embed_directions
from dymap.field.hashgrid import CollapsedHash
from dymap.kernels import ALL_PLANES, CellWeights, cell_weights, density, encode, mlp_maps, sample_planes


class HashFunction(Protocol):
    """The hash grids at one time."""

    def __call__(self, position: Tensor, *, which: Sequence[int] = ALL_PLANES) -> Tensor: ...

    def collapsed(self, points: int) -> CollapsedHash | None:
        """For a call with so many points; None: they are better looked up one by one."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Density and colour of the scene at one time.

    box: [2, 3] world, metres. planes: [3, P, P, 2 C] features and density coefficients side by side.
    maps: [3, S * S, n]. hash: (position [N, 3] in box coordinates, which planes) -> [N, C].
    """

    config: FieldConfig
    box: Tensor
    planes: Tensor
    maps: Tensor
    hash: HashFunction

    @classmethod
    def from_decoded(cls, config: FieldConfig, box: Tensor, decoded: Decoded, hash: HashFunction) -> Frame:
        planes = torch.cat([decoded.features.permute(0, 2, 3, 1), decoded.density.permute(0, 2, 3, 1)], dim=3)
        return cls(config, box, planes, decoded.maps, hash)

    @property
    def device(self) -> torch.device:
        return self.planes.device

    @property
    def channels(self) -> int:
        return self.config.channels

    def normalise(self, points: Tensor, clamp: bool = True) -> Tensor:
        """World points [N, 3] -> box coordinates, [0, 1] inside; clamped there or not (method.md 1)."""
        position = (points - self.box[0]) / (self.box[1] - self.box[0])
        return position.clamp(0, 1) if clamp else position

    def features(self, position: Tensor, which: Sequence[int] = ALL_PLANES) -> tuple[Tensor, Tensor]:
        """Box coordinates [N, 3] -> feature [N, C] (hash grids + triplane) and density coefficients [N, C].

        which: sum over these of the planes xy, xz, yz.
        """
        encoded = self._encode(position, which)
        return encoded[:, : self.channels], encoded[:, self.channels :]

    def density(self, position: Tensor) -> tuple[Tensor, Tensor]:
        """Box coordinates [N, 3] -> raw density sigma [N] (per metre, may be negative) and feature [N, C]."""
        collapsed = self.hash.collapsed(len(position))
        if collapsed is not None:
            return density(self.planes, collapsed.grids, collapsed.levels, position)
        feature, coefficients = self.features(position)
        return (feature * coefficients).sum(dim=-1), feature

    def _encode(self, position: Tensor, which: Sequence[int]) -> Tensor:
        """[N, 2 C] features and density coefficients side by side."""
        collapsed = self.hash.collapsed(len(position))
        if collapsed is not None:
            return encode(self.planes, collapsed.grids, collapsed.levels, position, which)
        sampled = sample_planes(self.planes, position, which)
        return torch.cat(
            [sampled[:, : self.channels] + self.hash(position, which=which), sampled[:, self.channels :]], 1
        )

    def colour(self, position: Tensor, feature: Tensor, directions: Tensor, ray: Tensor | None = None) -> Tensor:
        """RGB [N, 3] in [0, 1] of points in box coordinates [N, 3] with features [N, C].

        directions: unit viewing directions [R, 3] of rays in the world; ray: [N] which of them a point is on, None:
        point i on ray i.
        """
        views = embed_directions(directions, self.config.directions, self.config.direction_degree)
        return torch.sigmoid(mlp_maps(feature, views, ray, position, self.networks))

    @cached_property
    def networks(self) -> CellWeights:
        """The tiny MLPs with their first two linear layers multiplied out (exact), grouped by cell."""
        C, V, H = self.channels, self.config.view_dim, self.config.hidden
        if self.config.layers == 3:
            w1, w2, w3 = self.maps.split([C * H, (H + V) * H, H * 3], dim=-1)
            w1 = w1.unflatten(-1, (C, H))
            w2 = w2.unflatten(-1, (H + V, H))
            first = torch.cat([w1 @ w2[:, :, :H], w2[:, :, H:]], dim=2)
        else:
            first, w3 = self.maps.split([(C + V) * H, H * 3], dim=-1)
            first = first.unflatten(-1, (C + V, H))
        return cell_weights(first, w3.unflatten(-1, (H, 3)), self.config.map_size, self.config.overlap)
