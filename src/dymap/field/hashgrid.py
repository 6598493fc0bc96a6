"""The three time-dependent hash grids xyt, xzt, yzt (method.md 2)."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dymap.config import HashConfig
from dymap.kernels import ALL_PLANES, PLANE_AXES, HashLevels, collapse_time, hash_encode


class HashGrids(nn.Module):
    """Parameters of the three tables; each is [entries, features]."""

    def __init__(self, config: HashConfig):
        super().__init__()
        self.levels = HashLevels(config.levels, config.log2_size, config.base, config.finest)
        shape = (self.levels.offsets[-1], config.features)
        self.xyt, self.xzt, self.yzt = (nn.Parameter(torch.empty(shape).uniform_(-1e-4, 1e-4)) for _ in range(3))

    @property
    def tables(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.xyt, self.xzt, self.yzt

    def encode(self, position: Tensor, t: float, which: Sequence[int] = ALL_PLANES) -> Tensor:
        """position: [N, 3] in box coordinates; t in [0, 1]. Returns the sum [N, L * F] of the tables in `which`."""
        time = position.new_full((len(position), 1), t)
        encoded = [
            hash_encode(torch.cat([position[:, list(PLANE_AXES[plane])], time], dim=1), self.tables[plane], self.levels)
            for plane in which
        ]
        return functools.reduce(torch.add, encoded)

    def at(self, t: float) -> Tensor:
        """The three tables collapsed to 2D at one time: [3, levels.plane_offsets[-1], F] (exact)."""
        return collapse_time(self.tables, self.levels, t)
