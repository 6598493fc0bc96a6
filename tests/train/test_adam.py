"""Lazy Adam: where the gradients of the hash tables may be."""

from __future__ import annotations

import torch

from dymap.train.adam import LazyAdam
from tests.field.models import tiny_field


def test_gradients_beside_the_buffers_count() -> None:
    """Points too few to collapse the hash grids for leave theirs in `.grad`."""
    moved = []
    for aside in (False, True):
        torch.manual_seed(0)
        field = tiny_field()
        table = field.hash.tables[0]
        before = table.detach().clone()
        optimiser = LazyAdam([{"params": [table], "lr": 0.1}], field, clip=40.0)
        assert field.hash.gradients is not None
        gradient = torch.zeros_like(table)
        gradient[3] = 0.5
        if aside:
            table.grad = gradient
        else:
            field.hash.gradients[0].copy_(gradient)
        optimiser.step()
        moved.append(table.detach() - before)
    torch.testing.assert_close(moved[0], moved[1], rtol=0, atol=0)
    assert (moved[0][3] != 0).all()


def test_a_step_that_was_given_up_leaves_nothing() -> None:
    field = tiny_field()
    optimiser = LazyAdam([{"params": [field.hash.tables[0]], "lr": 0.1}], field, clip=40.0)
    assert field.hash.gradients is not None
    before = field.hash.tables[0].detach().clone()
    optimiser.zero_grad()
    field.hash.gradients[0][3] = 0.5  # and then something fails
    optimiser.zero_grad()
    optimiser.step()
    assert torch.equal(field.hash.tables[0], before)
