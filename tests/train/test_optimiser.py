"""Lazy Adam: the gradients of the hash tables are kept, and are zero after a step."""

from __future__ import annotations

import pytest
import torch

from dymap.config import Config, TrainConfig
from dymap.train.optimiser import LazyAdam, make_optimiser
from tests.field.models import tiny_field


def lazy(**options: float) -> tuple[torch.Tensor, LazyAdam]:
    torch.manual_seed(0)
    table = tiny_field().hash.tables[0]
    return table, LazyAdam([{"params": [table], "lr": 0.1}], [table], **({"clip": 40.0} | options))


def test_gradients_of_points_looked_up_one_by_one_count_too() -> None:
    """Whether a backward pass adds to the kept gradient or autograd does."""
    moved = []
    for in_place in (False, True):
        table, optimiser = lazy()
        before = table.detach().clone()
        assert table.grad is not None
        if in_place:
            table.grad[3] += 0.5
        else:
            (table[3] * 0.5).sum().backward()
        optimiser.step()
        assert not table.grad.any()
        moved.append(table.detach() - before)
    torch.testing.assert_close(moved[0], moved[1], rtol=0, atol=0)
    assert (moved[0][3] != 0).all()
    assert not moved[0][:3].any()


def test_a_step_that_was_given_up_leaves_nothing() -> None:
    table, optimiser = lazy()
    before = table.detach().clone()
    optimiser.zero_grad()
    assert table.grad is not None
    table.grad[3] = 0.5  # and then something fails
    optimiser.zero_grad()
    optimiser.step()
    assert torch.equal(table, before)


@pytest.mark.parametrize("lazy_adam", [False, True])
def test_gradients_are_clipped_by_value(lazy_adam: bool) -> None:
    field = tiny_field()
    optimiser = make_optimiser(field, Config(train=TrainConfig(lazy_adam=lazy_adam, clip_value=1e-3)))
    optimiser.zero_grad()
    weight = field.decoder.density.weight
    weight.grad = torch.full_like(weight, 5.0)
    field.hash.tables[0].grad = torch.full_like(field.hash.tables[0], -5.0)
    optimiser.step()
    for parameter, sign in ((weight, 1), (field.hash.tables[0], -1)):
        torch.testing.assert_close(
            optimiser.state[parameter]["exp_avg"], torch.full_like(parameter, sign * 1e-4), rtol=1e-4, atol=0
        )
