"""gather_sum against plain indexing, forward and backward."""

from __future__ import annotations

import pytest
import torch

from dymap.kernels.reference.gather import gather_sum, scatter_sum

CASES = [(17, 3, 4, 5), (1, 1, 1, 1), (40, 12, 2, 9), (33, 8, 31, 3), (5, 2, 4, 100)]
"""N, K, C, T: narrow and wide rows take different ways backward."""


def case(N: int, K: int, C: int, T: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    table = torch.randn(T, C, dtype=torch.float64)
    index = torch.randint(0, T, (N, K), dtype=torch.int32)
    return table, index, torch.randn(N, K, dtype=torch.float64)


@pytest.mark.parametrize("sizes", CASES)
def test_sum_of_weighted_rows(sizes: tuple[int, int, int, int]) -> None:
    table, index, weight = case(*sizes)
    expected = (table[index.long()] * weight[..., None]).sum(1)
    torch.testing.assert_close(gather_sum(table, index, weight), expected)


@pytest.mark.parametrize("sizes", CASES)
def test_gradient(sizes: tuple[int, int, int, int]) -> None:
    table, index, weight = case(*sizes)
    table.requires_grad_()
    assert torch.autograd.gradcheck(lambda t: gather_sum(t, index, weight), table)


@pytest.mark.parametrize("sizes", CASES)
def test_scatter_is_the_transpose(sizes: tuple[int, int, int, int]) -> None:
    """<gather(table), values> = <table, scatter(values)>."""
    table, index, weight = case(*sizes)
    values = torch.randn(len(index), table.shape[1], dtype=torch.float64)
    left = (gather_sum(table, index, weight) * values).sum()
    right = (table * scatter_sum(values, index, weight, len(table))).sum()
    torch.testing.assert_close(left, right)


def test_nothing_gathered() -> None:
    table = torch.randn(6, 3, requires_grad=True)
    out = gather_sum(table, torch.zeros(0, 4, dtype=torch.int32), torch.zeros(0, 4))
    assert out.shape == (0, 3)
    out.sum().backward()
    assert table.grad is not None
    assert not table.grad.any()


def test_noncontiguous_input() -> None:
    table, index, weight = case(20, 6, 8, 30)
    strided = torch.stack([table, table], -1)[..., 0]
    assert not strided.is_contiguous()
    torch.testing.assert_close(
        gather_sum(strided, index.T.contiguous().T, weight.T.contiguous().T), gather_sum(table, index, weight)
    )


def test_gradient_of_noncontiguous_output_gradient() -> None:
    """An expanded gradient, such as that of a sum, is not contiguous."""
    for channels in (2, 8):
        table, index, weight = case(9, 4, channels, 7)
        table.requires_grad_()
        gather_sum(table, index, weight).sum().backward()
        expected = torch.zeros(7, dtype=torch.float64).index_add(0, index.long().flatten(), weight.flatten())
        torch.testing.assert_close(table.grad, expected[:, None].expand(7, channels))
