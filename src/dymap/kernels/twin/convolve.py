"""Convolutions at chosen places only: what the decoder is made of when a part of an image is wanted (method.md 4)."""

from __future__ import annotations

import math
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
        sums = sums if taps.slope == 1 else F.leaky_relu(sums, taps.slope)
        out.index_copy_(0, where, sums)  # unlike an assignment it refuses negative places


POINTS = 4
"""Points along an axis that squares are multiplied at: 0, 1, -1 and infinity."""


class Squares(NamedTuple):
    """Weights of a convolution over squares of pixels.

    taps: the plain ones; or points: [16, panels, inputs, width], for the core: their values at 4x4 points (Winograd's
    F(m x m, r x r)). tile: places a side that these give at once. bias, slope: see Taps.
    """

    taps: Taps | None
    points: Tensor | None
    tile: int
    bias: Tensor
    slope: float

    @property
    def side(self) -> int:
        """Pixels of a square, a side."""
        return POINTS + 1 - self.tile


def pack_squares(weight: Tensor, bias: Tensor, slope: float = 1.0, points: bool = False) -> Squares:
    """weight: [outputs, inputs, side, side], side 3 or 2. points: for the core, otherwise plain."""
    side = weight.shape[2]
    if not points:
        plain = pack_taps(weight.flatten(2).permute(2, 1, 0), bias, slope, weight.shape[0])
        return Squares(plain, None, POINTS + 1 - side, plain.bias, slope)
    at = _at_points(side).to(weight.device)
    rows = torch.einsum("ia,oqab->ibqo", at, weight.double())
    all_points = torch.einsum("jb,ibqo->ijqo", at, rows).flatten(0, 1).to(weight.dtype)
    panels = F.pad(all_points, (0, -weight.shape[0] % PANEL)).unflatten(2, (-1, PANEL)).transpose(1, 2).contiguous()
    return Squares(None, panels, POINTS + 1 - side, bias.contiguous(), slope)


def _at_points(side: int) -> Tensor:
    """[4, side]: coefficients to values at the points, as Winograd's F(m, side) wants them."""
    rows = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]]
    if side == 2:
        rows = [[1.0, 0.0], [0.5, 0.5], [0.5, -0.5], [0.0, 1.0]]
    return torch.tensor(rows, dtype=torch.float64)


def convolve_squares(
    x: Tensor,
    wanted: Tensor,
    squares: Squares,
    out: Tensor,
    first: tuple[int, int] = (0, 0),
    to: int = 0,
    out_side: int = 0,
    step: int = 1,
) -> None:
    """A convolution at the wanted places of an image.

    x: [side * side, inputs], an image with its border. wanted: [h, h] bool: place (r, c) reads the square that begins
    at pixel (r, c) + first, and is written to row to + (r * out_side + c) * step of out [rows, outputs]; out_side: 0
    means h. Other rows are left alone. The core works in tiles (see Squares), reads all pixels around one, and computes
    what is wanted to float32's accuracy, not to its last bit.
    """
    taps = squares.taps
    if taps is None:
        assert squares.points is not None
        back = torch.linalg.pinv(_at_points(squares.side)).to(x.device)
        points = squares.points.double().transpose(1, 2).flatten(2)[:, :, : out.shape[1]].unflatten(0, (POINTS, POINTS))
        weight = torch.einsum("ai,bj,ijqo->abqo", back, back, points).flatten(0, 1).to(x.dtype)
        taps = pack_taps(weight, squares.bias, squares.slope, weight.shape[2])
    row, column = (places.int() for places in torch.nonzero(wanted, as_tuple=True))
    side, steps = math.isqrt(len(x)), torch.arange(squares.side, dtype=torch.int32, device=x.device)
    at = (row + first[0]) * side + column + first[1]
    where = to + (row * (out_side or len(wanted)) + column) * step
    convolve(x, at, (steps[:, None] * side + steps).flatten(), taps, where, out)
