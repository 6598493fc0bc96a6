"""Captures with something wrong: one clear sentence that names the file, and nothing left behind."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dymap.capture import open_capture, read_source
from dymap.config import CaptureConfig
from dymap.errors import InputError
from tests.captures import TINY, annotations, image_path, write_annotations, write_capture, write_rgb
from tests.golden.sources import Arrays, Golden


@pytest.fixture
def dataset(trimmed: Golden) -> Arrays:
    return trimmed.arrays("dataset")


@pytest.fixture
def root(tiny_root: Path, tmp_path: Path) -> Path:
    """A copy of the tiny capture to break."""
    return shutil.copytree(tiny_root, tmp_path / "broken")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache for this test only; after a failure nothing may lie in it."""
    monkeypatch.setenv("DYMAP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def refused(root: Path, cache: Path, message: str, config: CaptureConfig = TINY) -> None:
    with pytest.raises(InputError, match=message):
        open_capture(root, config)
    assert not list(cache.rglob("*")), "nothing half-written"


def edit_annotations(root: Path, dataset: Arrays, change: Callable[[dict], None]) -> None:
    data = annotations(dataset)
    change(data)
    write_annotations(root, data)


def test_missing_image(root: Path, cache: Path) -> None:
    (root / image_path(2, 1)).unlink()
    refused(root, cache, r"images/01/000002\.png: image is missing")


def test_missing_first_image(root: Path, cache: Path) -> None:
    (root / image_path(0, 0)).unlink()
    refused(root, cache, r"images/00/000000\.png: image is missing")


def test_truncated_png(root: Path, cache: Path) -> None:
    path = root / image_path(1, 4)
    path.write_bytes(path.read_bytes()[:-100])
    refused(root, cache, r"images/04/000001\.png: PNG is truncated \(no end chunk in \d+ bytes\)")


def test_truncated_jpeg(root: Path, cache: Path, dataset: Arrays) -> None:
    path = root / "images/04/000001.jpg"
    write_rgb(path, dataset["cap_images"][1, 4])
    path.write_bytes(path.read_bytes()[:-100])

    def change(data: dict) -> None:
        data["ims"][1]["ims"][4] = "images/04/000001.jpg"

    edit_annotations(root, dataset, change)
    refused(root, cache, r"images/04/000001\.jpg: JPEG is truncated \(no end marker in \d+ bytes\)")


def test_image_of_another_size(root: Path, cache: Path) -> None:
    cv2.imwrite(str(root / image_path(1, 3)), np.zeros((48, 64, 3), np.uint8))
    refused(root, cache, r"images/03/000001\.png: image is 64 x 48, but the first image of camera '03' is 128 x 96")


def test_mask_of_another_shape(root: Path, cache: Path) -> None:
    cv2.imwrite(str(root / "schp/03/000001.png"), np.zeros((96, 96, 3), np.uint8))
    refused(root, cache, r"schp/03/000001\.png: mask is 96 x 96, its image is 128 x 96, which is another shape")


@pytest.mark.usefixtures("cache")
def test_no_vertices_folder(root: Path) -> None:
    shutil.rmtree(root / "vertices")
    with pytest.raises(InputError, match=r"no vertices folder, from which the boxes are made; .* --boxes hull"):
        open_capture(root, replace(TINY, boxes="vertices"))
    assert open_capture(root, TINY).config.boxes == "hull", "if nothing else is asked for"


def test_vertices_of_one_frame_missing(root: Path, cache: Path) -> None:
    (root / "vertices/2.npy").unlink()
    refused(root, cache, r"vertices/000002\.npy: vertices of this frame are missing")


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x93NUMPY\x01\x00"])
def test_broken_vertices(root: Path, cache: Path, content: bytes) -> None:
    (root / "vertices/2.npy").write_bytes(content)
    refused(root, cache, r"vertices/2\.npy: not an array of vertices \[n, 3\]")


@pytest.mark.parametrize("shape", [(0, 3), (10, 2), (30,)])
def test_vertices_of_another_shape(root: Path, cache: Path, shape: tuple[int, ...]) -> None:
    np.save(root / "vertices/2.npy", np.zeros(shape, np.float32))
    refused(root, cache, r"vertices/2\.npy: not an array of vertices \[n, 3\] \(its shape is")


def test_vertices_that_are_pickles_or_not_finite(root: Path, cache: Path) -> None:
    np.save(root / "vertices/2.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    refused(root, cache, r"vertices/2\.npy: not an array of vertices")
    np.save(root / "vertices/2.npy", np.full((5, 3), np.nan, np.float32))
    refused(root, cache, r"vertices/2\.npy: vertices hold values that are not finite")
    np.save(root / "vertices/2.npy", np.full((5, 3), "a"))
    refused(root, cache, r"vertices/2\.npy: not an array of vertices \[n, 3\] \(it holds no plain numbers\)")


@pytest.mark.parametrize("path", ["../x.jpg", "/etc/passwd", "images/../../x.jpg", "C:/x.jpg"])
def test_paths_that_leave_the_folder(root: Path, cache: Path, dataset: Arrays, path: str) -> None:
    def change(data: dict) -> None:
        data["ims"][1]["ims"][2] = path

    edit_annotations(root, dataset, change)
    refused(root, cache, "leaves the capture's folder")


def test_backslashes_say_so(root: Path, cache: Path, dataset: Arrays) -> None:
    edit_annotations(root, dataset, lambda data: data["ims"][1]["ims"].__setitem__(2, "images\\02\\000001.png"))
    refused(root, cache, r"has backslashes, as Windows writes them; write paths with / instead")


def test_metres_are_noticed(tmp_path: Path, cache: Path, dataset: Arrays) -> None:
    """T in metres read as millimetres puts all cameras in one place; the option that helps is named and helps."""
    root = write_capture(tmp_path / "metres", dataset, metres=True)
    with pytest.warns(UserWarning, match="--unit m"), pytest.raises(InputError):
        open_capture(root, TINY)
    assert not list(cache.rglob("*"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        capture = open_capture(root, replace(TINY, options={"unit": "m"}))
    np.testing.assert_allclose(capture.cameras[1].T * 1000, dataset["cap_T_mm"][1][:, 0], rtol=1e-9)


def test_millimetres_are_noticed(root: Path) -> None:
    with pytest.warns(UserWarning, match=r"camera '0\d' is \d+ m from the box; --unit mm reads it so"):
        open_capture(root, replace(TINY, options={"unit": "m"}))


def test_a_camera_that_sees_nothing(root: Path, cache: Path, dataset: Arrays) -> None:
    """Camera 2 is turned away sideways."""
    turn = np.array([[0.5, 0, -(0.75**0.5)], [0, 1, 0], [0.75**0.5, 0, 0.5]])

    def change(data: dict) -> None:
        data["cams"]["R"][2] = turn @ data["cams"]["R"][2]
        data["cams"]["T"][2] = turn @ data["cams"]["T"][2]

    edit_annotations(root, dataset, change)
    refused(root, cache, "camera '02' sees nothing of the box of frame 0; check its R, T")


def test_a_camera_that_looks_away(root: Path, cache: Path, dataset: Arrays) -> None:
    turn = np.diag([-1.0, 1.0, -1.0])

    def change(data: dict) -> None:
        data["cams"]["R"][2] = turn @ data["cams"]["R"][2]
        data["cams"]["T"][2] = turn @ data["cams"]["T"][2]

    edit_annotations(root, dataset, change)
    refused(root, cache, "camera '02' stands inside the box or looks away")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("K", np.eye(4), r"camera '02': K has shape \(4, 4\)"),
        ("R", np.zeros((3, 3)), r"camera '02': R is no rotation"),
        ("R", np.diag([1.0, 1.0, -1.0]), r"camera '02': R is no rotation"),
        ("T", np.full((3, 1), np.inf), "T holds values that are not finite"),
        ("D", np.array(["a"]), "camera 2 lacks K, D, R or T"),
    ],
)
def test_broken_cameras(root: Path, cache: Path, dataset: Arrays, key: str, value: np.ndarray, message: str) -> None:
    def change(data: dict) -> None:
        data["cams"][key][2] = value

    edit_annotations(root, dataset, change)
    refused(root, cache, message)


def test_annotations_of_another_form(root: Path, cache: Path, dataset: Arrays) -> None:
    def few_cameras(data: dict) -> None:
        data["cams"]["K"] = data["cams"]["K"][:3]

    def few_distortions(data: dict) -> None:
        data["cams"]["D"] = data["cams"]["D"][:3]

    def no_frames(data: dict) -> None:
        data["ims"] = []

    def no_numbers(data: dict) -> None:
        data["ims"][0]["ims"][0] = "images/first.png"

    changes = {
        "frame 0 lists 5 images, but there are 3 cameras": few_cameras,
        "camera 3 lacks K, D, R or T": few_distortions,
        "lists no frames": no_frames,
        r"'images/first\.png' holds no frame number": no_numbers,
        "expected {'cams'": dict.clear,
    }
    for message, change in changes.items():
        edit_annotations(root, dataset, change)
        refused(root, cache, message)


def test_layouts(root: Path, tmp_path: Path, cache: Path) -> None:
    refused(root, cache, "layout 'tapes' is unknown; known are .*zjumocap", replace(TINY, layout="tapes"))
    (tmp_path / "empty").mkdir()
    refused(
        tmp_path / "empty",
        cache,
        r"no known capture layout; .*looked for .*nhr \(annots\.npy.*; 0% sure\), .*zjumocap ",
    )
    refused(tmp_path / "nowhere", cache, "nowhere: no such folder")
    assert read_source(root, replace(TINY, layout="zjumocap")).layout == "zjumocap"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_views": (1, 7)}, "view 7 does not exist: the capture has views 0 to 4"),
        ({"train_views": (0, 1)}, "view 1 is both a training and a test view"),
        ({"test_views": (0, 1, 2, 3, 4)}, "no view is left to train on"),
        ({"frames": (4, -1, 1)}, "frames 4 to -1 step 1 do not fit the capture's 4 frames"),
        ({"frames": (0, -1, 0)}, "do not fit"),
        ({"frames": (2, 1, 1)}, "do not fit"),
    ],
)
def test_views_and_frames_that_do_not_exist(root: Path, cache: Path, changes: dict, message: str) -> None:
    refused(root, cache, message, replace(TINY, **changes))
