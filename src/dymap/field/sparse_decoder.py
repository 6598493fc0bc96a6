"""The decoder that plays: weights packed once, and only a footprint is computed.

Images lie pixel by pixel, channels last, with a border of zeros one pixel wide: a convolution is then a product of
rows at fixed distances, at whatever pixels are wanted (`dymap.kernels.pack_conv`). The large ones work on tiles of
pixels with fewer products (`dymap.kernels.pack_winograd`), for which all pixels around a tile must be there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dymap.field.decoder import PlaneDecoder, backbone_widths, head_bias, trunk_widths
from dymap.field.footprint import Footprint
from dymap.field.layers import SLOPE, ScaledUpsample
from dymap.field.memory import Memory
from dymap.kernels import PackedConv, WinogradConv, pack_conv, pack_winograd

LARGE = 64
"""Images from this size on are upsampled to in tiles: of the small ones the weights are most, and tiles have more."""
BLOCKS = (0, 2, 1)
"""Where the heads keep the planes xy, xz, yz among their blocks of channels (method.md 1)."""


class SparseDecoder:
    """A decoder's weights, scaled and packed for convolutions at chosen pixels.

    A copy: it does not see later changes of the decoder.
    """

    @torch.no_grad()
    def __init__(self, decoder: PlaneDecoder):
        self.config = decoder.config
        code = decoder.code
        self.code = ((code.weight * code.scale).detach().clone(), code.bias.detach().clone())
        self.up = [UpsampleConv(layer) for layer in decoder.up if isinstance(layer, ScaledUpsample)]
        self.trunk = [
            pack_conv(conv.weight.flatten(2).permute(2, 1, 0), head_bias(conv).clone(), 0)
            for conv in decoder.trunk
            if isinstance(conv, nn.Conv2d)
        ]
        self.planes = []
        for block in BLOCKS:
            weights, biases = zip(*(_block(head, block) for head in (decoder.features, decoder.density)), strict=True)
            self.planes.append(pack_winograd(torch.cat(weights), torch.cat(biases)))
        heads = (decoder.map_z, decoder.map_y, decoder.map_x)
        self.maps = [pack_winograd(head.weight, head_bias(head).clone()) for head in heads]
        self._idle: list[list[Tensor]] = []
        self._planes, self._maps = Memory(), Memory()

    @torch.no_grad()
    def __call__(self, code: Tensor, footprint: Footprint) -> tuple[Tensor, Tensor]:
        """code: [code_dim] -> planes [3, P, P, 2 C] and maps [3, S * S, n] of a GridFrame; zeros outside the
        footprint."""
        P, S = self.config.plane_size, self.config.map_size
        weight, bias = self.code
        around = _dilate(_whole_tiles(footprint.networks.any(0).view(S, S), self.maps[0].tile))
        trunk = [around]  # pixels of each image that are read, from the networks back to the last upsampling
        while len(trunk[0]) < P:
            trunk.insert(0, _dilate(_at_even_pixels(trunk[0])))
        up = [_dilate(_whole_tiles(footprint.pixels.any(0), self.planes[0].tile)) | trunk[0]]
        for layer in reversed(self.up[1:]):
            up.insert(0, _dilate(_whole_tiles(_any_of_four(up[0]), layer.tile)))
        with self._images(code) as images:
            first, *images = images
            inner = first.view(6, 6, -1)[1:5, 1:5]
            inner.copy_(F.leaky_relu(F.linear(code, weight, bias), SLOPE).view(-1, 4, 4).permute(1, 2, 0))
            x = first
            for wanted, layer, out in zip(up, self.up, images, strict=False):
                layer(x, wanted, out)
                x = out
            planes = _zeros(self._planes, (3, P, P, 2 * self.config.channels), code, footprint.pixels)
            for plane, pixels, head in zip(planes, footprint.pixels, self.planes, strict=True):
                head(x, pixels, plane.flatten(0, 1))
            for wanted, conv, out in zip(trunk[1:], self.trunk, images[len(self.up) :], strict=True):
                _halve(x, wanted, conv, out)
                x = out
            maps = _zeros(self._maps, (3, S * S, self.config.map_params), code, footprint.networks)
            for networks, where, head in zip(maps, footprint.networks, self.maps, strict=True):
                head(x, where.view(S, S), networks)
        return planes, maps

    @contextmanager
    def _images(self, like: Tensor) -> Iterator[list[Tensor]]:
        """Memory [(size + 2)^2, channels] for the images of all layers, with borders of zeros; kept for the next call.

        What lies in it from the call before is never read: only what is read is computed, but all of that.
        """
        try:
            images = self._idle.pop()
        except IndexError:
            widths, sizes = backbone_widths(self.config), [4 * 2**i for i in range(len(self.up) + 1)]
            widths += trunk_widths(self.config)[1:]
            sizes += [self.config.plane_size // 2 ** (i + 1) for i in range(len(self.trunk))]
            images = [like.new_zeros((size + 2) ** 2, width) for size, width in zip(sizes, widths, strict=True)]
        yield images
        self._idle.append(images)


class UpsampleConv:
    """A transposed convolution 4x4, stride 2, packed: each of the four places of a pixel within its square of 2x2 is a
    convolution 2x2. Large images are convolved in tiles (tile > 1), for which all pixels around one must be there."""

    def __init__(self, layer: ScaledUpsample):
        weight = (layer.weight * layer.scale).transpose(0, 1)
        bias = F.pad(layer.bias, (1, 1, 1, 1)).flatten(1).T  # of every pixel, border and all
        places = [(y, x) for y in (0, 1) for x in (0, 1)]
        parts = [_parity(weight, y, x) for y, x in places]
        self.tile = 1
        self._tiled: dict[tuple[int, int], WinogradConv] = {}
        self._plain: dict[tuple[int, int], PackedConv] = {}
        if layer.bias.shape[1] >= LARGE:
            self._tiled = {at: pack_winograd(part, bias, SLOPE) for at, part in zip(places, parts, strict=True)}
            self.tile = self._tiled[0, 0].tile
        else:
            taps = [part.flatten(2).permute(2, 1, 0) for part in parts]
            self._plain = {at: pack_conv(part, bias, SLOPE) for at, part in zip(places, taps, strict=True)}

    def __call__(self, x: Tensor, wanted: Tensor, out: Tensor) -> None:
        """At the wanted pixels [2 h, 2 h] of out. x, out: images with borders."""
        before, after = len(wanted) // 2 + 2, len(wanted) + 2
        for (i, j), tiled in self._tiled.items():
            to = (i + 1) * after + j + 1
            tiled(x, wanted[i::2, j::2], out, first=(i, j), to=to, out_side=after, step=2)
        for (i, j), plain in self._plain.items():
            row, column = (places.int() for places in torch.nonzero(wanted[i::2, j::2], as_tuple=True))
            at = (row + i) * before + column + j
            plain(x, at, _offsets(2, before, x), (2 * row + i + 1) * after + 2 * column + j + 1, out)


def _halve(x: Tensor, wanted: Tensor, conv: PackedConv, out: Tensor) -> None:
    """Convolution 3x3, stride 2, at the wanted pixels [h, h] of out. x, out: images with borders."""
    size = len(wanted)
    before, after = size * 2 + 2, size + 2
    row, column = (places.int() for places in torch.nonzero(wanted, as_tuple=True))
    at, to = row * 2 * before + column * 2, (row + 1) * after + column + 1
    conv(x, at, _offsets(3, before, x), to, out)


def _offsets(side: int, row: int, like: Tensor) -> Tensor:
    """[side^2] int32 distances of a square's pixels from its first one, in an image of so many pixels a row."""
    steps = torch.arange(side, dtype=torch.int32, device=like.device)
    return (steps[:, None] * row + steps).flatten()


def _parity(weight: Tensor, y: int, x: int) -> Tensor:
    """[out, in, 4, 4] -> [out, in, 2, 2]: what pixels at (y, x) of each square of 2x2 take of the four around."""
    return weight[:, :, [3 - y, 1 - y]][:, :, :, [3 - x, 1 - x]]


def _dilate(wanted: Tensor) -> Tensor:
    """Pixels [h, h] bool and their neighbours."""
    rows = wanted.clone()
    rows[1:] |= wanted[:-1]
    rows[:-1] |= wanted[1:]
    out = rows.clone()
    out[:, 1:] |= rows[:, :-1]
    out[:, :-1] |= rows[:, 1:]
    return out


def _whole_tiles(wanted: Tensor, side: int) -> Tensor:
    """Pixels [h, h] bool and all others of tiles of side x side pixels with any."""
    size = len(wanted)
    tiles = F.max_pool2d(wanted[None].float(), side, ceil_mode=True)[0] > 0
    return tiles.repeat_interleave(side, 0).repeat_interleave(side, 1)[:size, :size]


def _any_of_four(wanted: Tensor) -> Tensor:
    """[2 h, 2 h] -> [h, h]: squares of 2x2 pixels with any."""
    rows = wanted[::2] | wanted[1::2]
    return rows[:, ::2] | rows[:, 1::2]


def _at_even_pixels(wanted: Tensor) -> Tensor:
    """[h, h] -> [2 h, 2 h], at the even pixels."""
    out = wanted.new_zeros(2 * len(wanted), 2 * len(wanted))
    out[::2, ::2] = wanted
    return out


def _block(head: nn.Conv2d, block: int) -> tuple[Tensor, Tensor]:
    """Weight and bias of one of the three blocks of a head's channels."""
    return head.weight.chunk(3)[block], head_bias(head).chunk(3)[block]


def _zeros(memory: Memory, shape: tuple[int, ...], like: Tensor, wanted: Tensor) -> Tensor:
    """[*wanted, n] zeros, except perhaps where something is wanted and will be written."""
    out, before = memory.take(shape, like, wanted)
    if before is not None:
        stale = torch.nonzero((before & ~wanted).flatten())[:, 0]
        out.flatten(0, -2).index_fill_(0, stale, 0)
    return out
