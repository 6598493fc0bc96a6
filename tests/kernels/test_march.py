"""Marching through an occupancy grid, against one ray at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dymap.geometry.rays import slab_test
from dymap.kernels import march_intervals

BOX = torch.tensor([[-0.5, -0.4, -0.1], [0.6, 0.5, 1.5]], dtype=torch.float64)


def scene(rays: int = 60, seed: int = 0, filled: float = 0.3) -> tuple[torch.Tensor, ...]:
    """Rays that hit the box, their ranges, and a random grid; float64, where rounding decides nothing."""
    g = torch.Generator().manual_seed(seed)
    o = torch.randn(4 * rays, 3, generator=g, dtype=torch.float64) * 3
    target = BOX[0] + torch.rand(4 * rays, 3, generator=g, dtype=torch.float64) * (BOX[1] - BOX[0])
    d = (target - o) / (target - o).norm(dim=1, keepdim=True)
    near, far, hit = slab_test(o, d, BOX)
    grid = torch.rand(4, 5, 7, generator=g) < filled
    return o[hit][:rays], d[hit][:rays], near[hit][:rays].clamp(min=0), far[hit][:rays], grid


def reference(
    o: np.ndarray, d: np.ndarray, t_min: float, t_max: float, box: np.ndarray, grid: np.ndarray, step: float
) -> list[tuple[float, float]]:
    """All samples of one ray, as method.md 8 says it."""
    size = np.array(grid.shape)
    t0, t1 = t_min, t_min + step
    found = []
    while (mid := (t0 + t1) / 2) < t_max:
        cell = (o + mid * d - box[0]) / (box[1] - box[0]) * size
        index = np.clip(np.trunc(cell).astype(int), 0, size - 1)
        if ((cell >= 0) & (cell <= size)).all() and grid[tuple(index)]:
            found.append((t0, t1))
            t0, t1 = t1, t1 + step
            continue
        speed = d / (box[1] - box[0]) * size
        faces = [(math.floor(c) + (s > 0) - c) / s for c, s in zip(cell, speed, strict=True) if abs(s) > 1e-12]
        face = mid + min(faces)
        mid += step
        while mid < face:
            mid += step
        t0, t1 = mid - step / 2, mid + step / 2
    return found


def test_agrees_with_one_ray_at_a_time() -> None:
    o, d, near, far, grid = scene()
    found, counts, _ = march_intervals(o, d, near, far, BOX, grid, 0.03, 200)
    assert counts.max() > 10
    for ray in range(len(o)):
        expected = reference(
            o[ray].numpy(), d[ray].numpy(), float(near[ray]), float(far[ray]), BOX.numpy(), grid.numpy(), 0.03
        )
        assert counts[ray] == len(expected)
        np.testing.assert_allclose(found[ray, : len(expected)].reshape(-1, 2), np.reshape(expected, (-1, 2)), atol=1e-9)


def test_a_full_grid_is_sampled_evenly() -> None:
    o, d, near, far, grid = scene()
    found, counts, _ = march_intervals(o, d, near, far, BOX, torch.ones_like(grid), 0.05, 200)
    steps = torch.arange(200, dtype=torch.float64) * 0.05
    for ray in range(len(o)):
        n = int(counts[ray])
        torch.testing.assert_close(found[ray, :n, 0], near[ray] + steps[:n])
        assert near[ray] + (n + 0.5) * 0.05 >= far[ray] - 1e-9, "the next middle lies beyond the box"
    length = (found[..., 1] - found[..., 0])[found[..., 1] > 0]
    torch.testing.assert_close(length, torch.full_like(length, 0.05))


def test_an_empty_grid_gives_nothing() -> None:
    o, d, near, far, grid = scene()
    found, counts, stand = march_intervals(o, d, near, far, BOX, torch.zeros_like(grid), 0.03, 8)
    assert not counts.any()
    assert not found.any()
    assert (stand + 0.015 >= far).all()


def test_middles_lie_in_occupied_voxels() -> None:
    o, d, near, far, grid = scene(200)
    found, counts, _ = march_intervals(o, d, near, far, BOX, grid, 0.03, 200)
    ray, slot = torch.nonzero(torch.arange(200) < counts[:, None], as_tuple=True)
    middle = found[ray, slot].mean(-1)
    assert (middle < far[ray]).all()
    cell = (o[ray] + middle[:, None] * d[ray] - BOX[0]) / (BOX[1] - BOX[0]) * torch.tensor(grid.shape)
    assert grid[tuple(cell.long().unbind(1))].all()


def test_no_occupied_voxel_is_jumped_over() -> None:
    """Every stretch of a ray longer than two steps inside an occupied voxel is sampled."""
    o, d, near, far, grid = scene(100, filled=0.1)
    step = 0.02
    found, counts, _ = march_intervals(o, d, near, far, BOX, grid, step, 400)
    fine = torch.arange(0, 1, 1e-3, dtype=torch.float64)
    for ray in range(len(o)):
        t = near[ray] + (far[ray] - near[ray]) * fine
        cell = ((o[ray] + t[:, None] * d[ray] - BOX[0]) / (BOX[1] - BOX[0]) * torch.tensor(grid.shape)).long()
        cell = torch.minimum(cell.clamp(min=0), torch.tensor(grid.shape) - 1)
        inside = grid[tuple(cell.unbind(1))]
        middles = found[ray, : counts[ray]].mean(-1)
        for start, end in runs(inside, t):
            if end - start > 2 * step:
                assert ((middles >= start - step) & (middles <= end + step)).any()


def runs(inside: torch.Tensor, t: torch.Tensor) -> list[tuple[float, float]]:
    """(first, last) t of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], inside.numpy().astype(int), [0]])))
    return [(float(t[a]), float(t[b - 1])) for a, b in edges.reshape(-1, 2)]


@pytest.mark.parametrize("limit", [1, 3, 16])
def test_rounds_continue_where_they_stopped(limit: int) -> None:
    """Marching in rounds of any length finds what one long march finds, to the bit."""
    o, d, near, far, grid = scene()
    found, counts, _ = march_intervals(o, d, near, far, BOX, grid, 0.03, 200)
    t, parts = near, [[] for _ in range(len(o))]
    for _ in range(200):
        some, count, t = march_intervals(o, d, t, far, BOX, grid, 0.03, limit)
        for ray in range(len(o)):
            parts[ray].append(some[ray, : count[ray]])
        if (count < limit).all():
            break
    for ray in range(len(o)):
        assert torch.equal(torch.cat(parts[ray]), found[ray, : counts[ray]])


@pytest.mark.parametrize("direction", [(1, 0, 0), (0, -1, 0), (0, 0, 1), (1e-13, 0.6, 0.8)])
def test_axis_parallel_rays_end(direction: tuple[float, float, float]) -> None:
    d = torch.tensor([direction], dtype=torch.float64)
    o = BOX[0] + (BOX[1] - BOX[0]) * torch.tensor([[0.6, 0.5, 0.5]]) - 2 * d
    near, far, hit = slab_test(o, d, BOX)
    assert hit.all()
    grid = torch.zeros(4, 5, 7, dtype=torch.bool)
    grid[2, 2, 3] = True
    found, counts, _ = march_intervals(o, d, near, far, BOX, grid, 0.01, 500)
    middle = found[0, : counts[0]].mean(-1)
    cell = (o + middle[:, None] * d - BOX[0]) / (BOX[1] - BOX[0]) * torch.tensor(grid.shape)
    assert counts[0] > 5
    assert torch.equal(cell.long(), torch.tensor([[2, 2, 3]]).expand(len(cell), 3))


def test_no_rays() -> None:
    empty = torch.zeros(0, 3)
    found, counts, stand = march_intervals(
        empty, empty, empty[:, 0], empty[:, 0], BOX.float(), torch.ones(2, 2, 2, dtype=torch.bool), 0.1, 4
    )
    assert found.shape == (0, 4, 2)
    assert len(counts) == len(stand) == 0
