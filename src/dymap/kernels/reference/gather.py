"""gather_sum: the one gather behind planes and hash grids, with a backward that does not crawl on a CPU."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def gather_sum(table: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """out[n] = sum_k weight[n, k] * table[index[n, k]].

    table: [T, C] floating; index: [N, K] int32 in [0, T); weight: [N, K], no gradient flows to it. Returns [N, C].
    """
    return _GatherSum.apply(table, index, weight)


class _GatherSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, index: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(index, weight)
        ctx.rows = len(table)
        if len(index) == 0:
            return table.new_zeros(0, table.shape[1])
        return F.embedding_bag(index, table, per_sample_weights=weight, mode="sum")

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, None, None]:
        index, weight = ctx.saved_tensors
        return scatter_sum(grads[0].contiguous(), index, weight, ctx.rows), None, None


def scatter_sum(values: Tensor, index: Tensor, weight: Tensor, rows: int) -> Tensor:
    """The transpose of gather_sum: out[t] = sum over (n, k) with index[n, k] = t of weight[n, k] * values[n].

    values: [N, C]; index, weight: [N, K]. Returns [rows, C].
    """
    N, K = index.shape
    C = values.shape[1]
    if N == 0:
        return values.new_zeros(rows, C)
    flat = index.reshape(-1)
    if values.device.type != "cpu":
        out = values.new_zeros(rows, C)
        return out.index_add_(0, flat, (values[:, None] * weight[..., None]).reshape(-1, C))
    if C <= 4:  # narrow rows: a weighted histogram for each channel
        columns = [torch.bincount(flat, (values[:, c : c + 1] * weight).reshape(-1), minlength=rows) for c in range(C)]
        return torch.stack(columns, dim=1).to(values.dtype)
    # Wide rows: sort by destination (a radix sort for int32), then every destination is one bag of sources.
    order = torch.sort(flat.int(), stable=False)[1]
    counts = torch.bincount(flat, minlength=rows)
    starts = torch.cumsum(counts, 0) - counts
    sources = torch.div(order, K, rounding_mode="floor")
    return F.embedding_bag(sources, values, starts, per_sample_weights=weight.reshape(-1)[order], mode="sum")
