"""Latent codes: learned for each frame, or computed from images of fixed cameras (method.md 4)."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dymap.config import ENCODER_SIZE
from dymap.field.layers import NormalizedConv, NormalizedLinear, ScaledLinear

ENCODER_WIDTHS = (64, 64, 128, 128, 256, 256, 256)
CORRELATED_FRAMES = 4.0
"""Frames over which the codes of a quick start are correlated: the standard deviation of that bell."""


class CodeTable(nn.Module):
    """One code for each frame: `weight` [frames, code]."""

    def __init__(self, frames: int, code_dim: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(frames, code_dim))

    @torch.no_grad()
    def quick_start(self) -> None:
        """Other initial values than the published ones, for short trainings: still N(0, 1), but smooth over time, so
        that what one frame teaches the decoder helps its neighbours."""
        frames, code_dim = self.weight.shape
        reach = math.ceil(3 * CORRELATED_FRAMES)
        # Convolved with itself it is that correlation.
        bell = torch.exp(-((torch.arange(-reach, reach + 1) / CORRELATED_FRAMES) ** 2))
        noise = torch.randn(frames + 2 * reach, code_dim)
        self.weight.copy_(noise.unfold(0, len(bell), 1) @ (bell / bell.norm()))

    def forward(self, frame: int) -> Tensor:
        return self.weight[frame]


class CodeDistribution(NamedTuple):
    """Gaussian of codes: mu, logstd [B, code]."""

    mu: Tensor
    logstd: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """mu + exp(logstd) * noise; noise: [B, code] standard normal."""
        return self.mu + self.logstd.exp() * noise

    def kl(self) -> Tensor:
        """[B] divergence from N(0, 1), averaged over the code's dimensions."""
        return (-0.5 - self.logstd + 0.5 * self.mu**2 + 0.5 * torch.exp(2 * self.logstd)).mean(dim=-1)


class ImageEncoder(nn.Module):
    """Codes from the images of fixed cameras. The cameras share one convolution stack."""

    def __init__(self, cameras: int, code_dim: int):
        super().__init__()
        self.cameras = cameras
        widths = (3, *ENCODER_WIDTHS)
        self.down = nn.Sequential(*[NormalizedConv(a, b) for a, b in itertools.pairwise(widths)])
        self.mix = NormalizedLinear(cameras * widths[-1] * 4 * 4, 2 * code_dim)
        self.mu = ScaledLinear(2 * code_dim, code_dim, leaky=False)
        self.logstd = ScaledLinear(2 * code_dim, code_dim, leaky=False)

    def forward(self, images: Tensor) -> CodeDistribution:
        """images: [B, cameras * 3, 512, 512], camera-major RGB, (255 * rgb - 100) / 25."""
        expected = (self.cameras * 3, ENCODER_SIZE, ENCODER_SIZE)
        if images.shape[1:] != expected:
            raise ValueError(f"encoder images have shape {tuple(images.shape)}, expected [B, {expected}]")
        batch = len(images)
        stacked = self.down(images.reshape(batch * self.cameras, 3, ENCODER_SIZE, ENCODER_SIZE))
        mixed = self.mix(stacked.reshape(batch, -1))
        return CodeDistribution(self.mu(mixed) * 0.1, self.logstd(mixed) * 0.01)
