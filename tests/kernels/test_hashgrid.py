"""Hash grids against a scalar reference written from method.md 2."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from dymap.config import HashConfig
from dymap.kernels import PLANE_AXES, HashLevels, collapse_time, hash_encode_at
from dymap.kernels.reference.hashgrid import hash_encode

SMALL = HashLevels(levels=4, log2_size=9, base=4, finest=32)
"""Level 0 is dense (64 entries), the others are hashed into 512."""


def table(levels: HashLevels = SMALL, features: int = 2) -> torch.Tensor:
    return torch.randn(levels.offsets[-1], features, dtype=torch.float64)


def reference(point: list[float], values: np.ndarray, levels: HashLevels) -> np.ndarray:
    """Features of one point, one level and one corner at a time; integers of unbounded size."""
    if not all(0 <= u <= 1 for u in point):
        return np.zeros(levels.levels * values.shape[1])
    out = []
    for level in range(levels.levels):
        growth = math.log2(levels.finest / levels.base) / (levels.levels - 1)
        scale = float(np.float32(levels.base * 2 ** (level * growth) - 1))
        resolution = math.ceil(scale) + 1
        length = min(2**levels.log2_size, resolution**3)
        total = np.zeros(values.shape[1])
        cells = [math.floor(u * scale) for u in point]
        sides = [u * scale - c for u, c in zip(point, cells, strict=True)]
        sides = [f * f * (3 - 2 * f) for f in sides]
        for corner in itertools.product((0, 1), repeat=3):
            x, y, z = (c + k for c, k in zip(cells, corner, strict=True))
            if resolution**3 <= length:
                entry = x + y * resolution + z * resolution**2
            else:
                entry = x ^ (y * 2654435761 % 2**32) ^ (z * 805459861 % 2**32)
            weight = math.prod(f if k else 1 - f for f, k in zip(sides, corner, strict=True))
            total = total + weight * values[levels.offsets[level] + entry % length]
        out.append(total)
    return np.concatenate(out)


def full_levels() -> HashLevels:
    config = HashConfig()
    return HashLevels(config.levels, config.log2_size, config.base, config.finest)


def test_full_configuration() -> None:
    levels = full_levels()
    resolutions = "16 22 28 37 49 64 85 112 148 195 256 338 446 589 777 1024"
    assert " ".join(map(str, levels.resolutions)) == resolutions
    assert levels.offsets[-1] == 5_710_022
    dense = [resolution**3 <= 2**19 for resolution in levels.resolutions]
    assert dense == [True] * 6 + [False] * 10


def test_offsets_are_running_sums() -> None:
    levels = full_levels()
    assert levels.offsets[0] == levels.plane_offsets[0] == 0
    assert np.diff(levels.offsets).tolist() == list(levels.lengths)
    assert np.diff(levels.plane_offsets).tolist() == [r * r for r in levels.resolutions]


@pytest.mark.parametrize("level", range(4))
def test_entries_stay_within_their_level(level: int) -> None:
    r = SMALL.resolutions[level]
    vertices = torch.meshgrid(*[torch.arange(r)] * 3, indexing="ij")
    entry = SMALL.index(level, *vertices)
    assert entry.min() >= SMALL.offsets[level]
    assert entry.max() < SMALL.offsets[level + 1]
    if r**3 <= 2**SMALL.log2_size:
        assert len(entry.unique()) == r**3, "a dense level has one entry a vertex"


@pytest.mark.parametrize("count", [1, 200])
def test_agrees_with_the_scalar_reference(count: int) -> None:
    values = table()
    coords = torch.rand(count, 3, dtype=torch.float64) * 1.1 - 0.05
    expected = np.stack([reference(p, values.numpy(), SMALL) for p in coords.tolist()])
    np.testing.assert_allclose(hash_encode(coords, values, SMALL).numpy(), expected, atol=1e-9)


def test_corners_of_the_cube() -> None:
    values = table()
    coords = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3)), dtype=torch.float64)
    expected = np.stack([reference(p, values.numpy(), SMALL) for p in coords.tolist()])
    np.testing.assert_allclose(hash_encode(coords, values, SMALL).numpy(), expected, atol=1e-9)


def test_outside_gives_zeros_on_all_levels() -> None:
    coords = torch.full((6, 3), 0.5, dtype=torch.float64)
    for i in range(6):
        coords[i, i % 3] = -1e-9 if i < 3 else 1 + 1e-9
    assert not hash_encode(coords, table(), SMALL).any()


def test_a_constant_table_gives_its_constant() -> None:
    """Weights of the corners sum to one."""
    out = hash_encode(torch.rand(50, 3, dtype=torch.float64), torch.full_like(table(), 3.0), SMALL)
    torch.testing.assert_close(out, torch.full_like(out, 3.0))


@pytest.mark.parametrize("t", [0.0, 0.2, 0.37, 1 - 1 / 300, 1.0])
def test_collapsed_tables_equal_pointwise_look_ups(t: float) -> None:
    tables = [table() for _ in range(3)]
    position = torch.rand(300, 3, dtype=torch.float64) * 1.2 - 0.1
    grids = collapse_time(tables, SMALL, t)
    assert grids.shape == (3, SMALL.plane_offsets[-1], 2)
    time = torch.full((300, 1), t, dtype=torch.float64)
    expected = sum(
        hash_encode(torch.cat([position[:, list(axes)], time], 1), values, SMALL)
        for axes, values in zip(PLANE_AXES, tables, strict=True)
    )
    # u passes through float32-like rounding of its own precision, nothing else differs
    torch.testing.assert_close(hash_encode_at(position, grids, SMALL), expected, atol=1e-9, rtol=1e-9)


def test_gradients() -> None:
    levels = HashLevels(levels=2, log2_size=5, base=2, finest=5)
    values = table(levels).requires_grad_()
    coords = torch.rand(5, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda v: hash_encode(coords, v, levels), values)
    assert torch.autograd.gradcheck(lambda v: collapse_time([v], levels, 0.3), values)
    grids = collapse_time([values.detach()] * 3, levels, 0.3).requires_grad_()
    assert torch.autograd.gradcheck(lambda g: hash_encode_at(coords, g, levels), grids)


def test_no_gradient_to_positions() -> None:
    coords = torch.rand(5, 3, dtype=torch.float64, requires_grad=True)
    hash_encode(coords, table().requires_grad_(), SMALL).sum().backward()
    assert coords.grad is None


def test_no_points_and_strided_points() -> None:
    values = table()
    grids = collapse_time([values] * 3, SMALL, 0.5)
    empty = torch.zeros(0, 3, dtype=torch.float64)
    assert hash_encode(empty, values, SMALL).shape == hash_encode_at(empty, grids, SMALL).shape == (0, 8)
    position = torch.rand(3, 11, dtype=torch.float64).T
    torch.testing.assert_close(hash_encode(position, values, SMALL), hash_encode(position.contiguous(), values, SMALL))
    torch.testing.assert_close(
        hash_encode_at(position, grids, SMALL), hash_encode_at(position.contiguous(), grids, SMALL)
    )
