"""Image metrics against their formulas, written out by hand, and against golden numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from dymap.evaluate.metrics import box_crop, match_colours, psnr, ssim
from dymap.geometry.box import bounding_rectangle
from tests.golden.sources import Golden

Picture = NDArray[np.float32]


def pair(height: int = 13, width: int = 17, seed: int = 0) -> tuple[Picture, Picture]:
    """Two similar pictures [H, W, 3] in [0, 1]."""
    rng = np.random.default_rng(seed)
    truth = rng.random((height, width, 3), dtype=np.float32)
    return np.clip(truth + 0.1 * rng.normal(size=truth.shape).astype(np.float32), 0, 1), truth


def slow_psnr(a: Picture, b: Picture, where: NDArray[np.bool_]) -> float:
    total, count = 0.0, 0
    for i, j in np.argwhere(where):
        for c in range(3):
            total += (float(a[i, j, c]) - float(b[i, j, c])) ** 2
            count += 1
    return -10 * math.log10(total / count)


def slow_ssim(a: Picture, b: Picture, data_range: float, window: int = 7) -> float:
    """Every window that lies wholly in the picture, one by one; Wang et al. 2004 with uniform weights."""
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    values = []
    for c in range(a.shape[2]):
        for i in range(a.shape[0] - window + 1):
            for j in range(a.shape[1] - window + 1):
                x = a[i : i + window, j : j + window, c].astype(np.float64).ravel()
                y = b[i : i + window, j : j + window, c].astype(np.float64).ravel()
                covariance = np.cov(x, y)  # sample covariance: n - 1
                values.append(
                    (2 * x.mean() * y.mean() + c1) * (2 * covariance[0, 1] + c2)
                    / ((x.mean() ** 2 + y.mean() ** 2 + c1) * (covariance[0, 0] + covariance[1, 1] + c2))
                )  # fmt: skip
    return float(np.mean(values))


def test_psnr_is_its_formula() -> None:
    ours, truth = pair()
    where = np.random.default_rng(1).random(truth.shape[:2]) < 0.3
    assert psnr(ours, truth, where) == pytest.approx(slow_psnr(ours, truth, where), abs=1e-9)
    everywhere = np.ones(truth.shape[:2], bool)
    assert psnr(ours, truth) == pytest.approx(slow_psnr(ours, truth, everywhere), abs=1e-9)
    assert psnr(truth, ours) == psnr(ours, truth)


@pytest.mark.parametrize(("error", "expected"), [(0.1, 20.0), (0.01, 40.0), (1.0, 0.0)])
def test_psnr_of_a_constant_error(error: float, expected: float) -> None:
    truth = np.zeros((4, 5, 3), np.float32)
    assert psnr(truth + np.float32(error), truth) == pytest.approx(expected, abs=1e-5)


def test_psnr_at_the_edges() -> None:
    ours, truth = pair()
    nowhere = np.zeros(truth.shape[:2], bool)
    assert math.isnan(psnr(ours, truth, nowhere))
    assert psnr(truth, truth) == math.inf
    one = nowhere.copy()
    one[3, 4] = True
    assert psnr(ours, truth, one) == pytest.approx(slow_psnr(ours, truth, one), abs=1e-9)
    tiny = truth + np.float32(2**-20) * (truth < 0.5)
    assert psnr(tiny.astype(np.float32), truth) > 110


@pytest.mark.parametrize("data_range", [1.0, 2.0])
@pytest.mark.parametrize(("height", "width"), [(7, 7), (9, 8), (13, 17)])
def test_ssim_is_its_formula(height: int, width: int, data_range: float) -> None:
    ours, truth = pair(height, width)
    assert ssim(ours, truth, data_range) == pytest.approx(slow_ssim(ours, truth, data_range), abs=1e-5)


def test_ssim_at_the_edges() -> None:
    ours, truth = pair()
    assert ssim(truth, truth, 1.0) == pytest.approx(1, abs=1e-6)
    assert ssim(ours, truth, 1.0) == pytest.approx(ssim(truth, ours, 1.0), abs=1e-6)
    assert ssim(ours, truth, 1.0) < ssim(ours, truth, 2.0) < 1
    assert math.isnan(ssim(ours[:6], truth[:6], 1.0))
    assert math.isnan(ssim(ours[:, :0], truth[:, :0], 1.0))


def test_crop_is_the_mask_on_background() -> None:
    image = np.arange(5 * 6 * 3, dtype=np.float32).reshape(5, 6, 3) + 1
    mask = np.zeros((5, 6), bool)
    mask[1, 2] = mask[3, 4] = True
    out = box_crop(image, mask, background=-1)
    assert out.shape == (3, 3, 3)
    for i, j in np.ndindex(3, 3):
        inside = (i, j) in ((0, 0), (2, 2))
        np.testing.assert_array_equal(out[i, j], image[1 + i, 2 + j] if inside else [-1] * 3)
    assert box_crop(image, np.zeros((5, 6), bool)).size == 0


def golden_images(golden: Golden) -> tuple[Picture, Picture, NDArray[np.bool_], NDArray[np.bool_]]:
    """Prediction, truth, box mask and edge band; the file holds the rays of the box mask alone, in order."""
    arrays = golden.arrays("metrics")
    height, width = (int(v) for v in arrays["HW"])
    box_mask = arrays["mask_at_box"].reshape(height, width)
    images = []
    for key in ("pred", "gt"):
        image = np.zeros((height, width, 3), np.float32)
        image[box_mask] = arrays[key]
        images.append(image)
    edge = np.zeros_like(box_mask)
    edge[box_mask] = arrays["edge"]
    return images[0], images[1], box_mask, edge


def test_golden_psnr_leaves_the_edge_band_out(golden: Golden) -> None:
    ours, truth, box_mask, edge = golden_images(golden)
    assert (edge & box_mask).any()
    expected = float(golden.arrays("metrics")["psnr"])
    assert psnr(ours, truth, box_mask & ~edge) == pytest.approx(expected, abs=1e-5)
    assert abs(psnr(ours, truth, box_mask) - expected) > 1e-3


@pytest.mark.parametrize(("data_range", "key"), [(2.0, "ssim_data_range2"), (1.0, "ssim_data_range1")])
def test_golden_ssim_keeps_the_edge_band(golden: Golden, data_range: float, key: str) -> None:
    ours, truth, box_mask, _ = golden_images(golden)
    arrays = golden.arrays("metrics")
    assert bounding_rectangle(box_mask) == tuple(arrays["crop_xywh"])
    cropped = box_crop(ours, box_mask), box_crop(truth, box_mask)
    assert ssim(*cropped, data_range) == pytest.approx(float(arrays[key]), abs=1e-5)


def test_a_colour_matrix_is_undone() -> None:
    """Of what is there: the offset is that of its opacity."""
    rng = np.random.default_rng(2)
    opacity = rng.uniform(0, 1, (12, 9)).astype(np.float32)
    ours = (rng.random((12, 9, 3)) * opacity[..., None]).astype(np.float32)
    A, b = np.eye(3) * 0.7 + 0.05, np.array([0.02, 0.05, 0.0])
    truth = (ours @ A.T + opacity[..., None] * b).astype(np.float32)
    where = rng.random((12, 9)) < 0.7
    np.testing.assert_allclose(match_colours(ours, opacity, truth, where), truth, atol=1e-5)


def test_matching_never_makes_the_error_of_its_pixels_larger() -> None:
    ours, truth = pair()
    where = np.zeros(ours.shape[:2], bool)
    where[2:9, 3:14] = True
    matched = match_colours(ours, np.ones(where.shape, np.float32), truth, where)
    assert psnr(matched, truth, where) >= psnr(ours, truth, where)
    nothing = np.zeros_like(where)
    np.testing.assert_array_equal(match_colours(ours, np.ones(where.shape, np.float32), truth, nothing), ours)
