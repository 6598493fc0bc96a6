"""The protocol on the tiny capture, with renderers whose quality is known, and what it leaves behind."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from dymap.capture import Capture, open_capture
from dymap.capture.images import edge_band
from dymap.evaluate.lpips import LPIPS
from dymap.evaluate.metrics import box_crop, match_colours, psnr, ssim
from dymap.evaluate.protocol import METRICS, Comparison, average, compare, evaluate
from dymap.evaluate.report import COLUMNS, TITLES, side_by_side, summarise, table_rows
from dymap.geometry.camera import Camera
from dymap.geometry.rays import camera_rays
from dymap.render.image import Image
from tests.captures import TINY, write_capture
from tests.evaluate.weights import random_weights
from tests.golden.sources import Golden

Change = Callable[[np.ndarray, int, int], np.ndarray]


class Oracle:
    """A renderer that looks up what was filmed, and may spoil it: change(image, frame, view) -> image."""

    def __init__(self, capture: Capture, change: Change = lambda image, *_: image):
        self.capture, self.change = capture, change
        self.asked: list[tuple[int, int]] = []

    def __call__(self, camera: Camera, frame: int) -> Image:
        view = self.capture.cameras.index(camera)
        self.asked.append((frame, view))
        rgb = self.capture.image(frame, view)[0].astype(np.float32) / np.float32(255)
        _, hit = camera_rays(camera, torch.from_numpy(self.capture.boxes[frame]))
        shape = (camera.height, camera.width)
        full = torch.ones(shape)
        changed = torch.from_numpy(self.change(rgb, frame, view).astype(np.float32))
        return Image(changed, full, full, full, hit.reshape(shape))


def darker(image: np.ndarray, frame: int, view: int) -> np.ndarray:
    return image * (1 - 0.05 * (1 + frame + view))


@pytest.fixture(scope="module")
def lpips() -> LPIPS:
    return random_weights("vgg")


def names(capture: Capture) -> list[str]:
    return [camera.name for camera in capture.cameras]


def strict_json(data: Any) -> Any:
    return json.loads(json.dumps(data, allow_nan=False))


def test_truth_is_perfect_and_its_report_is_json(tiny: Capture) -> None:
    comparisons = list(evaluate(tiny, Oracle(tiny)))
    for one in comparisons:
        assert one.metrics["psnr"] == one.metrics["psnr_image"] == one.metrics["psnr_foreground"] == math.inf
        assert one.metrics["ssim"] == pytest.approx(1, abs=1e-6)
        np.testing.assert_array_equal(one.prediction, one.truth)
    summary = strict_json(summarise(comparisons, tiny.frames, names(tiny)))
    assert summary["mean"]["psnr"] is None
    assert summary["mean"]["ssim"] == pytest.approx(1, abs=1e-6)
    rows = table_rows(summary)
    assert [row[0] for row in rows] == ["01", "03", "mean"]
    assert all(row[1:] == ["-", "-", "-", "1.000", "1.000", *"--"] for row in rows)


def test_test_views_of_test_frames_frame_major(tiny: Capture) -> None:
    oracle = Oracle(tiny)
    comparisons = list(evaluate(tiny, oracle))
    assert oracle.asked == [(0, 1), (0, 3), (2, 1), (2, 3)] == [(one.frame, one.view) for one in comparisons]
    oracle = Oracle(tiny)
    assert len(list(evaluate(tiny, oracle, frames=[3], views=[0, 4]))) == 2
    assert oracle.asked == [(3, 0), (3, 4)]


def test_metrics_are_those_of_the_protocol(tiny: Capture, lpips: LPIPS) -> None:
    one = compare(tiny, Oracle(tiny, darker), 2, 3, lpips)
    rgb, mask = tiny.image(2, 3)
    truth = rgb.astype(np.float32) / np.float32(255)
    ours = darker(truth, 2, 3).astype(np.float32)
    _, hit = camera_rays(tiny.cameras[3], torch.from_numpy(tiny.boxes[2]))
    box_mask = hit.reshape(mask.shape).numpy()
    crops = box_crop(ours, box_mask), box_crop(truth, box_mask)
    matched = match_colours(ours, np.ones(mask.shape, np.float32), truth, mask > 0)
    assert one.metrics == pytest.approx({
        "psnr": psnr(ours, truth, box_mask),
        "psnr_foreground": psnr(ours, truth, mask > 0),
        "psnr_image": psnr(ours, truth),
        "ssim": ssim(*crops, 2.0),
        "ssim_range1": ssim(*crops, 1.0),
        "lpips": lpips.distance(*crops),
        "psnr_matched": psnr(matched, truth, box_mask),
        "psnr_foreground_matched": psnr(matched, truth, mask > 0),
    })  # fmt: skip
    assert one.metrics["psnr_foreground"] < one.metrics["psnr"] < one.metrics["psnr_image"], "the rest is black"
    assert list(one.metrics) == list(METRICS) == list(TITLES)
    assert one.metrics["lpips"] > 0
    assert one.seconds > 0


def test_what_lies_outside_the_box_counts_in_the_image_alone(tiny: Capture) -> None:
    def noise_outside(image: np.ndarray, frame: int, view: int) -> np.ndarray:
        _, hit = camera_rays(tiny.cameras[view], torch.from_numpy(tiny.boxes[frame]))
        return np.where(hit.reshape(image.shape[:2]).numpy()[..., None], image, 1)

    metrics = compare(tiny, Oracle(tiny, noise_outside), 0, 1).metrics
    assert metrics["psnr"] == metrics["psnr_foreground"] == math.inf
    assert metrics["ssim"] == pytest.approx(1, abs=1e-6)
    assert metrics["psnr_image"] < 20


def test_edge_band_counts_in_no_box_psnr(tiny: Capture) -> None:
    capture = open_capture(tiny.source.root, replace(TINY, edge_band=True))

    def spoil_edges(image: np.ndarray, frame: int, view: int) -> np.ndarray:
        return np.where(edge_band(capture.image(frame, view)[1])[..., None], 1, image)

    metrics = compare(capture, Oracle(capture, spoil_edges), 0, 1).metrics
    assert metrics["psnr"] == math.inf
    assert metrics["psnr_image"] < 30
    assert metrics["ssim"] < 0.99
    assert compare(tiny, Oracle(tiny, spoil_edges), 0, 1).metrics["psnr"] < 30


def test_colours_beyond_the_range_are_cut(tiny: Capture) -> None:
    over = compare(tiny, Oracle(tiny, lambda image, *_: image * 100 - 1), 0, 1)
    assert over.prediction.min() == 0
    assert over.prediction.max() == 1


def test_absent_lpips_is_null_with_its_reason(tiny: Capture) -> None:
    one = compare(tiny, Oracle(tiny, darker), 0, 1)
    assert math.isnan(one.metrics["lpips"])
    summary = strict_json(summarise([one], tiny.frames, names(tiny), "no weights"))
    assert summary["lpips_note"] == "no weights"
    assert summary["mean"]["lpips"] is summary["images"][0]["lpips"] is None
    assert table_rows(summary)[-1][1 + COLUMNS.index("lpips")] == "-"
    assert "lpips_note" not in summarise([one], tiny.frames, names(tiny))


def test_means_of_views_and_of_all(tiny: Capture, lpips: LPIPS) -> None:
    comparisons = list(evaluate(tiny, Oracle(tiny, darker), lpips=lpips))
    summary = strict_json(summarise(comparisons, tiny.frames, names(tiny)))
    assert [(image["frame"], image["view"]) for image in summary["images"]] == [
        (tiny.frames[frame], f"{view:02d}") for frame, view in ((0, 1), (0, 3), (2, 1), (2, 3))
    ]
    for key in METRICS:
        values = np.array([one.metrics[key] for one in comparisons]).reshape(2, 2)
        assert [image[key] for image in summary["images"]] == pytest.approx(values.ravel().tolist())
        assert summary["views"]["01"][key] == pytest.approx(values[:, 0].mean())
        assert summary["views"]["03"][key] == pytest.approx(values[:, 1].mean())
        assert summary["mean"][key] == pytest.approx(values.mean())
    assert summary["seconds_per_image"] == pytest.approx(np.mean([one.seconds for one in comparisons]))
    (first, *_, mean) = table_rows(summary)
    assert first == ["01", *(f"{summary['views']['01'][key]:.3f}" for key in COLUMNS)]
    assert mean[0] == "mean"


def test_metrics_that_do_not_exist_are_left_out_of_means() -> None:
    rows = [dict.fromkeys(METRICS, 1.0), dict.fromkeys(METRICS, 3.0), dict.fromkeys(METRICS, math.nan)]
    assert average(rows) == dict.fromkeys(METRICS, 2.0)
    assert all(math.isnan(value) for value in average([]).values())
    empty = strict_json(summarise([], (), []))
    assert empty["mean"] == dict.fromkeys(METRICS)
    assert empty["images"] == []


def test_capture_without_masks_has_no_foreground(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = write_capture(tmp_path_factory.mktemp("captures") / "bare", trimmed.arrays("dataset"), masks=False)
    capture = open_capture(root, TINY)
    comparisons = list(evaluate(capture, Oracle(capture, darker)))
    summary = strict_json(summarise(comparisons, capture.frames, names(capture)))
    assert summary["mean"]["psnr_foreground"] is None
    assert summary["mean"]["psnr"] > 0
    assert table_rows(summary)[-1][2] == "-"


def test_picture_shows_truth_prediction_and_error() -> None:
    truth = np.zeros((4, 5, 3), np.float32)
    truth[0] = 1
    prediction = truth.copy()
    prediction[0, 0] = (0.5, 0.5, 0.5)
    picture = side_by_side(Comparison(0, 0, truth, prediction, {}, 0.0))
    assert picture.shape == (4, 15, 3)
    np.testing.assert_array_equal(picture[:, :5], truth * 255)
    np.testing.assert_array_equal(picture[0, 5], [128, 128, 128])
    heat = picture[:, 10:].astype(int).sum(axis=-1)
    assert heat[0, 0] > 400, "an error of a quarter and more is bright"
    assert (np.delete(heat.ravel(), 0) < 10).all()


def test_views_of_one_name_are_not_merged() -> None:
    def one(view: int, psnr: float) -> Comparison:
        empty = np.zeros((1, 1, 3), np.float32)
        return Comparison(0, view, empty, empty, dict.fromkeys(METRICS, psnr), 0.1)

    summary = summarise([one(0, 10.0), one(1, 20.0), one(2, 30.0), one(3, 40.0)], (0,), ["rgb", "rgb", "02", ""])
    assert {name: means["psnr"] for name, means in summary["views"].items()} == {
        "rgb (view 0)": 10.0, "rgb (view 1)": 20.0, "02": 30.0, "3": 40.0
    }  # fmt: skip
    assert [image["view"] for image in summary["images"]] == ["rgb (view 0)", "rgb (view 1)", "02", "3"]
