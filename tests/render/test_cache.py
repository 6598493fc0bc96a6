"""The Frames used last."""

from __future__ import annotations

import torch

from dymap.field.field import Field
from dymap.render.cache import FrameCache
from tests.field.models import TINY


def test_the_least_recently_used_frame_goes() -> None:
    field = Field(TINY, torch.zeros(5, 2, 3) + torch.tensor([[0.0], [1.0]]))
    cache = FrameCache(field, capacity=2)
    first, second = cache[0], cache[1]
    assert cache[0] is first
    cache[2]  # 1 has not been used since
    assert cache[0] is first
    assert cache[1] is not second


def test_frames_carry_no_gradients() -> None:
    cache = FrameCache(Field(TINY, torch.zeros(2, 2, 3)))
    assert not cache[1].planes.requires_grad
