"""The back end `cpu`, and what all its operations need: plain tensors, sizes of hash levels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from dymap import _core
from dymap.kernels.dispatch import Backend
from dymap.kernels.reference.hashgrid import HashLevels

cpu = Backend("cpu", "cpu", torch.float32, tuple(_core.variants()), _core.use)
cpu.variant = _core.variant()  # perhaps one that the environment has chosen


@cache
def core_levels(levels: HashLevels, features: int) -> _core.Levels:
    """The sizes as the core holds them."""
    return _core.Levels(features, levels.scales, levels.resolutions, levels.lengths)


def plain(tensor: Tensor) -> Tensor:
    """Contiguous, without gradient: what the core reads."""
    return tensor.detach().contiguous()


def bits(which: Sequence[int]) -> int:
    """A set of planes as the core takes it."""
    return sum(1 << plane for plane in which)
