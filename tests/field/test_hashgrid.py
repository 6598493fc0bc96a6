"""Hash grids at one time, looked up in 3D or collapsed, whichever is less work."""

from __future__ import annotations

import torch

from dymap.kernels import hash_encode_3d
from tests.field.models import tiny_field


def test_many_points_collapse_and_few_do_not() -> None:
    hash = tiny_field().hash.at(0.4)
    enough = -(-hash.levels.plane_offsets[-1] // (4 * hash.levels.levels))
    assert hash.collapse_for(enough - 1) is None
    assert hash.collapse_for(enough) is not None


def test_what_is_collapsed_stays_so() -> None:
    hash = tiny_field().hash.at(0.4)
    grids = hash.collapse()
    assert hash.collapse_for(1) is grids
    assert hash.collapse() is grids


def test_grids_that_were_collapsed_without_gradients_do_not_serve_training() -> None:
    hash = tiny_field().hash.at(0.4)
    with torch.no_grad():
        assert not hash.collapse().requires_grad
    assert hash.collapse_for(0) is None
    assert hash.collapse().requires_grad
    assert hash.nbytes == 2 * hash.collapse().nbytes


def test_both_ways_agree() -> None:
    field = tiny_field(torch.float64)
    position = torch.rand(5000, 3, dtype=torch.float64) * 1.2 - 0.1
    for which in ((0, 1, 2), (1,)):
        one_by_one = hash_encode_3d(field.hash.tables, field.hash.levels, 0.4, position, which)
        hash = field.hash.at(0.4)
        torch.testing.assert_close(hash(position[:2], which), one_by_one[:2])
        assert hash.collapse_for(2) is None
        torch.testing.assert_close(hash(position, which), one_by_one)
        assert hash.collapse_for(2) is not None
