"""Hash grids at one time, looked up in 3D or collapsed, whichever is less work."""

from __future__ import annotations

import torch

from dymap.field.hashgrid import CollapsedHash, PointwiseHash
from tests.field.models import tiny_field


def test_many_points_collapse_and_few_do_not() -> None:
    hash = PointwiseHash(tiny_field().hash, 0.4)
    enough = -(-hash.hash.levels.plane_offsets[-1] // (4 * hash.hash.levels.levels))
    assert hash.collapsed(enough - 1) is None
    assert isinstance(hash.collapsed(enough), CollapsedHash)


def test_both_ways_agree() -> None:
    field = tiny_field(torch.float64)
    hash = PointwiseHash(field.hash, 0.4)
    position = torch.rand(5000, 3, dtype=torch.float64) * 1.2 - 0.1
    assert hash.collapsed(len(position)) is not None
    for which in ((0, 1, 2), (1,)):
        one_by_one = field.hash.encode(position, 0.4, which)
        torch.testing.assert_close(hash(position, which=which), one_by_one)
        torch.testing.assert_close(hash(position[:2], which=which), one_by_one[:2])
