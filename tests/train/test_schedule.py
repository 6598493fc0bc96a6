"""Learning rates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dymap.config import TrainConfig
from dymap.train.schedule import cosine_factor, lr_factor, published_factor
from tests.golden.sources import Golden


def test_golden_learning_rates(golden: Golden) -> None:
    """Epochs 0 to 400 of the base rates 5e-4 and 5e-3."""
    rates = [[base * published_factor(epoch) for base in (5e-4, 5e-3)] for epoch in range(401)]
    golden.arrays("geometry").check("lr_epoch0_400", np.array(rates), rtol=1e-9)


def test_published_landmarks() -> None:
    assert published_factor(0) == pytest.approx(1 / 3)
    assert published_factor(5) == pytest.approx(0.1 ** (5 / 400))
    assert published_factor(400) == pytest.approx(0.1)
    assert published_factor(350, decay_epochs=350) == pytest.approx(0.1)


def test_published_rates_rise_once_and_then_fall() -> None:
    rates = np.array([published_factor(e) for e in range(100)])
    assert (np.diff(rates[:6]) > 0).all()
    assert (np.diff(rates[5:]) < 0).all()


def test_rates_are_constant_within_an_epoch() -> None:
    config = TrainConfig(epoch_steps=500)
    assert lr_factor(0, config) == lr_factor(499, config) == published_factor(0)
    assert lr_factor(500, config) == published_factor(1)


def test_cosine_goes_from_a_short_rise_to_its_end() -> None:
    config = replace(TrainConfig(), schedule="cosine", steps=2000)
    rates = np.array([lr_factor(step, config) for step in range(2001)])
    assert rates[0] == pytest.approx(0.01)
    assert (np.diff(rates[:100]) > 0).all()
    assert (np.diff(rates[100:]) < 0).all()
    assert rates[-1] == pytest.approx(0.02)
    assert cosine_factor(5000, 2000) == pytest.approx(0.02), "stays there"
