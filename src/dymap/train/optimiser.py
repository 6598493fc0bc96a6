"""Adam, with gradients clipped by value; for short trainings lazy on the hash tables (method.md 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from dymap.config import Config
from dymap.field.field import Field
from dymap.kernels import AdamStep, adam, keep_gradient
from dymap.train.colours import ColourMatch

Groups = list[dict[str, Any]]

LAZY: dict[str, Any] = {"betas": (0.9, 0.99), "eps": 1e-12}
"""Of the hash tables with `lazy_adam`: an entry is touched every 30th step or so, by small gradients."""


def make_optimiser(field: Field, config: Config, colours: ColourMatch | None = None) -> torch.optim.Adam:
    """Adam with one group a tensor, in the order codes or encoder, decoder, hash tables, colours of the cameras."""
    train = config.train
    rates = {"codes": train.lr_codes, "decoder": train.lr_decoder, "hash": train.lr_hash}
    groups: Groups = [
        {"params": [parameter], "lr": rates[part], "base_lr": rates[part]}
        for part, parameters in field.parameter_groups()
        for parameter in parameters
    ]
    if colours is not None:
        groups.append({"params": [colours.change], "lr": train.lr_colours, "base_lr": train.lr_colours})
    if train.lazy_adam:
        return LazyAdam(groups, field.hash.tables, train.clip_value)
    # Fused Adam computes the same numbers in one pass over memory instead of ten.
    fused = all(parameter.device.type in ("cpu", "cuda") for parameter in field.parameters())
    return ClippedAdam(groups, train.clip_value, fused)


class ClippedAdam(torch.optim.Adam):
    """torch's Adam, with gradients clipped by value first."""

    def __init__(self, groups: Groups, clip: float, fused: bool):
        super().__init__(groups, betas=(0.9, 0.999), eps=1e-8, fused=fused)
        self._clip = clip

    def step(self, closure: Callable[[], float] | None = None) -> Any:
        torch.nn.utils.clip_grad_value_([p for group in self.param_groups for p in group["params"]], self._clip)
        return super().step(closure)


class LazyAdam(torch.optim.Adam):
    """Adam whose `tables` keep values and moments where a step has no gradient, with gradients clipped by value.

    Of some ten million entries a step on one frame touches a few hundred thousand. So the tables keep a `.grad` that
    backward passes add to, and a step leaves it at zero behind it. State as torch's Adam.
    """

    def __init__(self, groups: Groups, tables: Sequence[Tensor], clip: float):
        super().__init__([group | LAZY if _holds(tables, group) else group for group in groups])
        self._clip = clip
        self._tables = tuple(tables)
        self._clean = True  # the tables' gradients are zero
        for table in tables:
            keep_gradient(table)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients; those of the tables are zero already unless the step before was given up."""
        held = [table.grad for table in self._tables]
        super().zero_grad(set_to_none)
        for table, gradient in zip(self._tables, held, strict=True):
            table.grad = torch.zeros_like(table) if gradient is None else gradient
            if not self._clean:
                table.grad.zero_()
        self._clean = False

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step with the gradients there are; those of the tables are zero afterwards."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["step"] = torch.tensor(0.0)
                    state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
                state["step"] += 1
                lazy, gradient = _holds(self._tables, group), parameter.grad.contiguous()
                how = AdamStep(int(state["step"]), group["lr"], group["betas"], group["eps"], self._clip, lazy)
                adam(parameter.data, gradient, state["exp_avg"], state["exp_avg_sq"], how)
                if lazy and gradient is not parameter.grad:
                    parameter.grad.zero_()  # as its contiguous copy is now
        self._clean = True


def _holds(tables: Sequence[Tensor], group: dict[str, Any]) -> bool:
    return any(group["params"][0] is table for table in tables)
