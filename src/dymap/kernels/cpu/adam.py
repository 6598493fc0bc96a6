"""One step of Adam."""

from __future__ import annotations

import torch
from torch import Tensor

from dymap import _core
from dymap.kernels.cpu.backend import cpu
from dymap.kernels.reference import adam as reference
from dymap.kernels.reference.adam import AdamStep


@cpu.implements(reference.adam)
def adam(parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, how: AdamStep) -> None:
    _core.adam(
        parameter,
        gradient,
        mean,
        square,
        how.rate,
        *how.betas,
        how.epsilon,
        *how.corrections,
        how.clip,
        how.lazy,
        torch.get_num_threads(),
    )
