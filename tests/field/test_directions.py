"""Embeddings of the viewing direction."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dymap.field.directions import embed_directions, fourier, spherical_harmonics


def unit(count: int = 20) -> torch.Tensor:
    d = torch.randn(count, 3, dtype=torch.float64)
    return d / d.norm(dim=1, keepdim=True)


def test_fourier_order() -> None:
    direction = unit(1)
    expected = []
    for v in direction[0].tolist():
        expected += [v, math.cos(v), math.cos(2 * v), math.sin(v), math.sin(2 * v)]
    torch.testing.assert_close(fourier(direction, 2)[0], torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("frequencies", [1, 2, 4])
def test_fourier_length(frequencies: int) -> None:
    assert fourier(unit(), frequencies).shape == (20, 3 * (2 * frequencies + 1))


def test_harmonics_are_orthonormal_on_the_sphere() -> None:
    """Gauss-Legendre in z and a uniform rule in the angle integrate products of these bands exactly."""
    z, weight = np.polynomial.legendre.leggauss(8)
    angle = np.arange(16) * 2 * np.pi / 16
    r = np.sqrt(1 - z**2)
    points = np.stack([np.outer(r, np.cos(angle)), np.outer(r, np.sin(angle)), np.outer(z, np.ones(16))], -1)
    weights = torch.from_numpy(np.outer(weight, np.full(16, 2 * np.pi / 16)).reshape(-1))
    Y = spherical_harmonics(torch.from_numpy(points.reshape(-1, 3)), 4)
    torch.testing.assert_close(Y.T @ (weights[:, None] * Y), torch.eye(16, dtype=torch.float64), atol=1e-6, rtol=0)


def test_bands_of_equal_degree_have_constant_power() -> None:
    """Sum over a band of Y^2 = (2 l + 1) / 4 pi in every direction (Unsoeld's theorem)."""
    Y = spherical_harmonics(unit(), 4)
    for l in range(4):
        power = Y[:, l * l : (l + 1) ** 2].square().sum(1)
        torch.testing.assert_close(power, torch.full_like(power, (2 * l + 1) / (4 * math.pi)), atol=1e-6, rtol=0)


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_lower_degrees_are_prefixes(degree: int) -> None:
    d = unit()
    torch.testing.assert_close(spherical_harmonics(d, degree), spherical_harmonics(d, 4)[:, : degree**2])


@pytest.mark.parametrize("degree", [0, 5])
def test_degree_out_of_range(degree: int) -> None:
    with pytest.raises(ValueError, match="degrees 1 to 4"):
        spherical_harmonics(unit(), degree)


def test_unknown_embedding() -> None:
    with pytest.raises(ValueError, match="known are 'fourier' and 'sh'"):
        embed_directions(unit(), "polar", 2)
