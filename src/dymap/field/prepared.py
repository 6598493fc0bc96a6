"""The decoder for rendering: weights made ready once, and only what a frame needs is computed."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dymap.field.decoder import PlaneDecoder, head_bias
from dymap.field.layers import SLOPE, ScaledUpsample
from dymap.field.needed import Needed

Precision = Literal["float32", "bfloat16"]

TILE = 8
"""Pixels along a side of the squares that planes are computed in."""
COARSE = 32
"""Layers whose input is smaller stay in full precision with `bfloat16`: they cost little."""
PAGE = 4096
"""Bytes of a page of memory."""
BLOCKS = (0, 2, 1)
"""Where the heads keep the planes xy, xz, yz among their blocks of channels (method.md 1)."""


class PreparedDecoder:
    """A decoder's weights, scaled, converted and laid out for convolutions with the channels last.

    A copy: it does not see later changes of the decoder. precision: `float32` computes in the decoder's own type;
    `bfloat16` is faster where the processor has such instructions, and rounds what comes out to two digits (0.5 %).
    """

    @torch.no_grad()
    def __init__(self, decoder: PlaneDecoder, precision: Precision = "float32"):
        self.config = decoder.config
        own = decoder.code.weight.dtype
        fine = torch.bfloat16 if precision == "bfloat16" else own

        def ready(tensor: Tensor, dtype: torch.dtype = fine) -> Tensor:
            tensor = tensor.detach().to(dtype, copy=True)
            return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor

        code = decoder.code
        self.code = (ready(code.weight * code.scale, own), ready(code.bias, own))
        self.up = []
        for layer in (layer for layer in decoder.up if isinstance(layer, ScaledUpsample)):
            dtype = own if layer.bias.shape[-1] // 2 < COARSE else fine
            self.up.append((ready(layer.weight * layer.scale, dtype), ready(layer.bias[None], dtype)))
        self.trunk = [
            (ready(conv.weight), ready(head_bias(conv))) for conv in decoder.trunk if isinstance(conv, nn.Conv2d)
        ]
        self.planes = []
        for block in BLOCKS:
            weights, biases = zip(*(_block(head, block) for head in (decoder.features, decoder.density)), strict=True)
            self.planes.append((ready(torch.cat(weights)), ready(torch.cat(biases))))
        heads = (decoder.map_z, decoder.map_y, decoder.map_x)
        self.maps = [(ready(head.weight.flatten(1)), ready(head_bias(head))) for head in heads]

    @torch.no_grad()
    def __call__(self, code: Tensor, needed: Needed) -> tuple[Tensor, Tensor]:
        """code: [code_dim] -> planes [3, P, P, 2 C] and maps [3, S * S, n] of a Frame; zeros elsewhere than needed."""
        weight, bias = self.code
        x = F.leaky_relu(F.linear(code, weight, bias), SLOPE).reshape(1, -1, 4, 4)
        for weight, bias in self.up:
            x = F.conv_transpose2d(x.to(weight.dtype), weight, stride=2, padding=1)
            x = F.leaky_relu_(x.add_(bias), SLOPE)
        x = x.to(self.maps[0][0].dtype)
        planes = _zeros((3, *x.shape[2:], len(self.planes[0][1])), code)
        for plane, pixels, (weight, bias) in zip(planes, needed.pixels, self.planes, strict=True):
            _fill(plane, pixels, x, weight, bias)
        for weight, bias in self.trunk:
            x = F.relu_(F.conv2d(x, weight, bias, stride=2, padding=1))
        around = F.unfold(x, 3, padding=1)[0].T  # [S * S, in * 3 * 3]
        maps = code.new_zeros(3, len(around), len(self.maps[0][1]))
        for networks, where, (weight, bias) in zip(maps, needed.networks, self.maps, strict=True):
            networks[where] = F.linear(around[where], weight, bias).to(code)
        return planes, maps


def _fill(plane: Tensor, pixels: Tensor, x: Tensor, weight: Tensor, bias: Tensor) -> None:
    """Write the tiles of a plane [P, P, 2 C] that hold needed pixels [P, P]: a 3x3 convolution of x [1, in, P, P]."""
    tile = min(TILE, len(plane))
    count = len(plane) // tile
    row, column = torch.nonzero(pixels.reshape(count, tile, count, tile).any(3).any(1), as_tuple=True)
    if len(row):
        windows = _windows(x, row * tile, column * tile, tile)
        filled = F.conv2d(windows.permute(0, 3, 1, 2), weight, bias).permute(0, 2, 3, 1)
        plane.view(count, tile, count, tile, -1).transpose(1, 2)[row, column] = filled.to(plane)


def _windows(x: Tensor, top: Tensor, left: Tensor, tile: int) -> Tensor:
    """Tiles of x [1, in, P, P] with the pixels around them: [N, tile + 2, tile + 2, in], zeros outside x.

    top, left: [N] each tile's first row and column.
    """
    size = x.shape[-1]
    around = torch.arange(-1, tile + 1, device=x.device)
    rows, columns = (top[:, None] + around)[:, :, None], (left[:, None] + around)[:, None, :]
    index = rows.clamp(0, size - 1) * size + columns.clamp(0, size - 1)  # [N, tile + 2, tile + 2]
    windows = x.permute(0, 2, 3, 1).flatten(0, 2).index_select(0, index.flatten()).unflatten(0, index.shape)
    outside = (rows < 0) | (rows >= size) | (columns < 0) | (columns >= size)
    windows[torch.nonzero(outside, as_tuple=True)] = 0  # few: a mask would visit them all
    return windows


def _block(head: nn.Conv2d, block: int) -> tuple[Tensor, Tensor]:
    """Weight and bias of one of the three blocks of a head's channels."""
    return head.weight.chunk(3)[block], head_bias(head).chunk(3)[block]


def _zeros(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Zeros, from the start of a page on, whose pages are touched when they are written: torch touches them all."""
    if like.device.type != "cpu":
        return like.new_zeros(shape)
    count, size = math.prod(shape), like.element_size()
    memory = torch.from_numpy(np.zeros(count + PAGE // size, like.new_empty(0).numpy().dtype))
    start = -memory.data_ptr() % PAGE // size
    return memory[start : start + count].view(shape)
