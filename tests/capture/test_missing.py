"""Pictures and masks that some cameras lack: such cameras colour, they do not carve, and nothing else changes."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from dymap.capture import Capture, open_capture, read_source
from dymap.capture.images import UNKNOWN
from dymap.errors import InputError
from dymap.train.batches import BatchSampler
from tests.captures import TINY, VIEWS, annotations, image_path, write_annotations, write_capture
from tests.golden.sources import Golden
from tests.train.runs import run, short


@pytest.fixture
def root(trimmed: Golden, tmp_path: Path) -> Path:
    return write_capture(tmp_path / "capture", trimmed.arrays("dataset"))


def without_masks(root: Path, views: tuple[int, ...]) -> Capture:
    for view in views:
        shutil.rmtree(root / f"schp/{view:02d}")
    return open_capture(root, TINY)


def without_picture(root: Path, golden: Golden, frame: int, view: int) -> Capture:
    data = annotations(golden.arrays("dataset"))
    data["ims"][frame]["ims"][view] = None
    write_annotations(root, data)
    (root / image_path(frame, view)).unlink()
    return open_capture(root, TINY)


def test_pixels_of_a_camera_without_masks_are_unknown_and_keep_their_colours(root: Path) -> None:
    before = open_capture(root, TINY)
    after = without_masks(root, (2,))
    assert not after.source.masked(0, 2)
    assert after.source.masked(0, 1)
    shot = after.shot(0, 2)
    inside = shot.rgb.any(axis=-1)
    assert set(np.unique(shot.mask[inside])) == {UNKNOWN}
    known = before.shot(0, 2).mask != 0
    np.testing.assert_array_equal(shot.rgb[known], before.shot(0, 2).rgb[known])
    np.testing.assert_array_equal(after.shot(1, 4).mask, before.shot(1, 4).mask)


def test_a_camera_without_masks_carves_nothing(root: Path) -> None:
    before = open_capture(root, TINY).hull(0, 24)
    after = without_masks(root, (2,)).hull(0, 24)
    assert (before & ~after).mean() < 0.01  # of what no other camera sees nothing is known
    assert after.sum() > before.sum()


def test_its_rays_count_in_no_loss_of_masks(root: Path) -> None:
    capture = without_masks(root, (0, 2))
    items = BatchSampler(capture, short(items=6).train).draw(0)
    unknown = [item.unknown for item in items]
    assert any(rays is not None and rays.any() for rays in unknown)
    for item in items:
        assert item.unknown is not None
        assert not (item.masked & item.unknown).any()


@pytest.mark.parametrize("any_background", [False, True])
def test_training_goes_on_without_some_masks(root: Path, any_background: bool) -> None:
    capture = without_masks(root, (0, 2))
    _, reports = run(capture, short(any_background=any_background, hull_samples=16, proposal_grid=16, hull_grid=16))
    assert all(math.isfinite(value) for report in reports for value in report.losses.values())


def test_a_picture_that_a_camera_lacks_is_never_asked_for(root: Path, trimmed: Golden) -> None:
    capture = without_picture(root, trimmed, frame=1, view=2)
    assert not capture.present(1, 2)
    assert capture.train_views_of(1).tolist() == [0, 4]
    assert capture.train_views_of(0).tolist() == [0, 2, 4]
    assert capture.shot(1, 2).mask.size == 0
    assert not capture.image(1, 2)[1].any()
    assert capture.hull(1, 16).any()
    config = short(batches="items", items=30)
    _, reports = run(capture, config)
    assert all(math.isfinite(value) for report in reports for value in report.losses.values())


def test_numbers_come_from_a_camera_that_has_all_frames(root: Path, trimmed: Golden) -> None:
    assert without_picture(root, trimmed, frame=1, view=0).frames == (0, 1, 2, 3)


def test_a_frame_or_a_camera_without_any_picture_is_refused(root: Path, trimmed: Golden) -> None:
    data = annotations(trimmed.arrays("dataset"))
    data["ims"][1]["ims"] = [None] * VIEWS
    write_annotations(root, data)
    with pytest.raises(InputError, match="frame 1 has no picture of any camera; leave it out"):
        read_source(root, TINY)
    data = annotations(trimmed.arrays("dataset"))
    for row in data["ims"]:
        row["ims"][3] = None
    write_annotations(root, data)
    with pytest.raises(InputError, match="camera 3 has no picture at all; leave it out"):
        read_source(root, TINY)


@pytest.mark.parametrize("scale", [0.5, 2])
def test_masks_of_half_or_double_size_are_scaled(root: Path, scale: float) -> None:
    before = read_source(root, TINY).mask(1, 3)
    path = root / "schp/03/000001.png"
    mask = cv2.imread(str(path))
    assert mask is not None
    cv2.imwrite(str(path), cv2.resize(mask, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST))
    after = read_source(root, TINY).mask(1, 3)
    assert before is not None
    assert after is not None
    assert (before != after).mean() < 0.02


def cut_out(root: Path) -> None:
    """Put the masks into the pictures."""
    for path in (root / "images").rglob("*.png"):
        mask = cv2.imread(str(root / "schp" / path.relative_to(root / "images")))
        assert mask is not None
        alpha = np.where(mask.any(axis=-1, keepdims=True), 255, 0).astype(np.uint8)
        Image.fromarray(np.concatenate([np.asarray(Image.open(path)), alpha], axis=2)).save(path)
    shutil.rmtree(root / "schp")


@pytest.mark.parametrize("channels", [3, 4])
def test_opaque_cameras_beside_cut_outs_have_no_masks(root: Path, channels: int) -> None:
    cut_out(root)
    for path in [*(root / "images/02").iterdir(), root / "images/00/000001.png"]:
        pixels = np.asarray(Image.open(path)).copy()
        pixels[..., 3] = 255
        Image.fromarray(pixels[..., :channels]).save(path)
    source = read_source(root, TINY)
    assert [source.masked(1, view) for view in (1, 2, 3)] == [True, False, True]
    assert source.mask(1, 2) is None
    assert source.mask(1, 0) is None  # one picture of a camera
    assert source.mask(0, 0) is not None
    capture = open_capture(root, TINY)
    assert capture.train_views == (0, 2, 4)
    for frame, masks in ((0, [0, 4]), (1, [4])):
        assert [m is not None for m in capture._training_masks(frame)] == [view in masks for view in (0, 2, 4)]


def test_transparent_pictures_need_no_masks(root: Path) -> None:
    before = read_source(root, TINY).mask(1, 3)
    assert before is not None
    cut_out(root)
    source = read_source(root, TINY)
    assert source.has_masks
    after = source.mask(1, 3)
    assert after is not None
    np.testing.assert_array_equal(after > 0, before > 0)


@pytest.mark.parametrize("suffix", [".jpg", ".jpg.png", ".tiff"])
def test_masks_of_other_endings_are_found(root: Path, suffix: str) -> None:
    for path in list((root / "schp").rglob("*.png")):
        mask = cv2.imread(str(path))
        assert mask is not None
        path.unlink()
        Image.fromarray(np.where(mask.any(axis=-1), 255, 0).astype(np.uint8)).save(path.with_suffix(suffix))
    (root / "schp/00/.hidden.png").write_bytes(b"")
    source = read_source(root, TINY)
    assert source.masked(0, 0)
    mask = source.mask(0, 0)
    assert mask is not None
    assert 0 < mask.mean() < 1


def test_a_lens_that_folds_inside_the_picture_is_refused_by_name(root: Path, trimmed: Golden) -> None:
    data = annotations(trimmed.arrays("dataset"))
    data["cams"]["D"][3] = np.array([-8.0, 0, 0, 0, 0])
    write_annotations(root, data)
    with pytest.raises(InputError, match="the lens of camera '03' folds inside its picture of 128 x 96"):
        read_source(root, TINY)


def test_rotations_may_be_given_as_axis_and_angle(root: Path, trimmed: Golden) -> None:
    before = read_source(root, TINY).cameras
    data = annotations(trimmed.arrays("dataset"))
    data["cams"]["R"] = [cv2.Rodrigues(np.asarray(R))[0] for R in data["cams"]["R"]]
    write_annotations(root, data)
    for a, b in zip(before, read_source(root, TINY).cameras, strict=True):
        np.testing.assert_allclose(a.R, b.R, atol=1e-6)
