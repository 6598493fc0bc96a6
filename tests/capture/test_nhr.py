"""The NHR reader: grey masks, labels added to them, the rigid transform, end to end."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dymap.capture import Capture, open_capture, read_source
from dymap.capture.images import edge_band
from dymap.capture.labels import label_colours
from dymap.capture.layouts import SURE, scores
from dymap.capture.readers.nhr import Options, read_grey
from dymap.errors import InputError
from dymap.geometry.rays import camera_rays
from tests.captures import FRAMES, TINY, VIEWS, write_nhr, write_rgb
from tests.golden.sources import Golden

ENCODER_VIEWS = (2, 0, 1)


@pytest.fixture(scope="module")
def nhr_root(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nhr(tmp_path_factory.mktemp("nhr") / "sport", trimmed.arrays("dataset"))


@pytest.fixture(scope="module")
def sport(nhr_root: Path, trimmed: Golden) -> Capture:
    """Opened with M of sport1 and the edge band, as the golden NHR item was."""
    M = trimmed.arrays("geometry")["transform"]
    return open_capture(nhr_root, replace(TINY, edge_band=True, transform=tuple(M.reshape(-1).tolist())))


def test_golden_item_end_to_end(golden: Golden, sport: Capture) -> None:
    arrays, item = golden.arrays("dataset"), "nhr_test3"
    frame, view = int(arrays[f"{item}/frame_index"]), int(arrays[f"{item}/cam_ind"])
    assert sport.source.layout == "nhr"
    arrays.check(f"{item}/wbounds", sport.boxes[frame], atol=1e-6)
    rays, hit = camera_rays(sport.cameras[view], torch.from_numpy(arrays[f"{item}/wbounds"]))
    arrays.check(f"{item}/mask_at_box", hit)
    arrays.check(f"{item}/ray_o", rays.origins, atol=1e-6)
    arrays.check(f"{item}/ray_d", rays.directions, atol=1e-6)
    rgb, mask = sport.image(frame, view)
    chosen = hit.numpy()
    arrays.check(f"{item}/rgb", rgb.reshape(-1, 3)[chosen] / np.float32(255), atol=0.5 / 255 + 1e-6)
    arrays.check(f"{item}/occ", (mask.reshape(-1)[chosen] != 0).astype(np.int32))
    arrays.check(f"{item}/edge", edge_band(mask).reshape(-1)[chosen])


def test_golden_encoder_input_end_to_end(golden: Golden, sport: Capture) -> None:
    """Encoder cameras are positions among the training views."""
    arrays = golden.arrays("dataset")
    images = sport.encoder_images(2, ENCODER_VIEWS)
    arrays.check("nhr_test3/fixedcamimages_every16", images[:, ::16, ::16], atol=1e-5)
    with pytest.raises(InputError, match="needs training view 5; there are 3"):
        sport.encoder_images(0, (0, 5))


def test_transform_moves_world_and_cameras_together(sport: Capture, nhr_root: Path) -> None:
    """Vertices project to the same pixels with and without M."""
    plain = open_capture(nhr_root, TINY)
    M = np.array(sport.config.transform).reshape(4, 4)
    vertices = plain.source.points(1)
    moved = vertices @ M[:3, :3].T + M[:3, 3]
    for a, b in zip(plain.cameras, sport.cameras, strict=True):
        np.testing.assert_allclose(a.project(vertices)[0], b.project(moved)[0], atol=1e-6)
    np.testing.assert_allclose(sport.source.points(1), moved)
    np.testing.assert_allclose(sport.boxes[1], [moved.min(0) - 0.1, moved.max(0) + 0.1], atol=1e-5)


def test_masks_are_cut_at_the_threshold(tmp_path: Path) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    write_rgb(tmp_path / "mask.png", np.stack([grey] * 3, -1))
    np.testing.assert_array_equal(read_grey(tmp_path / "mask.png"), grey > 100)


def test_labels_are_added(nhr_root: Path, tmp_path: Path) -> None:
    """Basketball: trousers 9, left leg 16, left shoe 18 of the label map join the mask."""
    root = shutil.copytree(nhr_root, tmp_path / "basketball")
    labels = np.zeros((96, 128), int)
    labels[:, :4] = [9, 16, 18, 5]
    for frame in range(FRAMES):
        for view in range(VIEWS):
            write_rgb(root / f"schp/{view:02d}/{frame:06d}.png", label_colours()[labels])
    config = replace(TINY, layout="nhr", options={"mask_labels": [9, 16, 18]})
    source, bare = read_source(root, config), read_source(root, replace(config, options={}))
    assert source.options == Options(mask_labels=(9, 16, 18))
    assert source.files(1, 2) == (*bare.files(1, 2), root / "schp/02/000001.png")
    mask, before = source.mask(1, 2), bare.mask(1, 2)
    assert mask is not None
    assert before is not None
    assert mask[:, :3].all()
    np.testing.assert_array_equal(mask[:, 3:], before[:, 3:])


def test_older_zju_folders_are_not_taken_for_nhr(nhr_root: Path, tmp_path: Path) -> None:
    """They have mask/ (label ids, all below the threshold) beside mask_cihp/."""
    root = shutil.copytree(nhr_root, tmp_path / "CoreView_313")
    shutil.copytree(root / "mask", root / "mask_cihp")
    assert read_source(nhr_root, TINY).layout == "nhr"
    assert read_source(root, TINY).layout == "zjumocap"
    assert read_source(root, replace(TINY, layout="nhr")).layout == "nhr"


def test_a_damaged_mask_lowers_the_score_and_raises_nothing(nhr_root: Path, tmp_path: Path) -> None:
    root = shutil.copytree(nhr_root, tmp_path / "damaged")
    for path in (root / "mask").rglob("*.png"):
        path.write_bytes(path.read_bytes()[:-50])
    assert scores(nhr_root)["nhr"] > scores(nhr_root)["zjumocap"] > SURE
    assert scores(root)["nhr"] < SURE


def test_what_the_layout_needs(nhr_root: Path, tiny_root: Path) -> None:
    with pytest.raises(InputError, match="no mask folder, which the NHR layout has"):
        read_source(tiny_root, replace(TINY, layout="nhr"))
    with pytest.raises(InputError, match="there is no schp folder"):
        read_source(nhr_root, replace(TINY, options={"mask_labels": [9]}))
