"""One step of Adam, in place, for all of a tensor or only where it has a gradient."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dymap.kernels.dispatch import operation

LAZY_BLOCK = 16
"""Values that a lazy step treats alike."""


class AdamStep(NamedTuple):
    """step: counts from 1; clip: gradients are clipped by value to this."""

    step: int
    rate: float
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    clip: float = float("inf")
    lazy: bool = False

    @property
    def corrections(self) -> tuple[float, float]:
        """1 - beta^step of both moments."""
        return 1 - self.betas[0] ** self.step, 1 - self.betas[1] ** self.step


@operation
@torch.no_grad()
def adam(parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, how: AdamStep) -> None:
    """Move a parameter and its moments (contiguous, of one shape) by one step.

    Lazy: blocks of LAZY_BLOCK consecutive values without any gradient keep values and moments, and the
    gradient is zero afterwards: made for large tables of which a step touches a small part.
    """
    flat = [t.view(-1) for t in (parameter, gradient, mean, square)]
    chosen: Tensor | slice = slice(None)
    if how.lazy:
        touched = flat[1] != 0
        blocks = F.pad(touched, (0, -len(touched) % LAZY_BLOCK)).view(-1, LAZY_BLOCK).any(dim=1)
        chosen = torch.nonzero(blocks.repeat_interleave(LAZY_BLOCK)[: len(touched)])[:, 0]
    p, g, m, v = (t[chosen] for t in flat)
    g = g.clamp(-how.clip, how.clip)
    m = m.lerp(g, 1 - how.betas[0])
    v = v * how.betas[1] + (1 - how.betas[1]) * g * g
    first, second = how.corrections
    p = p - how.rate / first * m / (v.sqrt() / second**0.5 + how.epsilon)
    for tensor, value in zip((flat[0], flat[2], flat[3]), (p, m, v), strict=True):
        tensor[chosen] = value
    if how.lazy:
        gradient.zero_()
