"""The image encoder's input against the golden arrays."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dymap.capture import Capture
from dymap.capture.encoder_input import encoder_images, read_encoder_images
from dymap.capture.images import prepare
from dymap.config import ENCODER_SIZE
from tests.golden.sources import Golden

FRAME = 2
TRAIN_VIEWS = (0, 2, 4)
ENCODER_VIEWS = (2, 0, 1)
"""Positions among the training views."""


def golden_input(golden: Golden, capture: Capture) -> NDArray[np.float32]:
    dataset = golden.arrays("dataset")
    images = []
    for view in (TRAIN_VIEWS[i] for i in ENCODER_VIEWS):
        mask = (dataset["cap_mask"][FRAME, view, ..., 0] > 100).astype(np.uint8)
        images.append(prepare(dataset["cap_images"][FRAME, view], mask, capture.source.cameras[view], 0.5)[0])
    return encoder_images(images)


def test_golden_encoder_input(golden: Golden, tiny: Capture) -> None:
    images = golden_input(golden, tiny)
    assert images.shape == (9, 512, 512)
    assert images.dtype == np.float32
    arrays = golden.arrays("dataset")
    arrays.check("nhr_test3/fixedcamimages_every16", images[:, ::16, ::16], atol=1e-5)
    # the five stats: channels, mean, standard deviation, smallest, largest value
    stats = [len(images), images.mean(dtype=float), images.std(dtype=float), images.min(), images.max()]
    arrays.check("nhr_test3/fixedcamimages_stats", stats, atol=1e-5)


def test_reading_from_disk_gives_the_same(trimmed: Golden, tiny: Capture) -> None:
    """The palette masks of the tiny capture cover the same pixels as its NHR masks."""
    views = [TRAIN_VIEWS[i] for i in ENCODER_VIEWS]
    read = read_encoder_images(tiny.source, views, FRAME, tiny.config.ratio)
    np.testing.assert_array_equal(read, golden_input(trimmed, tiny))


def test_values_and_order() -> None:
    """Black becomes -4, white 6.2; cameras come one after the other, each RGB."""
    first, second = np.zeros((20, 30, 3), np.float32), np.ones((40, 10, 3), np.float32)
    second[..., 2] = 0
    images = encoder_images([first, second])
    assert images.shape == (6, ENCODER_SIZE, ENCODER_SIZE)
    np.testing.assert_allclose(images[:, 0, 0], [-4, -4, -4, 6.2, 6.2, -4], atol=1e-6)


def test_area_resizing_keeps_the_mean_of_large_images() -> None:
    image = np.random.default_rng(0).random((1024, 1536, 3), dtype=np.float32)
    assert encoder_images([image]).mean() == pytest.approx((255 * image.mean() - 100) / 25, abs=1e-3)


def test_no_camera() -> None:
    with pytest.raises(ValueError, match="at least one camera"):
        encoder_images([])
