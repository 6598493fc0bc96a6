"""Convolutions over squares of 2x2 or 3x3 pixels at chosen places of an image, for which Winograd's minimal filtering
needs 2.25 times fewer products; the reference multiplies plainly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from dymap.kernels.dispatch import operation
from dymap.kernels.reference.convolve import PackedConv, pack_conv


class WinogradConv(Protocol):
    """A convolution over squares of pixels whose weights are ready."""

    @property
    def tile(self) -> int:
        """Places a side that are computed together: all pixels that a tile reads must be there if one of its places is
        wanted."""

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
        """The convolution at the wanted places of an image, with the activation.

        x: [side * side, inputs], an image with its border. wanted: [h, h] bool: place (r, c) reads the square that
        begins at pixel (r, c) + first, and is written to row to + (r * out_side + c) * step of out [rows, outputs];
        out_side: 0 means h. Other rows keep their values. Right to float32's accuracy, not to its last bit.
        """


@operation
def pack_winograd(weight: Tensor, bias: Tensor, slope: float = 1.0) -> WinogradConv:
    """Get a convolution over squares ready, without gradients.

    weight: [outputs, inputs, side, side], side 3 or 2; bias, slope: as in `pack_conv`.
    """
    side = weight.shape[2]
    return ReferenceWinograd(pack_conv(weight.flatten(2).permute(2, 1, 0), bias, slope), side)


@dataclass(frozen=True, eq=False)
class ReferenceWinograd:
    """conv: the same, place by place; side: of the squares, pixels."""

    conv: PackedConv
    side: int
    tile: int = 1

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
        row, column = (places.int() for places in torch.nonzero(wanted, as_tuple=True))
        width, taps = math.isqrt(len(x)), torch.arange(self.side, dtype=torch.int32, device=x.device)
        at = (row + first[0]) * width + column + first[1]
        where = to + (row * (out_side or len(wanted)) + column) * step
        self.conv(x, at, (taps[:, None] * width + taps).flatten(), where, out)
