"""MLP maps, forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dymap import _core
from dymap.kernels.cpu.backend import cpu, plain
from dymap.kernels.reference import mlp_maps as reference
from dymap.kernels.reference.mlp_maps import CellWeights


@cpu.implements(reference.mlp_maps)
def mlp_maps(features: Tensor, views: Tensor, ray: Tensor | None, position: Tensor, networks: CellWeights) -> Tensor:
    ray = None if ray is None else ray.detach().to(torch.int32).contiguous()
    shape = (networks.size, networks.overlap)
    return _MlpMaps.apply(features, plain(views), ray, plain(position), networks.first, networks.second, shape)


class _MlpMaps(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        views: Tensor,
        ray: Tensor | None,
        position: Tensor,
        first: Tensor,
        second: Tensor,
        shape: tuple[int, bool],
    ) -> Tensor:
        features, first, second = plain(features), plain(first), plain(second)
        ctx.save_for_backward(features, views, ray, position, first, second)
        ctx.shape = shape
        out = features.new_empty(len(features), 3)
        _core.mlp_maps(first, second, *shape, features, views, ray, position, out, torch.get_num_threads())
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        features, views, ray, position, first, second = ctx.saved_tensors
        d_features, d_first, d_second = (torch.empty_like(t) for t in (features, first, second))
        _core.mlp_maps_backward(
            first,
            second,
            ctx.shape[0],
            ctx.shape[1],
            features,
            views,
            ray,
            position,
            plain(grads[0]),
            d_features,
            d_first,
            d_second,
            torch.get_num_threads(),
        )
        return d_features, None, None, None, d_first, d_second, None
