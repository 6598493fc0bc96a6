"""Initial weights out of a seed: distributed as those of torch, the same everywhere, of a seed and a parameter."""

from __future__ import annotations

import numpy as np
import torch

from dymap.field.decoder import PlaneDecoder
from dymap.field.start import begin, drawn, mixed, start_of, unit
from tests.field.models import TINY


def test_words_are_mixed_as_everywhere() -> None:
    """Worked out by hand in Python's whole numbers."""
    word = 12345
    expected = word
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        expected = (expected ^ expected >> shift) * factor % 2**32
    expected ^= expected >> 16
    assert mixed(np.array([word], np.uint64)).tolist() == [expected]
    assert 0 < unit(np.arange(1000, dtype=np.uint64)).min() < unit(np.arange(1000, dtype=np.uint64)).max() < 1


def test_numbers_are_normal_and_uniform_and_independent() -> None:
    normal, uniform = drawn("normal", 3, 0, (200, 100)), drawn("uniform", 3, 1, (200, 100))
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 1) < 0.03
    assert 3 < np.abs(normal).max() < 6
    assert abs(uniform.std() - 3**-0.5) < 0.01
    assert np.abs(uniform).max() <= 1
    for other in (drawn("normal", 4, 0, (200, 100)), drawn("normal", 3, 1, (200, 100)), np.roll(normal, 1)):
        assert abs((normal * other).mean()) < 0.03


def test_a_decoder_begins_with_them_at_the_scale_that_torch_gives() -> None:
    torch.manual_seed(0)
    usual, ours = PlaneDecoder(TINY), PlaneDecoder(TINY)
    begin(ours, 0)
    changed = 0
    for (name, a), (_, b) in zip(usual.named_parameters(), ours.named_parameters(), strict=True):
        if start_of(name, tuple(a.shape)) is None:
            continue
        changed += 1
        assert not torch.equal(a, b)
        assert 0.8 < float(a.detach().std() / b.detach().std()) < 1.25, name
    assert changed >= 7
    kernel = ours.up[0].weight
    assert torch.equal(kernel[:, :, 0::2, 0::2], kernel[:, :, 1::2, 1::2])
