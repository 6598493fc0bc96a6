"""Convolutions at chosen places only: what the decoder is made of when a part of an image is needed (method.md 4).

Weights are packed once for many calls, by the back end that will use them, in a layout of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from dymap.kernels.dispatch import operation

PLACES = 4096
"""Places worked on at once."""


class PackedConv(Protocol):
    """A convolution whose weights are ready."""

    def __call__(self, x: Tensor, at: Tensor, offset: Tensor, to: Tensor, out: Tensor) -> None:
        """out[to[i]] = activation(bias + sum over k of x[at[i] + offset[k]] @ weight[k]).

        x: [rows, inputs], an image with its border, row by row; at, to: [N] int32; offset: [taps] int32, how far each
        tap lies from the first; out: [rows, outputs], whose other rows keep their values. Raises ValueError or
        IndexError for places outside x or out.
        """


@operation
def pack_conv(weight: Tensor, bias: Tensor, slope: float = 1.0) -> PackedConv:
    """Get a convolution ready, without gradients.

    weight: [taps, inputs, outputs], what output channels take from input channels at each tap; bias: [outputs], or
    [rows, outputs] with one for every row of the output; slope: of the activation below zero, 1: none.
    """
    return ReferenceConv(weight.flatten(0, 1).contiguous(), bias.contiguous(), slope)


@dataclass(frozen=True, eq=False)
class ReferenceConv:
    """weight: [taps * inputs, outputs]; bias, slope: as `pack_conv` takes them."""

    weight: Tensor
    bias: Tensor
    slope: float

    @torch.no_grad()
    def __call__(self, x: Tensor, at: Tensor, offset: Tensor, to: Tensor, out: Tensor) -> None:
        for start in range(0, len(at), PLACES):
            rows = at[start : start + PLACES, None] + offset
            where = to[start : start + PLACES].long()
            sums = x.index_select(0, rows.flatten()).view(len(rows), -1) @ self.weight
            sums += self.bias if self.bias.ndim == 1 else self.bias[where]
            sums = sums if self.slope == 1 else F.leaky_relu(sums, self.slope)
            out.index_copy_(0, where, sums)  # unlike an assignment it refuses negative places
