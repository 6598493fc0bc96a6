"""Layers with scaled or normalised weights."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dymap.field.layers import GAIN, NormalizedConv, NormalizedLinear, ScaledLinear, ScaledUpsample


def test_gain_keeps_the_power_through_leaky_relu() -> None:
    x = torch.randn(1_000_000) * GAIN
    assert F.leaky_relu(x, 0.2).square().mean().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (ScaledLinear(300, 400, leaky=True), torch.randn(50, 300)),
        (ScaledLinear(300, 400, leaky=False), torch.randn(50, 300)),
        (NormalizedLinear(300, 400), torch.randn(50, 300)),
        (NormalizedConv(64, 128), torch.randn(2, 64, 32, 32)),
    ],
)
def test_random_weights_keep_unit_power(layer: nn.Module, x: Tensor) -> None:
    y = layer(x)
    inner = y[..., 1:-1, 1:-1] if y.ndim == 4 else y  # zero padding takes power from the border
    assert inner.square().mean().item() == pytest.approx(1, abs=0.1)


def test_scaled_linear_scales_at_run_time() -> None:
    layer = ScaledLinear(7, 5, leaky=True)
    nn.init.normal_(layer.bias)
    x = torch.randn(3, 7)
    expected = F.leaky_relu(x @ layer.weight.T * math.sqrt(2 / 1.04) / math.sqrt(7) + layer.bias, 0.2)
    torch.testing.assert_close(layer(x), expected)


def test_upsample_has_a_bias_for_every_pixel() -> None:
    layer = ScaledUpsample(6, 4, 10)
    nn.init.normal_(layer.bias)
    x = torch.randn(2, 6, 5, 5)
    scale = math.sqrt(2 / 1.04) / math.sqrt(6 * 16 / 4)
    bare = F.conv_transpose2d(x, layer.weight, stride=2, padding=1) * scale
    torch.testing.assert_close(layer(x), F.leaky_relu(bare + layer.bias, 0.2))
    assert layer.bias.shape == (4, 10, 10)


def test_upsample_starts_from_repeated_2x2_normals() -> None:
    weight = ScaledUpsample(8, 8, 4).weight
    for a in (0, 2):
        for b in (0, 2):
            block = weight[:, :, a : a + 2, b : b + 2]
            assert torch.equal(block, block[:, :, :1, :1].expand_as(block))
    assert weight.std().item() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("layer", "shape"), [(NormalizedLinear(7, 5), (3, 7)), (NormalizedConv(3, 5), (2, 3, 8, 8))])
def test_normalised_layers_ignore_the_length_of_their_weights(layer: nn.Module, shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    before = layer(x)
    with torch.no_grad():
        layer.weight *= torch.rand(5).add(0.5).reshape(-1, *[1] * (layer.weight.ndim - 1))
    torch.testing.assert_close(layer(x), before)
