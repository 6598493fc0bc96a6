"""Convolutions at chosen places against torch's, by every implementation."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from dymap.kernels import pack_conv
from tests.variants import with_all_kernels

SIZES = [(1, 1, 1), (3, 5, 17), (16, 7, 16), (64, 33, 40), (300, 4, 530)]
"""Inputs, pixels a side, outputs: odd widths, several panels, several jobs."""


@with_all_kernels
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("slope", [1.0, 0.2, 0.0])
@pytest.mark.parametrize("own_bias", [False, True])
def test_chosen_pixels_of_a_convolution(sizes: tuple[int, int, int], slope: float, own_bias: bool) -> None:
    inputs, side, outputs = sizes
    image, weight = torch.randn(inputs, side, side), torch.randn(outputs, inputs, 3, 3)
    bias = torch.randn(side * side, outputs) if own_bias else torch.randn(outputs)
    conv = pack_conv(weight.flatten(2).permute(2, 1, 0), bias, slope)
    x = F.pad(image, (1, 1, 1, 1)).flatten(1).T.contiguous()
    offset = (torch.arange(3)[:, None] * (side + 2) + torch.arange(3)).flatten().int()
    wanted = torch.rand(side, side) < 0.6
    row, column = torch.nonzero(wanted, as_tuple=True)
    out = torch.full((side * side, outputs), 7.0)
    conv(x, (row * (side + 2) + column).int(), offset, (row * side + column).int(), out)
    expected = F.conv2d(image.double()[None], weight.double(), padding=1)[0].flatten(1).T + bias
    expected = F.leaky_relu(expected, slope).float()
    chosen = wanted.flatten()
    torch.testing.assert_close(out[chosen], expected[chosen], rtol=1e-4, atol=1e-3)
    assert (out[~chosen] == 7).all()


@with_all_kernels
def test_no_places() -> None:
    none, out = torch.zeros(0, dtype=torch.int32), torch.ones(2, 3)
    conv = pack_conv(torch.ones(1, 2, 3), out[0])
    conv(torch.zeros(4, 2), none, torch.zeros(1, dtype=torch.int32), none, out)
    assert (out == 1).all()


@with_all_kernels
def test_places_outside_are_refused() -> None:
    conv, out = pack_conv(torch.ones(2, 2, 3), torch.zeros(3)), torch.ones(2, 3)
    offset = torch.tensor([0, 3], dtype=torch.int32)
    for at, to in ((1, 0), (-1, 0), (0, 2), (0, -1)):
        with pytest.raises((ValueError, IndexError)):
            conv(torch.zeros(4, 2), torch.tensor([at]).int(), offset, torch.tensor([to]).int(), out)
