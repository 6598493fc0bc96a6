"""Convolutions at chosen places: weights in panels of columns, or at Winograd's points."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dymap import _core
from dymap.kernels.cpu.backend import cpu, plain
from dymap.kernels.reference.convolve import PackedConv, pack_conv
from dymap.kernels.reference.winograd import WinogradConv, pack_winograd

PANEL = 16
"""Columns of weights that lie together."""
POINTS = 4
"""Points along an axis that squares are multiplied at: 0, 1, -1 and infinity."""


@dataclass(frozen=True, eq=False)
class PanelConv:
    """weight: [ceil(outputs / PANEL), taps * inputs, PANEL], padded with zeros; bias, slope: see `pack_conv`."""

    weight: Tensor
    bias: Tensor
    slope: float

    def __call__(self, x: Tensor, at: Tensor, offset: Tensor, to: Tensor, out: Tensor) -> None:
        x, at, offset, to = (plain(t) for t in (x, at, offset, to))
        _core.convolve(x, at, offset, self.weight, self.bias, self.slope, to, out, torch.get_num_threads())


@cpu.implements(pack_conv)
def pack_panels(weight: Tensor, bias: Tensor, slope: float = 1.0) -> PackedConv:
    return PanelConv(_panels(plain(weight).flatten(0, 1)), plain(bias), slope)


@dataclass(frozen=True, eq=False)
class PointsConv:
    """weight: [16, panels, inputs, PANEL], values at 4x4 points (Winograd's F(m x m, r x r)); tile: m."""

    weight: Tensor
    bias: Tensor
    slope: float
    tile: int

    def __call__(
        self,
        x: Tensor,
        wanted: Tensor,
        out: Tensor,
        first: tuple[int, int] = (0, 0),
        to: int = 0,
        out_side: int = 0,
        step: int = 1,
    ) -> None:
        side, out_side = math.isqrt(len(x)), out_side or len(wanted) or 1
        x, wanted, threads = plain(x), plain(wanted), torch.get_num_threads()
        _core.winograd_convolve(
            x, side, wanted, *first, self.weight, self.tile, self.bias, self.slope, out, to, out_side, step, threads
        )


@cpu.implements(pack_winograd)
def pack_points(weight: Tensor, bias: Tensor, slope: float = 1.0) -> WinogradConv:
    side = weight.shape[2]
    at = _at_points(side).to(weight.device)
    rows = torch.einsum("ia,oqab->ibqo", at, weight.detach().double())
    points = torch.einsum("jb,ibqo->ijqo", at, rows).flatten(0, 1).to(weight.dtype)
    return PointsConv(_panels(points), plain(bias), slope, POINTS + 1 - side)


def _panels(columns: Tensor) -> Tensor:
    """[..., rows, outputs] -> [..., panels, rows, PANEL]."""
    padded = F.pad(columns, (0, -columns.shape[-1] % PANEL))
    return padded.unflatten(-1, (-1, PANEL)).transpose(-3, -2).contiguous()


def _at_points(side: int) -> Tensor:
    """[4, side]: coefficients to values at the points, as Winograd's F(m, side) takes them."""
    rows = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]]
    if side == 2:
        rows = [[1.0, 0.0], [0.5, 0.5], [0.5, -0.5], [0.0, 1.0]]
    return torch.tensor(rows, dtype=torch.float64)
