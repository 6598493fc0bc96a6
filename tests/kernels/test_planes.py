"""Samples of the axis planes against torch's grid_sample."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from dymap.kernels import PLANE_AXES, sample_planes


def reference(planes: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
    """First axis along columns, second along rows; corners aligned, zeros outside."""
    total = 0
    for plane, (first, second) in zip(planes, PLANE_AXES, strict=True):
        grid = 2 * position[:, [first, second]] - 1
        sampled = F.grid_sample(plane.permute(2, 0, 1)[None], grid[None, None], align_corners=True)
        total = total + sampled[0, :, 0].T
    return total


def planes(rows: int = 6, columns: int = 9, channels: int = 5) -> torch.Tensor:
    return torch.randn(3, rows, columns, channels, dtype=torch.float64)


@pytest.mark.parametrize("count", [1, 7, 4099])
def test_agrees_with_grid_sample(count: int) -> None:
    p = planes()
    position = torch.rand(count, 3, dtype=torch.float64) * 1.6 - 0.3  # a part of them outside
    torch.testing.assert_close(sample_planes(p, position), reference(p, position))


def test_vertices_give_their_own_values() -> None:
    p = planes(4, 4)
    i, j, k = torch.meshgrid(*[torch.arange(4)] * 3, indexing="ij")
    position = torch.stack([i, j, k], -1).reshape(-1, 3).double() / 3
    expected = p[0, j, i] + p[1, k, i] + p[2, k, j]
    torch.testing.assert_close(sample_planes(p, position), expected.reshape(-1, 5))


def test_planes_linear_in_position_are_reproduced() -> None:
    """A plane whose values are its coordinates returns them."""
    u = torch.linspace(0, 1, 8, dtype=torch.float64)
    column, row = u.expand(8, 8), u[:, None].expand(8, 8)
    p = torch.stack([torch.stack([column, row], -1)] * 3)
    x = torch.rand(50, 3, dtype=torch.float64)
    expected = torch.stack([x[:, 0] + x[:, 0] + x[:, 1], x[:, 1] + x[:, 2] + x[:, 2]], -1)
    torch.testing.assert_close(sample_planes(p, x), expected)


@pytest.mark.parametrize("axis", range(3))
def test_outside_along_one_axis_leaves_the_plane_of_the_others(axis: int) -> None:
    p = planes()
    position = torch.rand(20, 3, dtype=torch.float64)
    only = torch.zeros_like(p)
    kept = next(i for i, axes in enumerate(PLANE_AXES) if axis not in axes)
    only[kept] = p[kept]
    expected = sample_planes(only, position)
    position[:, axis] = -1.0
    torch.testing.assert_close(sample_planes(p, position), expected)


def test_gradient_reaches_planes_and_not_positions() -> None:
    p = planes(3, 4, 2).requires_grad_()
    position = (torch.rand(6, 3, dtype=torch.float64) * 1.4 - 0.2).requires_grad_()
    assert torch.autograd.gradcheck(lambda q: sample_planes(q, position.detach()), p)
    sample_planes(p, position).sum().backward()
    assert position.grad is None


def test_no_points_and_strided_points() -> None:
    p = planes()
    assert sample_planes(p, torch.zeros(0, 3, dtype=torch.float64)).shape == (0, 5)
    position = torch.rand(3, 11, dtype=torch.float64).T
    torch.testing.assert_close(sample_planes(p, position), sample_planes(p, position.contiguous()))
    strided = p.permute(0, 2, 1, 3).contiguous().permute(0, 2, 1, 3)
    torch.testing.assert_close(sample_planes(strided, position), sample_planes(p, position))
