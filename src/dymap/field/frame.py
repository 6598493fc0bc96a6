"""Frame: the field at one time. Renderers, bake, meshes and the viewer know Frames and nothing behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from dymap import kernels
from dymap.config import FieldConfig
from dymap.field.decoder import Decoded
from dymap.field.directions import embed_directions
from dymap.field.hashgrid import HashAtTime
from dymap.kernels import ALL_PLANES, CellWeights, Tracer, cell_weights, mlp_maps, sample_planes


class Frame(Protocol):
    """Density and colour of the scene at one time. Whatever says these can be rendered, baked and meshed.

    Made by inheriting from this class: `box`, `density` and `colour` are enough.
    """

    box: Tensor
    """[2, 3] minimum and maximum, world, metres."""

    def density(self, position: Tensor) -> tuple[Tensor, Tensor]:
        """Box coordinates [N, 3] -> raw density sigma [N] (per metre, may be negative) and feature [N, C]."""
        ...

    def colour(self, position: Tensor, feature: Tensor, directions: Tensor, ray: Tensor | None = None) -> Tensor:
        """RGB [N, 3] in [0, 1] of points in box coordinates [N, 3] with features [N, C].

        directions: unit viewing directions [R, 3] of rays in the world; ray: [N] which of them a point is on, None:
        point i on ray i.
        """
        ...

    def normalise(self, points: Tensor, clamp: bool = True) -> Tensor:
        """World points [N, 3] -> box coordinates, [0, 1] inside; clamped there or not (method.md 1)."""
        position = (points - self.box[0]) / (self.box[1] - self.box[0])
        return position.clamp(0, 1) if clamp else position

    def density_lattice(self, lines: Sequence[Tensor]) -> Tensor:
        """Raw density [A, B, D] at all combinations of box coordinates, lines: x [A], y [B], z [D] in [0, 1]."""
        points = torch.cartesian_prod(*lines).view(-1, 3)
        return self.density(points)[0].view([len(line) for line in lines])

    def tracer(self, occupied: Tensor, step: float, fast: bool) -> Tracer | None:  # noqa: ARG002
        """Whole images in one call (see `dymap.kernels.open_tracer`); None if that cannot be done: they are then put
        together from densities and colours.

        occupied: [gx, gy, gz] bool over the box; step: metres between samples.
        """
        return None

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return self.box.nbytes


@dataclass(frozen=True, eq=False)
class GridFrame(Frame):
    """A Frame of planes, MLP maps and hash grids.

    planes: [3, P, P, 2 C] features and density coefficients side by side. maps: [3, S * S, n].
    """

    config: FieldConfig
    box: Tensor
    planes: Tensor
    maps: Tensor
    hash: HashAtTime

    @classmethod
    def from_decoded(cls, config: FieldConfig, box: Tensor, decoded: Decoded, hash: HashAtTime) -> GridFrame:
        planes = torch.cat([decoded.features.permute(0, 2, 3, 1), decoded.density.permute(0, 2, 3, 1)], dim=3)
        return cls(config, box, planes, decoded.maps, hash)

    def density(self, position: Tensor) -> tuple[Tensor, Tensor]:
        grids = self.hash.collapse_for(len(position))
        if grids is not None:
            return kernels.density(self.planes, grids, self.hash.levels, position)
        feature, coefficients = self.features(position)
        return (feature * coefficients).sum(dim=-1), feature

    def features(self, position: Tensor, which: Sequence[int] = ALL_PLANES) -> tuple[Tensor, Tensor]:
        """Box coordinates [N, 3] -> feature [N, C] (hash grids + triplane) and density coefficients [N, C].

        which: sum over these of the planes xy, xz, yz.
        """
        C = self.config.channels
        sampled = sample_planes(self.planes, position, which)  # [N, 2 C]
        return sampled[:, :C] + self.hash(position, which), sampled[:, C:]

    def density_lattice(self, lines: Sequence[Tensor]) -> Tensor:
        return kernels.density_lattice(self.planes, self.hash.collapse(), self.hash.levels, lines)

    def colour(self, position: Tensor, feature: Tensor, directions: Tensor, ray: Tensor | None = None) -> Tensor:
        views = embed_directions(directions, self.config.directions, self.config.direction_degree)
        return torch.sigmoid(mlp_maps(feature, views, ray, position, self.networks))

    @cached_property
    def networks(self) -> CellWeights:
        """The tiny MLPs with their first two linear layers multiplied out (exact), grouped by cell."""
        C, V, H = self.config.channels, self.config.view_dim, self.config.hidden
        if self.config.layers == 3:
            w1, w2, w3 = self.maps.split([C * H, (H + V) * H, H * 3], dim=-1)
            w1 = w1.unflatten(-1, (C, H))
            w2 = w2.unflatten(-1, (H + V, H))
            first = torch.cat([w1 @ w2[:, :, :H], w2[:, :, H:]], dim=2)
        else:
            first, w3 = self.maps.split([(C + V) * H, H * 3], dim=-1)
            first = first.unflatten(-1, (C + V, H))
        return cell_weights(first, w3.unflatten(-1, (H, 3)), self.config.map_size, self.config.overlap)

    def tracer(self, occupied: Tensor, step: float, fast: bool) -> Tracer | None:
        if type(self) is not GridFrame:
            return None  # densities or colours may be others than those of these tensors
        directions = self.config.directions, self.config.direction_degree
        grids, levels = self.hash.collapse(), self.hash.levels
        return kernels.open_tracer(
            self.planes, grids, levels, self.networks, directions, self.box, occupied, step, fast
        )

    @property
    def nbytes(self) -> int:
        derived = vars(self).get("networks")
        networks = 0 if derived is None else derived.first.nbytes + derived.second.nbytes
        return self.box.nbytes + self.planes.nbytes + self.maps.nbytes + self.hash.nbytes + networks
