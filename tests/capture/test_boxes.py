"""Boxes: around surface points, around the visual hull, or the layout's own."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dymap.capture import Capture, open_capture, read_source
from dymap.capture.boxes import boxes_from, hull_boxes, rig_box, source_boxes, undistorted_masks, widened_boxes
from dymap.config import CaptureConfig, from_json
from dymap.errors import InputError
from dymap.geometry.box import box_corners, box_of_points
from dymap.geometry.camera import look_at
from tests.capture.person import EXTENT, filmed, ring
from tests.capture.test_hull import rig
from tests.capture.test_source import made_up
from tests.captures import FRAMES, TINY, write_capture, write_rgb
from tests.golden.sources import Golden


def test_point_boxes_are_the_padded_extent_of_the_vertices(tiny: Capture, trimmed: Golden) -> None:
    vertices = trimmed.arrays("dataset")["cap_vertices"]
    expected = np.stack([box_of_points(vertices[frame], TINY.box_padding) for frame in range(FRAMES)])
    np.testing.assert_array_equal(source_boxes(tiny.source, TINY), expected)


def test_boxes_of_the_layout_follow_the_chosen_frames_and_the_transform() -> None:
    source, config = made_up(), replace(TINY, boxes="own")
    assert source.footage.boxes is not None
    np.testing.assert_array_equal(source_boxes(source, config), source.footage.boxes)
    np.testing.assert_array_equal(source_boxes(source.select((1, -1, 2)), config), source.footage.boxes[1::2])
    M = np.eye(4)
    M[:3, :3], M[:3, 3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]], [5, 6, 7]  # a quarter turn: boxes stay as tight
    moved = source_boxes(source.transformed(M), config)
    for before, after in zip(source.footage.boxes, moved, strict=True):
        corners = box_corners(before) @ M[:3, :3].T + M[:3, 3]
        np.testing.assert_allclose(after, [corners.min(axis=0), corners.max(axis=0)], atol=1e-6)


def test_a_layout_without_boxes_says_where_they_can_come_from(tiny: Capture) -> None:
    with pytest.raises(InputError, match=r"layout zjumocap holds no boxes of its own; .*--boxes hull"):
        source_boxes(tiny.source, replace(TINY, boxes="own"))


def test_rig_box_is_around_the_point_looked_at() -> None:
    box = rig_box(rig())
    np.testing.assert_allclose(box.mean(0), 0, atol=1e-5)
    assert 2 < box[1, 0] < 4.3


def test_hull_boxes_of_the_tiny_capture(tiny: Capture, tiny_root: Path) -> None:
    """They hold every vertex that all masks agree on (the tiny capture's vertices and masks differ)."""
    source = tiny.source.select((1, 3, 1))
    for frame, box in enumerate(hull_boxes(source, padding=0.0)):
        vertices = source.points(frame)
        agreed = np.ones(len(vertices), bool)
        for camera, mask in zip(source.cameras, undistorted_masks(source, frame).values(), strict=True):
            column, row = np.round(camera.undistorted().project(vertices)[0]).astype(int).T
            mask = np.pad(mask, 1)  # outside the image: background
            agreed &= mask[np.clip(row, -1, 96) + 1, np.clip(column, -1, 128) + 1] != 0
        assert agreed.sum() > 20
        assert (vertices[agreed] >= box[0]).all()
        assert (vertices[agreed] <= box[1]).all()
    assert open_capture(tiny_root, replace(TINY, boxes="hull", frames=(0, 1, 1))).boxes.shape == (1, 2, 3)


def test_masks_are_needed(trimmed: Golden, tmp_path: Path) -> None:
    root = write_capture(tmp_path / "bare", trimmed.arrays("dataset"), 1, masks=False)
    with pytest.raises(InputError, match="need masks, and the capture has none"):
        open_capture(root, replace(TINY, boxes="hull"))


def test_masks_without_common_volume(trimmed: Golden, tmp_path: Path) -> None:
    root = write_capture(tmp_path / "empty", trimmed.arrays("dataset"), 2)
    for view in range(5):
        write_rgb(root / f"schp/{view:02d}/000001.png", np.zeros((96, 128, 3), np.uint8))
    with pytest.raises(InputError, match="the masks of frame 1 leave no common volume"):
        hull_boxes(read_source(root, TINY), TINY.box_padding)


def excess(box: NDArray[np.float32]) -> tuple[float, float]:
    """Metres that a box reaches beyond the person of balls, and that the person reaches beyond the box, at most."""
    beyond = np.stack([EXTENT[0] - box[0], box[1] - EXTENT[1]])
    return float(beyond.max()), float(-beyond.min())


@pytest.mark.parametrize("views", [3, 4, 5, 6, 8, 12, 20])
@pytest.mark.parametrize(("focal", "arc"), [(1.25, 360), (0.6, 360), (1.0, 180)])
def test_hull_boxes_fit_whatever_the_number_of_cameras(views: int, focal: float, arc: float) -> None:
    """Narrow and wide lenses, around the person and in a half ring, whose ends face each other."""
    (box,) = hull_boxes(filmed(ring(views, focal, arc)), padding=0)
    more, less = excess(box)
    assert more < 0.2
    assert less <= 0


def test_cameras_that_face_each_other_do_not_agree_along_their_axis() -> None:
    """What half of four cameras make is 4.7 m long, as older runs have it."""
    source = filmed(ring(4))
    assert np.ptp(hull_boxes(source, 0, "half")[0], axis=0).max() > 4
    assert np.ptp(hull_boxes(source, 0)[0], axis=0).max() < 2.2


@pytest.mark.parametrize("views", [8, 12, 20])
def test_one_bad_mask_of_many_is_outvoted(views: int) -> None:
    (box,) = hull_boxes(filmed(ring(views), wrong=[2]), padding=0)
    more, less = excess(box)
    assert more < 0.2
    assert less <= 0


def test_feet_below_a_picture_are_not_lost() -> None:
    """One camera of four is so close that it sees nothing below the hips: the others decide there, and how far away
    they are says where the person can be."""
    cameras = ring(4)
    R, T = look_at((1.2, 0.0, 1.6), (0, 0, 1.6))
    cameras[1] = replace(cameras[1], R=R, T=T)
    (box,) = hull_boxes(filmed(cameras), padding=0)
    more, less = excess(box)
    assert more < 0.3
    assert less <= 0


@pytest.mark.parametrize("views", [3, 4, 6, 10])
def test_a_blank_mask_of_one_camera_carves_nothing_away(views: int) -> None:
    """Whatever the number of cameras: it is named and left out."""
    with pytest.warns(UserWarning, match=r"camera '02' shows next to nothing in frame 0, although .* left out"):
        (box,) = hull_boxes(filmed(ring(views + 1), bad=[2]), padding=0)
    more, less = excess(box)
    assert more < 0.3
    assert less <= 0


def test_a_blank_mask_is_right_if_the_person_is_not_in_the_picture() -> None:
    """A camera that looks aside: nothing is told, and nothing is lost."""
    cameras = ring(5)
    R, T = look_at(tuple(cameras[2].position), tuple(3 * cameras[2].position))
    cameras[2] = replace(cameras[2], R=R, T=T)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (box,) = hull_boxes(filmed(cameras), padding=0)
    assert excess(box)[1] <= 0


@pytest.mark.parametrize("lacking", ["absent", "bare"])
def test_cameras_without_pictures_or_masks_have_no_vote(lacking: str) -> None:
    cameras = ring(6)
    (box,) = hull_boxes(filmed(cameras, **{lacking: [1, 4]}), padding=0)
    kept = [camera for view, camera in enumerate(cameras) if view not in (1, 4)]
    (expected,) = hull_boxes(filmed(kept), padding=0)
    assert np.abs(box - expected).max() < 0.15  # the cube to begin with is another
    assert excess(box)[1] <= 0


def test_a_box_holds_several_people() -> None:
    (box,) = hull_boxes(filmed(ring(8, focal=0.6), also=[(0.9, 0.5, 0.0)]), padding=0)
    assert (box[0] <= EXTENT[0]).all()
    assert (box[1] >= EXTENT[1] + [0.9, 0.5, 0]).all()
    assert np.ptp(box, axis=0).max() < 2.6


@pytest.mark.parametrize(("views", "wrong"), [(3, 1), (4, 0), (5, 3), (7, 6)])
def test_the_camera_that_empties_the_volume_is_named(views: int, wrong: int) -> None:
    """Its masks are of a place two metres beside."""
    source = filmed(ring(views, focal=0.6))
    camera = source.cameras[wrong]
    cameras = list(source.cameras)
    cameras[wrong] = replace(camera, T=camera.T + np.array([1.5, 0, 0]))
    with pytest.raises(InputError, match=rf"no common volume: camera '{wrong:02d}' .* where {views - 1} others agree"):
        hull_boxes(replace(source, cameras=tuple(cameras)), padding=0)


def test_two_cameras_that_empty_the_volume_are_named() -> None:
    source = filmed(ring(7, focal=0.6))
    cameras = list(source.cameras)
    for view, aside in ((2, [1.5, 0, 0]), (5, [-1.3, 0.7, 0])):
        cameras[view] = replace(cameras[view], T=cameras[view].T + aside)
    with pytest.raises(InputError, match=r"cameras '02', '05' show nothing where the other 5 agree"):
        hull_boxes(replace(source, cameras=tuple(cameras)), padding=0)


def test_a_frame_in_which_nobody_is_says_so() -> None:
    with pytest.raises(InputError, match=r"frame 0 leave no common volume: all of them are empty; .*--frames"):
        hull_boxes(filmed(ring(4), bad=range(4)), padding=0)


def test_boxes_come_from_what_there_is(tiny: Capture) -> None:
    assert boxes_from(made_up(), TINY) == "own"
    assert boxes_from(tiny.source, TINY) == "vertices"
    assert boxes_from(tiny.source, replace(TINY, boxes="hull")) == "hull"
    source = filmed(ring(4))
    source.footage.has_points = False  # type: ignore[misc]
    assert boxes_from(source, TINY) == "hull"
    source.footage.has_masks = False  # type: ignore[misc]
    with pytest.raises(InputError, match="no vertices folder, from which boxes are made, and no masks"):
        boxes_from(source, TINY)
    assert tiny.config.boxes == "vertices", "what a run records"


def test_boxes_over_time_hold_every_frames_own() -> None:
    rng = np.random.default_rng(4)
    low = rng.normal(size=(30, 3)).cumsum(axis=0).astype(np.float32)
    boxes = np.stack([low, low + rng.uniform(1, 2, (30, 3)).astype(np.float32)], axis=1)
    plain, smooth, clip = (
        widened_boxes(boxes, "hull", CaptureConfig(box_smoothing=how)) for how in ("none", "smooth", "clip")
    )
    np.testing.assert_allclose(plain[:, 1], boxes[:, 1] + 0.1, atol=1e-6)
    for wider in (smooth, clip):
        assert (wider[:, 0] <= plain[:, 0]).all()
        assert (wider[:, 1] >= plain[:, 1]).all()
    assert (clip == clip[0]).all()
    np.testing.assert_array_equal(clip[0], [plain[:, 0].min(axis=0), plain[:, 1].max(axis=0)])
    assert np.abs(np.diff(smooth, axis=0)).mean() < 0.5 * np.abs(np.diff(plain, axis=0)).mean()
    (one,) = widened_boxes(boxes[:1], "own", CaptureConfig(box_smoothing="smooth"))
    np.testing.assert_array_equal(one, boxes[0])


def test_one_box_for_the_clip_is_not_taken_for_a_fault(tiny: Capture, tiny_root: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        capture = open_capture(tiny_root, replace(TINY, box_smoothing="clip"))
    assert (capture.boxes == capture.boxes[0]).all()
    np.testing.assert_array_equal(capture.boxes[0, 0], tiny.boxes[:, 0].min(axis=0))


def test_runs_from_before_keep_their_rule() -> None:
    """A configuration that does not say by which rule was written before there was a choice."""
    assert from_json(CaptureConfig, {"boxes": "hull"}).hull_votes == "half"
    assert from_json(CaptureConfig, {"boxes": "hull", "hull_votes": "all"}).hull_votes == "all"
    assert from_json(CaptureConfig, {"boxes": "vertices"}).hull_votes == "all"
    source, old = filmed(ring(4)), from_json(CaptureConfig, {"boxes": "hull", "box_padding": 0.0})
    np.testing.assert_array_equal(source_boxes(source, old), hull_boxes(source, 0, "half"))
