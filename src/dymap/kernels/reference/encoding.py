"""The encoding of points within a frame: planes and collapsed hash grids together (method.md 1 and 2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dymap.kernels.dispatch import operation
from dymap.kernels.reference.hashgrid import HashLevels, hash_encode_at
from dymap.kernels.reference.planes import ALL_PLANES, sample_planes


@operation
def encode(
    planes: Tensor | None, grids: Tensor | None, levels: HashLevels, position: Tensor, which: Sequence[int] = ALL_PLANES
) -> Tensor:
    """Planes [3, P, P, C] and collapsed hash grids [3, rows, F] at points, the hash features added to the first
    channels of the planes; either may be missing.

    position: [N, 3] in box coordinates; which: sum over these of the planes xy, xz, yz. Returns [N, C], without planes
    [N, L * F]. No gradient flows to positions.
    """
    sampled = None if planes is None else sample_planes(planes, position, which)
    hashed = None if grids is None else hash_encode_at(position, grids, levels, which)
    if sampled is None or hashed is None:
        found = hashed if sampled is None else sampled
        if found is None:
            raise ValueError("neither planes nor grids to encode with")
        return found
    width = hashed.shape[1]
    return torch.cat([sampled[:, :width] + hashed, sampled[:, width:]], dim=1)


@operation
def density(planes: Tensor, grids: Tensor, levels: HashLevels, position: Tensor) -> tuple[Tensor, Tensor]:
    """Raw density [N] and feature [N, C]: the encoding's first C channels are the feature, the other C the density
    coefficients, and the density is their inner product. planes: [3, P, P, 2 C]; see `encode`.
    """
    encoded = encode(planes, grids, levels, position)
    feature, coefficients = encoded.chunk(2, dim=1)
    return (feature * coefficients).sum(dim=-1), feature
