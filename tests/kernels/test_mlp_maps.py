"""MLP maps against one tiny network at a time."""

from __future__ import annotations

import pytest
import torch

from dymap.kernels import PLANE_AXES, CellWeights, cell_weights, mlp_maps
from dymap.kernels.reference.mlp_maps import blocks, locate

S, K, H = 4, 5, 3


def blend(inputs: torch.Tensor, position: torch.Tensor, networks: CellWeights, views: int = 0) -> torch.Tensor:
    """mlp_maps whose last `views` inputs are the view's, a ray for every sample."""
    features = inputs.shape[1] - views
    return mlp_maps(inputs[:, :features], inputs[:, features:], None, position, networks)


def networks(size: int = S, inputs: int = K, hidden: int = H) -> tuple[torch.Tensor, torch.Tensor]:
    first = torch.randn(3, size * size, inputs, hidden, dtype=torch.float64)
    return first, torch.randn(3, size * size, hidden, 3, dtype=torch.float64)


def reference(
    inputs: torch.Tensor, position: torch.Tensor, first: torch.Tensor, second: torch.Tensor, overlap: bool
) -> torch.Tensor:
    """Outputs of the networks around every projection, one sample and one network at a time (method.md 3)."""
    size = int(first.shape[1] ** 0.5)
    rows = []
    for x, p in zip(inputs, position.clamp(0, 1), strict=True):
        out = torch.zeros(3, dtype=x.dtype)
        for plane, (a, b) in enumerate(PLANE_AXES):

            def network(i: int, j: int, plane: int = plane, x: torch.Tensor = x) -> torch.Tensor:
                return (x @ first[plane, i * size + j]).relu() @ second[plane, i * size + j]

            if overlap:
                i, j = (min(int(p[axis] * (size - 1)), size - 2) for axis in (a, b))
                f, g = p[a] * (size - 1) - i, p[b] * (size - 1) - j
                out = out + (1 - f) * ((1 - g) * network(i, j) + g * network(i, j + 1))
                out = out + f * ((1 - g) * network(i + 1, j) + g * network(i + 1, j + 1))
            else:
                out = out + network(*(min(int(p[axis] * size), size - 1) for axis in (a, b)))
        rows.append(out)
    return torch.stack(rows) if rows else inputs.new_zeros(0, 3)


@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("count", [1, 33, 300])
def test_agrees_with_one_network_at_a_time(overlap: bool, count: int) -> None:
    first, second = networks()
    inputs = torch.randn(count, K, dtype=torch.float64)
    position = torch.rand(count, 3, dtype=torch.float64) * 1.2 - 0.1
    position[0] = 1.0  # the last cell's far corner
    out = blend(inputs, position, cell_weights(first, second, S, overlap), views=2)
    torch.testing.assert_close(out, reference(inputs, position, first, second, overlap))


@pytest.mark.parametrize("overlap", [True, False])
def test_gradients(overlap: bool) -> None:
    first, second = (w.requires_grad_() for w in networks(size=3, inputs=3, hidden=2))
    inputs = torch.randn(20, 3, dtype=torch.float64, requires_grad=True)
    position = torch.rand(20, 3, dtype=torch.float64)

    def function(x: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return blend(x, position, cell_weights(a, b, 3, overlap))

    assert torch.autograd.gradcheck(function, (inputs, first, second), fast_mode=True)


def test_gradients_agree_with_one_network_at_a_time() -> None:
    grads = []
    leaves = [w.requires_grad_() for w in (torch.randn(70, K, dtype=torch.float64), *networks())]
    position = torch.rand(70, 3, dtype=torch.float64)
    target = torch.randn(70, 3, dtype=torch.float64)
    for out in (
        blend(leaves[0], position, cell_weights(*leaves[1:], S, True)),
        reference(leaves[0], position, *leaves[1:], overlap=True),
    ):
        grads.append(torch.autograd.grad((out * target).sum(), leaves))
    for ours, expected in zip(*grads, strict=True):
        torch.testing.assert_close(ours, expected)


def test_no_gradient_to_positions() -> None:
    position = torch.rand(5, 3, dtype=torch.float64, requires_grad=True)
    inputs = torch.randn(5, K, dtype=torch.float64, requires_grad=True)
    blend(inputs, position, cell_weights(*networks(), S, True)).sum().backward()
    assert position.grad is None
    assert inputs.grad is not None


def test_total_weight_is_three() -> None:
    """All networks equal: the blend over three planes is three times their output, everywhere."""
    first, second = networks()
    first, second = first[:1, :1].expand_as(first).contiguous(), second[:1, :1].expand_as(second).contiguous()
    inputs = torch.randn(50, K, dtype=torch.float64)
    expected = 3 * (inputs @ first[0, 0]).relu() @ second[0, 0]
    for overlap in (True, False):
        out = blend(inputs, torch.rand(50, 3, dtype=torch.float64), cell_weights(first, second, S, overlap))
        torch.testing.assert_close(out, expected)


def test_overlap_is_continuous_across_cells() -> None:
    weights = cell_weights(*networks(), S, True)
    inputs = torch.randn(1, K, dtype=torch.float64).expand(2, K)
    for axis in range(3):
        position = torch.rand(1, 3, dtype=torch.float64).repeat(2, 1)
        position[:, axis] = torch.tensor([1 / 3 - 1e-9, 1 / 3 + 1e-9])
        below, above = blend(inputs, position, weights)
        torch.testing.assert_close(below, above, atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [2, 4, 16])
def test_corner_weights_sum_to_one_and_reproduce_the_position(size: int) -> None:
    position = torch.rand(100, 2, dtype=torch.float64)
    cell, weight = locate(position, size, overlap=True)
    torch.testing.assert_close(weight.sum(1), torch.ones(100, dtype=torch.float64))
    row, column = torch.div(cell, size - 1, rounding_mode="floor"), cell % (size - 1)
    mean = torch.stack([row + weight[:, 2] + weight[:, 3], column + weight[:, 1] + weight[:, 3]], 1) / (size - 1)
    torch.testing.assert_close(mean, position)


@pytest.mark.parametrize("count", [0, 1, 17, 500, 20_000])
def test_blocks_hold_every_sample_once_with_its_own_cell(count: int) -> None:
    cell = torch.randint(0, 9, (count,)) // 2 * 2  # some cells stay empty
    source, block_cell = blocks(cell, 9)
    real = source >= 0
    assert torch.equal(source[real].sort()[0], torch.arange(count))
    owner = block_cell[:, None].expand_as(source)
    assert torch.equal(cell[source[real]], owner[real])


def test_no_samples_and_strided_samples() -> None:
    weights: CellWeights = cell_weights(*networks(), S, True)
    assert blend(torch.zeros(0, K, dtype=torch.float64), torch.zeros(0, 3), weights).shape == (0, 3)
    inputs, position = torch.randn(K, 9, dtype=torch.float64).T, torch.rand(3, 9, dtype=torch.float64).T
    expected = blend(inputs.contiguous(), position.contiguous(), weights)
    torch.testing.assert_close(blend(inputs, position, weights), expected)
