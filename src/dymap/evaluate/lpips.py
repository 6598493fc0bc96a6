"""LPIPS v0.1, a distance of deep features (Zhang et al. 2018, section 3 and equation 1; method.md 12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dymap.errors import InputError
from dymap.evaluate.lpips_files import FILES, read_tensors, warn_of_others


def _vgg16() -> nn.Sequential:
    """VGG-16's convolutions (Simonyan and Zisserman 2015, table 1, D) without the last pooling."""
    layers: list[nn.Module] = []
    inputs = 3
    for block, (width, depth) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))):
        if block:
            layers.append(nn.MaxPool2d(2))
        for _ in range(depth):
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
            inputs = width
    return nn.Sequential(*layers)


def _alexnet() -> nn.Sequential:
    """AlexNet's convolutions in the one-tower form (Krizhevsky 2014) without the last pooling."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),
    )  # fmt: skip


@dataclass(frozen=True)
class Net:
    """A trunk and where its five stages end. Layers count as in torchvision's files: their keys name the index."""

    trunk: nn.Sequential
    ends: tuple[int, ...]
    widths: tuple[int, ...]
    smallest: int
    """Pixels of the shorter side that leave something at the last stage."""


def _net(name: str) -> Net:
    if name == "vgg":  # relu1_2, 2_2, 3_3, 4_3, 5_3
        return Net(_vgg16(), (3, 8, 15, 22, 29), (64, 128, 256, 512, 512), 16)
    if name == "alex":  # all five rectifiers
        return Net(_alexnet(), (1, 4, 7, 9, 11), (64, 192, 384, 256, 256), 31)
    raise ValueError(f"net {name!r} is unknown; known are 'vgg' and 'alex'")


class LPIPS(nn.Module):
    """The distance, with frozen weights: gradients flow only to the images.

    `load` reads the trained weights; a new object has random features and heads of 1.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, net: str = "vgg"):
        super().__init__()
        parts = _net(net)
        self.features, self.ends, self.smallest = parts.trunk, parts.ends, parts.smallest
        self.heads = nn.ParameterList(torch.ones(width) for width in parts.widths)
        # The scaling layer: from [-1, 1] to the mean and deviation of the trunk's training images.
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(3, 1, 1))
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(3, 1, 1))
        self.requires_grad_(False)

    @classmethod
    def load(cls, folder: Path, net: str = "vgg") -> LPIPS:
        """Read torchvision's trunk file and the lpips package's head file from a folder; on the CPU.

        Raises InputError that names the file, the key, what was found and what was expected; warns of files without
        checksums that are not the published ones.
        """
        loaded = cls(net)
        trunk, heads = FILES[net]
        shapes = {f"features.{key}": tuple(value.shape) for key, value in loaded.features.state_dict().items()}
        found = read_tensors(folder / trunk.name, shapes, trunk.max_bytes)
        loaded.features.load_state_dict({key.removeprefix("features."): value for key, value in found.items()})
        lin = {f"lin{stage}.model.1.weight": (1, len(head), 1, 1) for stage, head in enumerate(loaded.heads)}
        for (key, value), head in zip(
            read_tensors(folder / heads.name, lin, heads.max_bytes).items(), loaded.heads, strict=True
        ):
            if (value < 0).any():
                raise InputError(f"{folder / heads.name}: {key} has values below 0, expected weights of a distance")
            head.copy_(value.flatten())
        for file in (trunk, heads):
            warn_of_others(folder / file.name, file)
        return loaded

    def stages(self, images: Tensor) -> Iterator[Tensor]:
        """[B, 3, H, W] in [-1, 1] -> features of the five stages, of unit length over channels [B, C, h, w]."""
        x = (images - self.shift) / self.scale
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.ends:
                # vector_norm, not sqrt: where all features are 0 the gradient is 0, not nan.
                yield x / (torch.linalg.vector_norm(x, dim=1, keepdim=True) + 1e-10)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Distances [B] of images [B, 3, H, W] in [-1, 1] of at least `smallest` pixels a side; 0 if equal.

        Equation 1 of the paper: squared differences of unit features, weighted by the heads, averaged over pixels,
        summed over stages.
        """
        if a.shape != b.shape:
            raise ValueError(f"images of shapes {tuple(a.shape)} and {tuple(b.shape)} cannot be compared")
        total = a.new_zeros(len(a))
        # Stage by stage, so that the features of both images are held for one stage at a time.
        for one, other, head in zip(self.stages(a), self.stages(b), self.heads, strict=True):
            total = total + (one - other).square().mean(dim=(2, 3)) @ head
        return total

    @torch.inference_mode()
    def distance(self, prediction: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
        """Distance of two images [H, W, 3] in [0, 1]; nan if they are smaller than `smallest` pixels."""
        if min(prediction.shape[:2]) < self.smallest:
            return float("nan")
        a, b = (
            torch.from_numpy(image * np.float32(2) - np.float32(1)).permute(2, 0, 1)[None].to(self.shift)
            for image in (prediction, truth)
        )
        return float(self(a, b))
