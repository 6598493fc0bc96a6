"""Layers with run-time scaled or normalised weights (method.md 4, equalised learning rate)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))
"""Gain before LeakyReLU(0.2)."""


class ScaledLinear(nn.Module):
    """Linear layer whose N(0, 1) weight is scaled by gain / sqrt(in) at run time."""

    def __init__(self, inputs: int, outputs: int, leaky: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.leaky = leaky
        self.scale = (GAIN if leaky else 1.0) / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        x = F.linear(x, self.weight * self.scale, self.bias)
        return F.leaky_relu(x, SLOPE) if self.leaky else x


class ScaledUpsample(nn.Module):
    """Transposed convolution 4x4, stride 2, with a bias for every output pixel, then LeakyReLU.

    [B, in, h, h] -> [B, out, 2h, 2h].
    """

    def __init__(self, inputs: int, outputs: int, size: int):
        super().__init__()
        base = torch.randn(inputs, outputs, 2, 2)
        self.weight = nn.Parameter(base.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
        self.bias = nn.Parameter(torch.zeros(outputs, size, size))
        self.scale = GAIN / math.sqrt(inputs * 16 / 4)

    def forward(self, x: Tensor) -> Tensor:
        # The input is scaled instead of the weight: it is smaller.
        return F.leaky_relu(F.conv_transpose2d(x * self.scale, self.weight, stride=2, padding=1) + self.bias, SLOPE)


class NormalizedConv(nn.Module):
    """Convolution 4x4, stride 2, weights of each output channel normalised to unit length times the gain; LeakyReLU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 4, 4))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        norm = self.weight.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()
        x = F.conv2d(x, self.weight * (GAIN / norm), self.bias, stride=2, padding=1)
        return F.leaky_relu(x, SLOPE)


class NormalizedLinear(nn.Module):
    """Linear layer with rows normalised to unit length times the gain; LeakyReLU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        norm = self.weight.square().sum(dim=1, keepdim=True).sqrt()
        return F.leaky_relu(F.linear(x, self.weight * (GAIN / norm), self.bias), SLOPE)
