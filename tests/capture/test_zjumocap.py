"""The ZJU-MoCap reader: folder names, frame numbers, masks, units."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dymap.capture import open_capture, read_source
from dymap.capture.images import FACE
from dymap.capture.labels import label_colours
from dymap.capture.layouts import SURE
from dymap.capture.masks import read_mask
from dymap.capture.readers.zjumocap import Options, read_palette, score
from dymap.config import CaptureConfig
from tests.captures import TINY, annotations, write_annotations, write_capture, write_rgb
from tests.golden.sources import Arrays, Golden


@pytest.fixture
def dataset(trimmed: Golden) -> Arrays:
    return trimmed.arrays("dataset")


def test_palette_masks(tmp_path: Path) -> None:
    labels = np.arange(20).repeat(4).reshape(8, 10)
    write_rgb(tmp_path / "mask.png", label_colours()[labels])
    mask = read_palette(tmp_path / "mask.png")
    expected = np.where(labels == 0, 0, np.where(np.isin(labels, [2, 10, 13]), FACE, 1))
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize("colour", [False, True])
def test_label_masks(tmp_path: Path, colour: bool) -> None:
    labels = (np.arange(60) % 5).astype(np.uint8).reshape(6, 10)
    cv2.imwrite(str(tmp_path / "mask.png"), np.stack([labels * 0, labels, labels * 0], -1) if colour else labels)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), labels != 0)


def test_older_files(tmp_path: Path, dataset: Arrays, tiny_root: Path) -> None:
    """Camera_B1/..., mask_cihp/ of label ids, new_vertices/: the same capture under other names."""
    root = tmp_path / "older"
    for view in range(5):
        for frame in range(2):
            write_rgb(root / f"Camera_B{view + 1}/{frame:06d}.png", dataset["cap_images"][frame, view])
            labels = dataset["cap_schp"][frame, view].any(-1).astype(np.uint8) * 7
            path = root / f"mask_cihp/Camera_B{view + 1}/{frame:06d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), labels)
    (root / "new_vertices").mkdir()
    for frame in range(2):
        np.save(root / f"new_vertices/{frame:06d}.npy", dataset["cap_vertices"][frame])
    data = annotations(dataset, 2)
    data["ims"] = [{"ims": [f"Camera_B{v + 1}/{f:06d}.png" for v in range(5)]} for f in range(2)]
    write_annotations(root, data)
    older, newer = open_capture(root, TINY), open_capture(tiny_root, replace(TINY, frames=(0, 2, 1)))
    assert [camera.name for camera in older.cameras] == [f"Camera_B{v + 1}" for v in range(5)]
    np.testing.assert_array_equal(older.boxes, newer.boxes)
    for frame in range(2):
        for view in range(5):
            a, b = older.image(frame, view), newer.image(frame, view)
            np.testing.assert_array_equal(a[0], b[0])
            np.testing.assert_array_equal(a[1] != 0, b[1] != 0)


def test_frame_numbers_are_those_of_the_files(tmp_path: Path, tiny_root: Path, dataset: Arrays) -> None:
    """Frames 10, 12, ...: vertices follow the numbers, boxes the positions (a published slip, method.md 15)."""
    root = tmp_path / "numbered"
    data = annotations(dataset, 3)
    for view in range(5):
        for frame in range(3):
            write_rgb(root / f"images/{view:02d}/{10 + 2 * frame:06d}.png", dataset["cap_images"][frame, view])
    (root / "vertices").mkdir()
    for frame in range(3):
        np.save(root / f"vertices/{10 + 2 * frame}.npy", dataset["cap_vertices"][frame])
    data["ims"] = [{"ims": [f"images/{v:02d}/{10 + 2 * f:06d}.png" for v in range(5)]} for f in range(3)]
    write_annotations(root, data)
    numbered = open_capture(root, TINY)
    assert numbered.frames == (10, 12, 14)
    np.testing.assert_array_equal(numbered.boxes, open_capture(tiny_root, replace(TINY, frames=(0, 3, 1))).boxes)


def test_without_masks_everything_is_foreground(tmp_path: Path, dataset: Arrays) -> None:
    capture = open_capture(write_capture(tmp_path / "bare", dataset, 1, masks=False), TINY)
    assert not capture.has_masks
    shot = capture.shot(0, 2)
    rgb, mask = capture.image(0, 2)
    assert set(np.unique(shot.mask)) <= {0, 1}
    assert (rgb[mask != 0].max(-1) > 0).mean() > 0.9


def test_padded_vertices_win(tiny_root: Path, tmp_path: Path) -> None:
    root = shutil.copytree(tiny_root, tmp_path / "both")
    np.save(root / "vertices/000001.npy", np.array([[0, 0, 0], [1, 1, 1]], np.float32))
    source = read_source(root, CaptureConfig())
    np.testing.assert_array_equal(source.points(1), [[0, 0, 0], [1, 1, 1]])
    for frame in (0, 2, 3):
        np.testing.assert_array_equal(source.points(frame), np.load(root / f"vertices/{frame}.npy"))


def test_score_grows_with_what_is_found(tmp_path: Path) -> None:
    assert score(tmp_path / "nowhere") == score(tmp_path) == 0
    (tmp_path / "mask").mkdir()
    masks_only = score(tmp_path)
    (tmp_path / "annots.npy").touch()
    either = score(tmp_path)
    (tmp_path / "schp").mkdir()
    assert 0 < masks_only < SURE < either < score(tmp_path) <= 1


def test_the_unit_is_an_option_of_the_reader(tiny_root: Path) -> None:
    millimetres, metres = (read_source(tiny_root, replace(TINY, options=given)) for given in ({}, {"unit": "m"}))
    assert millimetres.options == Options(unit="mm")
    assert metres.options == Options(unit="m")
    for a, b in zip(millimetres.cameras, metres.cameras, strict=True):
        np.testing.assert_array_equal(a.T, b.T / 1000)
