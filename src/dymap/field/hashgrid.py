"""The three time-dependent hash grids xyt, xzt, yzt (method.md 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dymap.config import HashConfig
from dymap.kernels import ALL_PLANES, HashLevels, Memory, collapse_time, encode, hash_encode_3d


class HashGrids(nn.Module):
    """Parameters of the three tables; each is [entries, features].

    gradients: None, or tensors of their shapes that the gradients are added to in place of `.grad` (see
    `dymap.kernels.collapse_time`).
    """

    gradients: Sequence[Tensor] | None = None

    def __init__(self, config: HashConfig):
        super().__init__()
        self.levels = HashLevels(config.levels, config.log2_size, config.base, config.finest)
        shape = (self.levels.offsets[-1], config.features)
        self._memory = Memory()
        self.xyt, self.xzt, self.yzt = (nn.Parameter(torch.empty(shape).uniform_(-1e-4, 1e-4)) for _ in range(3))

    @property
    def tables(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.xyt, self.xzt, self.yzt

    def encode(self, position: Tensor, t: float, which: Sequence[int] = ALL_PLANES) -> Tensor:
        """position: [N, 3] in box coordinates; t in [0, 1]. Returns the sum [N, L * F] of the tables in `which`."""
        return hash_encode_3d(self.tables, self.levels, t, position, which)

    def at(self, t: float, needed: Tensor | None = None) -> CollapsedHash:
        """The three tables collapsed to 2D at one time (exact).

        needed: [3, P, P] bool pixels of the planes (row = second axis) around which alone it is used; no gradients.
        """
        return CollapsedHash(
            collapse_time(self.tables, self.levels, t, self.gradients, needed, self._memory), self.levels
        )


@dataclass(frozen=True, eq=False)
class PointwiseHash:
    """The hash grids at one time, looked up in 3D where that is less work than to collapse them first."""

    hash: HashGrids
    t: float

    def __call__(self, position: Tensor, *, which: Sequence[int] = ALL_PLANES) -> Tensor:
        """position: [N, 3] in box coordinates. Returns the sum [N, L * F] of the planes in `which`."""
        collapsed = self.collapsed(len(position))
        return self.hash.encode(position, self.t, which) if collapsed is None else collapsed(position, which=which)

    def collapsed(self, points: int) -> CollapsedHash | None:
        """Collapsed for a call with so many points, if that pays: a point reads eight entries a level and table, in
        random order; a vertex of the collapsed grids reads two, in order."""
        levels = self.hash.levels
        return self.hash.at(self.t) if 8 * levels.levels * points >= 2 * levels.plane_offsets[-1] else None


@dataclass(frozen=True, eq=False)
class CollapsedHash:
    """The hash grids at one time. grids: [3, levels.plane_offsets[-1], F]."""

    grids: Tensor
    levels: HashLevels

    def collapsed(self, points: int) -> CollapsedHash:  # noqa: ARG002
        """Itself."""
        return self

    def __call__(self, position: Tensor, *, which: Sequence[int] = ALL_PLANES) -> Tensor:
        """position: [N, 3] in box coordinates. Returns the sum [N, L * F] of the planes in `which`."""
        return encode(None, self.grids, self.levels, position, which)
