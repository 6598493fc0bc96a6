"""The three time-dependent hash grids xyt, xzt, yzt (method.md 2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dymap.config import HashConfig
from dymap.kernels import ALL_PLANES, HashLevels, collapse_time, hash_encode_3d, hash_encode_at


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

    def at(self, t: float) -> HashAtTime:
        """The grids at one time in [0, 1]."""
        return HashAtTime(self, t)


class HashAtTime:
    """The hash grids at one time: looked up in 3D as long as that is less work than to collapse them to 2D (exact),
    then collapsed, and kept so.

    grids: [3, levels.plane_offsets[-1], F], if they are collapsed already.
    """

    def __init__(self, hash: HashGrids, t: float, grids: Tensor | None = None):
        self.levels = hash.levels
        self._tables, self._t = hash.tables if grids is None else None, t  # a clip lets fields go that do not play
        # Without gradients and with them: what was collapsed in one mode is of no use in the other.
        self._kept: dict[bool, Tensor] = {} if grids is None else {False: grids, True: grids}

    def collapse(self) -> Tensor:
        """[3, levels.plane_offsets[-1], F] collapsed grids, made at the first call."""
        mode = torch.is_grad_enabled()
        if mode not in self._kept:
            assert self._tables is not None
            self._kept[mode] = collapse_time(self._tables, self.levels, self._t)
        return self._kept[mode]

    def collapse_for(self, points: int) -> Tensor | None:
        """Collapsed grids for a call with so many points, if they are there or that pays: a point reads eight entries a
        level and table, in random order; a vertex of the collapsed grids reads two, in order."""
        pays = 8 * self.levels.levels * points >= 2 * self.levels.plane_offsets[-1]
        return self.collapse() if pays or torch.is_grad_enabled() in self._kept else None

    def __call__(self, position: Tensor, which: Sequence[int] = ALL_PLANES) -> Tensor:
        """position: [N, 3] in box coordinates. Returns the sum [N, L * F] of the tables in `which`."""
        grids = self.collapse_for(len(position))
        if grids is None:
            assert self._tables is not None
            return hash_encode_3d(self._tables, self.levels, self._t, position, which)
        return hash_encode_at(position, grids, self.levels, which)

    @property
    def nbytes(self) -> int:
        """Memory of the collapsed grids."""
        return sum(grids.nbytes for grids in {id(kept): kept for kept in self._kept.values()}.values())
