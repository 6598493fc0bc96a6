"""What the published loaders make of the tiny capture, from our public functions: images, masks, rays, boxes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dymap.capture import Capture, open_capture
from dymap.capture.images import edge_band, prepare
from dymap.config import CaptureConfig
from dymap.geometry.box import box_of_points, projected_box_mask
from dymap.geometry.camera import Camera
from dymap.geometry.path import orbit_path
from dymap.geometry.rays import camera_rays
from tests.captures import TINY, image_path
from tests.golden.sources import Arrays, Golden


class Prepared(NamedTuple):
    rgb: NDArray[np.float32]
    mask: NDArray[np.uint8]


@pytest.fixture
def dataset(golden: Golden) -> Arrays:
    return golden.arrays("dataset")


@pytest.fixture(scope="session")
def sport1(trimmed: Golden) -> NDArray[np.float64]:
    """M of NHR sport1."""
    return trimmed.arrays("geometry")["transform"]


def prepared(capture: Capture, frame: int, view: int) -> Prepared:
    """A whole image in float32, before the cache rounds and crops it."""
    source = capture.source
    rgb, mask = prepare(*source.read(frame, view), source.cameras[view], capture.config.ratio)
    assert mask is not None
    return Prepared(rgb, mask)


def nhr_mask(dataset: Arrays, frame: int, view: int) -> NDArray[np.uint8]:
    """Foreground where channel 0 exceeds 100 (method.md 10)."""
    return (dataset["cap_mask"][frame, view, ..., 0] > 100).astype(np.uint8)


def moved_vertices(dataset: Arrays, frame: int, M: NDArray[np.float64]) -> NDArray[np.float64]:
    return dataset["cap_vertices"][frame] @ M[:3, :3].T + M[:3, 3]


def check_rays(dataset: Arrays, item: str, camera: Camera, box: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Compare a camera's rays with an item's; returns the box mask [H * W]."""
    assert (camera.height, camera.width) == (int(dataset[f"{item}/H"]), int(dataset[f"{item}/W"]))
    rays, hit = camera_rays(camera, torch.from_numpy(box))
    dataset.check(f"{item}/mask_at_box", hit)
    dataset.check(f"{item}/ray_o", rays.origins, atol=1e-6)
    dataset.check(f"{item}/ray_d", rays.directions, atol=1e-6)
    dataset.check(f"{item}/near", rays.near, atol=3e-6)
    dataset.check(f"{item}/far", rays.far, atol=3e-6)
    return hit.numpy()


@pytest.mark.parametrize("n", range(4))
def test_test_items(dataset: Arrays, tiny: Capture, n: int) -> None:
    item = f"zju_test{n}"
    frame, view = int(dataset[f"{item}/frame_index"]), int(dataset[f"{item}/cam_ind"])
    assert int(dataset[f"{item}/latent_index"]) == frame
    dataset.check(f"{item}/wbounds", tiny.boxes[frame], atol=1e-6)
    hit = check_rays(dataset, item, tiny.cameras[view], tiny.boxes[frame])
    rgb, mask = prepared(tiny, frame, view)
    outside = projected_box_mask(tiny.boxes[frame], tiny.cameras[view]) == 0
    rgb[outside], mask[outside] = 0, 0
    dataset.check(f"{item}/rgb", rgb.reshape(-1, 3)[hit], atol=1e-6)
    dataset.check(f"{item}/occ", (mask.reshape(-1)[hit] != 0).astype(np.int32))
    assert not dataset[f"{item}/edge"].any(), "no edge band was asked for"
    # The cache holds the same to half a grey level.
    cached_rgb, cached_mask = tiny.image(frame, view)
    dataset.check(f"{item}/rgb", cached_rgb.reshape(-1, 3)[hit] / np.float32(255), atol=0.5 / 255 + 1e-6)
    dataset.check(f"{item}/occ", (cached_mask.reshape(-1)[hit] != 0).astype(np.int32))


def test_items_are_frame_major(dataset: Arrays, tiny: Capture) -> None:
    train = [image_path(frame, view) for frame in range(4) for view in tiny.train_views]
    test = [image_path(frame, view) for frame in tiny.test_frames() for view in tiny.test_views]
    assert dataset["zju_train_ims"].tolist() == train
    assert dataset["zju_test_ims"].tolist() == test
    assert (int(dataset["zju_train_len"]), int(dataset["zju_test_len"])) == (len(train), len(test))
    shown = [(int(dataset[f"zju_test{n}/frame_index"]), int(dataset[f"zju_test{n}/cam_ind"])) for n in range(4)]
    assert [image_path(*item) for item in shown] == test


def test_training_item(dataset: Arrays, tiny: Capture) -> None:
    """Which pixels the published sampler drew depends on its random numbers; that each is a pixel of ours does not."""
    item = "zju_train4_seed123"
    frame, view = int(dataset[f"{item}/frame_index"]), int(dataset[f"{item}/cam_ind"])
    camera = tiny.cameras[view]
    assert image_path(frame, view) == dataset["zju_train_ims"][4]
    assert int(dataset[f"{item}/latent_index"]) == frame
    assert (int(dataset[f"{item}/H"]), int(dataset[f"{item}/W"])) == (camera.height, camera.width)
    dataset.check(f"{item}/wbounds", tiny.boxes[frame], atol=1e-6)
    o, d = dataset[f"{item}/ray_o"], dataset[f"{item}/ray_d"]
    pixels = camera.project(o + 2 * d)[0]
    drawn = np.round(pixels)
    assert np.abs(pixels - drawn).max() < 1e-3
    rays, hit = camera_rays(camera, torch.from_numpy(tiny.boxes[frame]), drawn)
    assert hit.all()
    assert dataset[f"{item}/mask_at_box"].all()
    dataset.check(f"{item}/ray_o", rays.origins, atol=1e-6)
    dataset.check(f"{item}/ray_d", rays.directions, atol=1e-6)
    dataset.check(f"{item}/near", rays.near, atol=3e-6)
    dataset.check(f"{item}/far", rays.far, atol=3e-6)
    rgb, mask = prepared(tiny, frame, view)
    column, row = drawn.astype(int).T
    dataset.check(f"{item}/rgb", rgb[row, column], atol=1e-6)
    dataset.check(f"{item}/occ", (mask[row, column] != 0).astype(np.int32))
    assert not dataset[f"{item}/edge"].any()
    inside = projected_box_mask(tiny.boxes[frame], camera)
    assert inside[row, column].all()
    assert dataset[f"{item}/occ"].sum() >= int(0.7 * 128), "the foreground's share"


def test_nhr_item(dataset: Arrays, tiny: Capture, sport1: NDArray[np.float64]) -> None:
    """With the transform of sport1 and the edge band, composed from public functions."""
    item = "nhr_test3"
    frame, view = int(dataset[f"{item}/frame_index"]), int(dataset[f"{item}/cam_ind"])
    assert int(dataset[f"{item}/latent_index"]) == frame
    source = tiny.source.cameras[view]
    camera = source.transformed(sport1).undistorted().scaled(0.5)
    box = box_of_points(moved_vertices(dataset, frame, sport1), 0.1)
    dataset.check(f"{item}/wbounds", box, atol=1e-6)
    hit = check_rays(dataset, item, camera, dataset[f"{item}/wbounds"])
    rgb, mask = prepare(dataset["cap_images"][frame, view], nhr_mask(dataset, frame, view), source, 0.5)
    assert mask is not None
    rgb[projected_box_mask(box, camera) == 0] = 0
    dataset.check(f"{item}/rgb", rgb.reshape(-1, 3)[hit], atol=1e-6)
    dataset.check(f"{item}/occ", (mask.reshape(-1)[hit] != 0).astype(np.int32))
    dataset.check(f"{item}/edge", edge_band(mask).reshape(-1)[hit])


ORBITS = {"novel": 4, "novel_fixed_time": 6, "novel_fixed_view": 4}
"""The three videos (method.md 13) and their lengths."""


@pytest.mark.parametrize("video", ORBITS)
def test_novel_view_videos(dataset: Arrays, tiny: Capture, sport1: NDArray[np.float64], video: str) -> None:
    count = ORBITS[video]
    extrinsics = orbit_path(np.stack([camera.extrinsics for camera in tiny.source.cameras]), count)
    if video == "novel_fixed_view":
        extrinsics = np.stack([extrinsics[0]] * count)
    dataset.check(f"{video}/exts", extrinsics, atol=1e-9)
    frames = [0] * count if video == "novel_fixed_time" else list(range(count))
    assert dataset[f"{video}/frames"].tolist() == frames
    boxes = np.stack([box_of_points(moved_vertices(dataset, frame, sport1), 0.1) for frame in frames])
    dataset.check(f"{video}/wbounds_all", boxes, atol=1e-6)
    lens = tiny.cameras[0]
    dataset.check(f"{video}/ixt", lens.K, atol=1e-5)

    item = f"{video}1"
    assert int(dataset[f"{item}/cam_ind"]) == 1
    assert int(dataset[f"{item}/frame_index"]) == int(dataset[f"{item}/latent_index"]) == frames[1]
    dataset.check(f"{item}/wbounds", boxes[1], atol=1e-6)
    dataset.check(f"{item}_fast/wbounds", boxes[1], atol=1e-6)
    camera = lens.moved(extrinsics[1]).transformed(sport1)
    dataset.check(f"{item}_fast/R", camera.R, atol=1e-9)
    dataset.check(f"{item}_fast/T", camera.T[:, None], atol=1e-9)
    dataset.check(f"{item}_fast/K", camera.K, atol=1e-5)
    check_rays(dataset, item, camera, dataset[f"{item}/wbounds"])


def test_golden_capture_is_the_one_on_disk(dataset: Arrays, tiny: Capture) -> None:
    """Reading gives back what was written, in metres."""
    source = tiny.source
    assert (len(source.frames), len(source.cameras)) == dataset["cap_images"].shape[:2]
    for view, camera in enumerate(source.cameras):
        for key, value in (("K", camera.K), ("R", camera.R), ("D", camera.D[:, None])):
            np.testing.assert_array_equal(value, dataset[f"cap_{key}"][view])
        np.testing.assert_allclose(camera.T[:, None] * 1000, dataset["cap_T_mm"][view], rtol=1e-12)
    picture, mask = source.read(2, 3)
    assert mask is not None
    np.testing.assert_array_equal(picture, dataset["cap_images"][2, 3])
    np.testing.assert_array_equal(mask != 0, dataset["cap_schp"][2, 3].any(-1))
    assert set(np.unique(mask)) == {0, 1, 100}, "label 2 is face"


def test_without_edge_band_and_ratio(tiny_root: object) -> None:
    """ratio 1 keeps the size; the golden data set's own ratio is 0.5."""
    capture = open_capture(str(tiny_root), CaptureConfig(frames=(0, 1, 1)))
    assert (capture.cameras[0].width, capture.cameras[0].height) == (128, 96)
    assert TINY.ratio == 0.5
