"""Embeddings of the viewing direction (method.md 3)."""

from __future__ import annotations

import torch
from torch import Tensor


def embed_directions(directions: Tensor, kind: str, degree: int) -> Tensor:
    """Unit directions [N, 3] in the world -> [N, V]: `fourier` with `degree` frequencies, or `sh` of `degree`."""
    if kind == "fourier":
        return fourier(directions, degree)
    if kind == "sh":
        return spherical_harmonics(directions, degree)
    raise ValueError(f"unknown direction embedding {kind!r}; known are 'fourier' and 'sh'")


def fourier(directions: Tensor, frequencies: int) -> Tensor:
    """For each component [x, cos x, cos 2x, ..., sin x, sin 2x, ...]; blocks x, y, z. Returns [N, 3 (2F + 1)]."""
    angle = directions[..., None] * 2.0 ** torch.arange(frequencies, device=directions.device)  # [N, 3, F]
    return torch.cat([directions[..., None], angle.cos(), angle.sin()], dim=-1).flatten(-2)


def spherical_harmonics(directions: Tensor, degree: int) -> Tensor:
    """Real spherical harmonics of bands 0 .. degree - 1 (degree 1 to 4). Returns [N, degree^2]."""
    if not 1 <= degree <= 4:
        raise ValueError(f"spherical harmonics are defined here for degrees 1 to 4, not {degree}")
    x, y, z = directions.unbind(-1)
    bands = [
        0.28209479 * torch.ones_like(x),
        -0.48860251 * y,
        0.48860251 * z,
        -0.48860251 * x,
        1.09254843 * x * y,
        -1.09254843 * y * z,
        0.94617470 * z * z - 0.31539157,
        -1.09254843 * x * z,
        0.54627422 * (x * x - y * y),
        -0.59004359 * y * (3 * x * x - y * y),
        2.89061144 * x * y * z,
        0.45704580 * y * (1 - 5 * z * z),
        0.37317633 * z * (5 * z * z - 3),
        0.45704580 * x * (1 - 5 * z * z),
        1.44530572 * z * (x * x - y * y),
        0.59004359 * x * (-x * x + 3 * y * y),
    ]
    return torch.stack(bands[: degree**2], dim=-1)
