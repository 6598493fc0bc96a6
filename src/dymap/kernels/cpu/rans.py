"""Entropy coding."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dymap import _core
from dymap.kernels.cpu.backend import cpu
from dymap.kernels.reference import rans as reference


@cpu.implements(reference.rans_decode)
def rans_decode(data: Tensor, place: Tensor, which: Tensor, frequencies: Tensor) -> Tensor:
    out = torch.empty(len(which), dtype=torch.uint8)
    _core.rans_decode(data, place, which.contiguous(), frequencies.contiguous(), out)
    return out


@cpu.implements(reference.rans_encode)
def rans_encode(calls: Sequence[tuple[Tensor, Tensor]], frequencies: Tensor) -> Tensor:
    held = [which.contiguous() for which, _ in calls], [symbols.contiguous() for _, symbols in calls]
    most = reference.HEAD + 2 * sum(len(which) for which in held[0])
    out = torch.empty(most, dtype=torch.uint8)
    return out[_core.rans_encode(*held, frequencies.contiguous(), out) :].clone()
