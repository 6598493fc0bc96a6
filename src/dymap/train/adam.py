"""Adam for short trainings: the hash tables move only where a step touched them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from dymap.field.field import Field
from dymap.kernels import AdamStep, adam


class LazyAdam(torch.optim.Adam):
    """Adam whose hash tables (of the field) keep values and moments where a step has no gradient, with gradients
    clipped by value. Of some ten million entries a step on one frame touches a few hundred thousand.

    The gradients of the tables live in `field.hash.gradients`; what is in `.grad` is added. State as torch's Adam.
    """

    def __init__(self, groups: list[dict[str, Any]], field: Field, clip: float):
        super().__init__(groups, betas=(0.9, 0.999), eps=1e-8)
        self._clip = clip
        self._begun = False
        buffers = [torch.zeros_like(table) for table in field.hash.tables]
        field.hash.gradients = buffers
        self._lazy: dict[Tensor, Tensor] = dict(zip(field.hash.tables, buffers, strict=True))

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients; those of the tables too, if the step before was given up."""
        super().zero_grad(set_to_none)
        if self._begun:
            for buffer in self._lazy.values():
                buffer.zero_()
        self._begun = True

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step with the gradients there are; those of the tables are zero afterwards."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                lazy = parameter in self._lazy
                gradient = self._lazy[parameter] if lazy else parameter.grad
                if gradient is None:
                    continue
                if lazy and parameter.grad is not None:  # of points too few to collapse the grids for
                    gradient += parameter.grad
                state = self.state[parameter]
                if not state:
                    state["step"] = torch.tensor(0.0)
                    state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
                state["step"] += 1
                how = AdamStep(int(state["step"]), group["lr"], group["betas"], group["eps"], self._clip, lazy)
                adam(parameter.data, gradient.contiguous(), state["exp_avg"], state["exp_avg_sq"], how)
        self._begun = False
