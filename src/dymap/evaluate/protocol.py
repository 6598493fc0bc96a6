"""The paper's evaluation: test views of test frames, image by image (method.md 12)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dymap.capture import Capture
from dymap.capture.images import UNKNOWN, edge_band
from dymap.evaluate.lpips import LPIPS
from dymap.evaluate.metrics import box_crop, match_colours, psnr, ssim
from dymap.geometry.camera import Camera
from dymap.render.image import Image

METRICS = (
    "psnr", "psnr_foreground", "psnr_image", "ssim", "ssim_range1", "lpips", "psnr_matched", "psnr_foreground_matched"
)  # fmt: skip
"""psnr: box rays (the paper's); psnr_foreground: only mask pixels; psnr_image: whole image; ssim: range 2 (the
paper's); ssim_range1: range 1; lpips: VGG (the paper's), nan without weights; matched: of colours that a 3 x 4 matrix
has brought to the camera's (`match_colours`, over the mask)."""

RenderView = Callable[[Camera, int], Image]
"""(camera, frame position) -> Image."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """One evaluated image: truth and prediction [H, W, 3] float32 in [0, 1], its metrics and render time."""

    frame: int
    view: int
    truth: NDArray[np.float32]
    prediction: NDArray[np.float32]
    metrics: dict[str, float]
    seconds: float


def compare(capture: Capture, render: RenderView, frame: int, view: int, lpips: LPIPS | None = None) -> Comparison:
    """Render one test image and measure it against what was filmed (read from the cache: rounded to 1/255)."""
    camera = capture.cameras[view]
    started = time.perf_counter()
    image = render(camera, frame)
    seconds = time.perf_counter() - started
    rgb, mask = capture.image(frame, view)
    truth = rgb.astype(np.float32) / np.float32(255)
    prediction = image.rgb.clamp(0, 1).cpu().numpy().astype(np.float32)
    box_mask = image.hit.cpu().numpy()
    counts = box_mask & ~edge_band(mask) if capture.config.edge_band else box_mask
    cropped = box_crop(prediction, box_mask), box_crop(truth, box_mask)
    foreground = (mask > 0) & (mask != UNKNOWN)
    opacity = image.acc.cpu().numpy().astype(np.float32)
    matched = match_colours(prediction, opacity, truth, foreground if capture.has_masks else counts)
    metrics = {
        "psnr": psnr(prediction, truth, counts),
        "psnr_foreground": psnr(prediction, truth, foreground) if capture.has_masks else float("nan"),
        "psnr_image": psnr(prediction, truth),
        "ssim": ssim(*cropped, data_range=2.0),
        "ssim_range1": ssim(*cropped, data_range=1.0),
        "lpips": lpips.distance(*cropped) if lpips else float("nan"),
        "psnr_matched": psnr(matched, truth, counts),
        "psnr_foreground_matched": psnr(matched, truth, foreground) if capture.has_masks else float("nan"),
    }
    return Comparison(frame, view, truth, prediction, metrics, seconds)


def evaluate(
    capture: Capture,
    render: RenderView,
    frames: list[int] | None = None,
    views: list[int] | None = None,
    lpips: LPIPS | None = None,
) -> Iterator[Comparison]:
    """Compare every test view of every test frame (or of those given) that was filmed, frame-major."""
    for frame in capture.test_frames() if frames is None else frames:
        for view in capture.test_views if views is None else views:
            if capture.present(frame, view):
                yield compare(capture, render, frame, view, lpips)


def average(rows: list[dict[str, float]]) -> dict[str, float]:
    """Means of each metric over images, leaving out those that have none."""
    return {
        key: float(np.mean(kept)) if (kept := [row[key] for row in rows if not np.isnan(row[key])]) else float("nan")
        for key in METRICS
    }
