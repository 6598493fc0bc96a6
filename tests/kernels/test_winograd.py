"""Convolutions over squares of pixels against torch's, by every implementation."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dymap.kernels import pack_winograd, running
from tests.variants import with_all_kernels

SIZES = [(1, 1, 1), (3, 5, 17), (16, 8, 16), (64, 33, 40), (40, 7, 300), (130, 20, 6)]
"""Inputs, places a side, outputs: odd widths, tiles over the edge, several panels, several jobs."""


def expected(image: Tensor, weight: Tensor, bias: Tensor, slope: float) -> Tensor:
    """[h * h, outputs] of an image [inputs, side, side] with its border."""
    sums = F.conv2d(image.double()[None], weight.double())[0].flatten(1).T + bias
    return F.leaky_relu(sums, slope).float()


def rows(image: Tensor) -> Tensor:
    return image.flatten(1).T.contiguous()


@with_all_kernels
@pytest.mark.parametrize("side", [2, 3])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("slope", [1.0, 0.2, 0.0])
@pytest.mark.parametrize("own_bias", [False, True])
def test_chosen_places(side: int, sizes: tuple[int, int, int], slope: float, own_bias: bool) -> None:
    inputs, places, outputs = sizes
    image, weight = torch.randn(inputs, places + side - 1, places + side - 1), torch.randn(outputs, inputs, side, side)
    bias = torch.randn(places * places, outputs) if own_bias else torch.randn(outputs)
    wanted, out = torch.rand(places, places) < 0.3, torch.full((places * places, outputs), 7.0)
    pack_winograd(weight, bias, slope)(rows(image), wanted, out)
    chosen = wanted.flatten()
    size = (inputs * side * side) ** 0.5
    torch.testing.assert_close(
        out[chosen], expected(image, weight, bias, slope)[chosen], rtol=1e-5, atol=2e-6 * size + 1e-6
    )
    assert (out[~chosen] == 7).all()


@with_all_kernels
def test_every_second_pixel_of_an_image_with_a_border() -> None:
    image, weight, bias = torch.randn(5, 9, 9), torch.randn(4, 5, 2, 2), torch.randn(18 * 18, 4)
    wanted = (torch.rand(14, 14) < 0.7)[::2, 1::2]  # not contiguous
    out = torch.zeros(18 * 18, 4)
    packed = pack_winograd(weight, bias)
    packed(rows(image), wanted, out, first=(1, 0), to=2 * 18 + 3, out_side=18, step=2)
    row, column = torch.nonzero(wanted, as_tuple=True)
    whole = expected(image, weight, torch.zeros(4), 1).view(8, 8, 4)[row + 1, column]
    into = out.view(18, 18, 4)[2 * row + 2, 2 * column + 3]
    torch.testing.assert_close(into, whole + bias.view(18, 18, 4)[2 * row + 2, 2 * column + 3], rtol=1e-5, atol=1e-5)
    assert int((out != 0).any(1).sum()) == len(row)


@with_all_kernels
def test_no_places() -> None:
    out = torch.ones(9, 3)
    packed = pack_winograd(torch.ones(3, 2, 3, 3), torch.zeros(3))
    packed(torch.zeros(25, 2), torch.zeros(3, 3, dtype=torch.bool), out)
    packed(torch.zeros(25, 2), torch.zeros(0, 0, dtype=torch.bool), out)
    assert (out == 1).all()


@with_all_kernels
def test_what_is_beyond_a_tile_leaves_no_trace() -> None:
    """Pixels that no tile with something wanted reads may hold anything."""
    weight, wanted = torch.randn(6, 5, 2, 2), torch.zeros(9, 9, dtype=torch.bool)
    wanted[4, 4] = True
    packed, out = pack_winograd(weight, torch.zeros(6)), torch.zeros(2, 81, 6)
    image = torch.randn(5, 10, 10)
    packed(rows(image), wanted, out[0])
    other = torch.full_like(image, torch.nan)
    other[:, 3:7, 3:7] = image[:, 3:7, 3:7]
    packed(rows(other), wanted, out[1])
    assert torch.equal(out[0], out[1])


@pytest.mark.skipif(running() == "torch", reason="no native core: only it checks whole squares")
def test_places_outside_are_refused() -> None:
    packed, out = pack_winograd(torch.randn(3, 2, 3, 3), torch.zeros(3)), torch.zeros(25, 3)
    wanted = torch.ones(5, 5, dtype=torch.bool)
    image = torch.zeros(49, 2)
    with pytest.raises(ValueError, match="a square outside"):
        packed(image[:36], wanted, out)  # no border
    with pytest.raises(ValueError, match="x must be"):
        packed(image[:48], wanted, out)  # not square
    with pytest.raises(ValueError, match="a square outside"):
        packed(image, wanted, out, first=(1, 0))
    with pytest.raises(ValueError, match="a place outside"):
        packed(image, wanted, out, to=1)
    with pytest.raises(ValueError, match="weights"):
        packed(image, wanted, out[:, :2].repeat(1, 20))
