"""Convolutions at chosen places only: what the decoder is made of when a part of an image is wanted (method.md 4)."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

PANEL = 16
"""Columns of weights that lie together for the core."""
PLACES = 4096
"""Places worked on at once."""


class Taps(NamedTuple):
    """A convolution's weights. panels: [ceil(outputs / width), taps * inputs, width], padded with zeros; bias:
    [outputs], or [rows, outputs] with one for every row of the output. slope: of the activation below zero; 1: none.
    """

    panels: Tensor
    bias: Tensor
    slope: float = 1.0


def pack_taps(weight: Tensor, bias: Tensor, slope: float = 1.0, width: int = PANEL) -> Taps:
    """weight: [taps, inputs, outputs], what output channels take from input channels at each tap. width: of a
    panel."""
    columns = F.pad(weight.flatten(0, 1), (0, -weight.shape[2] % width))
    return Taps(columns.unflatten(1, (-1, width)).transpose(0, 1).contiguous(), bias.contiguous(), slope)


@torch.no_grad()
def convolve(x: Tensor, at: Tensor, offset: Tensor, taps: Taps, to: Tensor, out: Tensor) -> None:
    """out[to[i]] = activation(bias + sum over k of x[at[i] + offset[k]] @ weight[k]).

    x: [rows, inputs], an image with its border, row by row; at, to: [N] int32; offset: [taps] int32, which is where the
    taps lie from the first one; out: [rows, outputs], of which other rows are left alone. Multiplies in the weights'
    type.
    """
    outputs = out.shape[1]
    x = x.to(taps.panels.dtype)
    columns = taps.panels.transpose(0, 1).flatten(1)[:, :outputs]  # [taps * inputs, outputs]
    for start in range(0, len(at), PLACES):
        rows = at[start : start + PLACES, None] + offset
        where = to[start : start + PLACES].long()
        sums = (x.index_select(0, rows.flatten()).view(len(rows), -1) @ columns).to(out)
        sums += taps.bias if taps.bias.ndim == 1 else taps.bias[where]
        out[where] = sums if taps.slope == 1 else F.leaky_relu(sums, taps.slope)
