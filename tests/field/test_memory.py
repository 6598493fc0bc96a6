"""Memory that tensors leave to each other."""

from __future__ import annotations

import torch

from dymap.field.memory import Memory


def test_memory_comes_back_with_its_mark() -> None:
    memory, like = Memory(), torch.zeros(0)
    first, before = memory.take((5, 7), like, "first")
    assert before is None
    assert first.shape == (5, 7)
    assert first.dtype == torch.float32
    assert not first.any()
    assert first.data_ptr() % 4096 == 0
    second, before = memory.take((5, 7), like, "second")  # the first is in use
    assert before is None
    first[2] = 3
    address, view = first.data_ptr(), first[2]
    del first
    third, before = memory.take((5, 7), like, "third")  # a view of the first is
    assert before is None
    assert (view == 3).all()
    del view
    fourth, before = memory.take((5, 7), like, "fourth")
    assert before == "first"
    assert fourth.data_ptr() == address
    assert (fourth[2] == 3).all()
    del second, third


def test_other_shapes_get_memory_of_their_own() -> None:
    memory, like = Memory(), torch.zeros(0, dtype=torch.float64)
    memory.take((3,), like, 1)[0].fill_(2)
    large, before = memory.take((40,), like, 2)
    assert before is None
    assert large.dtype == torch.float64
    assert not large.any()


def test_little_is_kept() -> None:
    memory, like = Memory(), torch.zeros(0)
    held = [memory.take((3,), like, i)[0] for i in range(5)]
    held.clear()
    kept = [memory.take((3,), like, 0) for _ in range(5)]
    assert sum(before is not None for _, before in kept) == 2
