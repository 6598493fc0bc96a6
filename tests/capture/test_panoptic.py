"""Panoptic scenes as Dynamic 3D Gaussians packs them: the same capture, masks of some cameras, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dymap.capture import open_capture, read_source
from dymap.capture.layouts import scores
from dymap.capture.source import Source
from dymap.config import CaptureConfig
from dymap.errors import InputError
from tests.capture.layouts_alike import (
    assert_same_cameras,
    assert_same_pictures,
    golden_cameras,
    write_json,
    write_pictures,
)
from tests.captures import FRAMES, VIEWS
from tests.golden.sources import Arrays, Golden


@pytest.fixture(scope="module")
def dataset(trimmed: Golden) -> Arrays:
    return trimmed.arrays("dataset")


def meta(dataset: Arrays, views: list[int]) -> dict[str, Any]:
    cameras = golden_cameras(dataset)
    times = range(FRAMES)
    return {
        "w": 128,
        "h": 96,
        "k": [[cameras[v].K.tolist() for v in views] for _ in times],
        "w2c": [[cameras[v].extrinsics.tolist() for v in views] for _ in times],
        "fn": [[f"{v}/{t:06d}.png" for v in views] for t in times],
        "cam_id": [views for _ in times],
    }


@pytest.fixture
def root(dataset: Arrays, tmp_path: Path) -> Path:
    write_pictures(tmp_path, dataset, "ims/{view}/{frame:06d}.png", "seg/{view}/{frame:06d}.png")
    write_json(tmp_path / "train_meta.json", meta(dataset, [0, 1, 2, 3, 4]))
    return tmp_path


def read(root: Path, **options: Any) -> Source:
    return read_source(root, CaptureConfig(options=options))


def test_it_is_the_same_capture(root: Path, dataset: Arrays) -> None:
    source = read(root)
    assert source.layout == "panoptic"
    assert source.frames == (0, 1, 2, 3)
    assert [camera.name for camera in source.cameras] == ["0", "1", "2", "3", "4"]
    assert_same_cameras(source, [camera.undistorted() for camera in golden_cameras(dataset)])
    assert_same_pictures(source, dataset)


def test_masks_of_some_cameras_only_and_cameras_in_another_order_at_each_time(root: Path, dataset: Arrays) -> None:
    shutil.rmtree(root / "seg/3")
    data = meta(dataset, [0, 1, 2, 3, 4])
    for key in ("k", "w2c", "fn", "cam_id"):
        data[key][2] = data[key][2][::-1]
    write_json(root / "train_meta.json", data)
    source = read(root)
    assert source.has_masks
    assert [source.masked(2, view) for view in range(VIEWS)] == [True, True, True, False, True]
    assert_same_pictures(source, dataset)


def test_cameras_of_the_test_file_are_kept_for_evaluation(root: Path, dataset: Arrays) -> None:
    write_json(root / "train_meta.json", meta(dataset, [4, 0, 2]))
    write_json(root / "test_meta.json", meta(dataset, [3, 1]))
    source = read(root)
    assert [camera.name for camera in source.cameras] == ["0", "2", "4", "1", "3"]
    assert source.test_views == (3, 4)
    capture = open_capture(root, CaptureConfig(ratio=0.25, boxes="hull"))
    assert capture.train_views == (0, 1, 2)
    np.testing.assert_array_equal(source.read(2, 4)[0], dataset["cap_images"][2, 3])


def test_units_and_pixel_centres_are_options(root: Path) -> None:
    before, after = read(root), read(root, scale=0.01, pixel_centres="half")
    for a, b in zip(after.cameras, before.cameras, strict=True):
        np.testing.assert_allclose(a.position, b.position * 0.01)
        np.testing.assert_allclose(a.K[:2, 2], b.K[:2, 2] - 0.5)


def test_a_camera_that_moves_is_several(root: Path, dataset: Arrays) -> None:
    data = meta(dataset, [0, 1, 2, 3, 4])
    data["w2c"][3][1][0][3] += 0.1
    write_json(root / "train_meta.json", data)
    source = read(root)
    assert len(source.cameras) == 6
    assert sum(source.present(3, view) for view in range(6)) == 5


def test_it_is_sure_of_its_own_folders_only(root: Path, tiny_root: Path) -> None:
    assert scores(root)["panoptic"] == 0.9
    assert scores(tiny_root)["panoptic"] == 0
    shutil.rmtree(root / "ims")
    assert scores(root)["panoptic"] == 0.6


def change(data: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    data[key][1][2] = value
    return data


WRONG: dict[str, tuple[Any, str]] = {
    "list": (lambda _: [], "expected a mapping with w, h, k, w2c and fn"),
    "size": (lambda d: d | {"w": "wide"}, "w and h are not the pixels of a picture"),
    "other size": (lambda d: d | {"w": 100}, "image is 128 x 96, but w and h are 100 x 96"),
    "no k": (lambda d: {key: d[key] for key in d if key != "k"}, "k is missing or no list of lists"),
    "short": (lambda d: d | {"w2c": d["w2c"][:2]}, "w2c lists 2 times and fn 4"),
    "shorter": (lambda d: d | {"k": [d["k"][0][:1], *d["k"][1:]]}, r"k lists 4 times .* \(time 0\)"),
    "k": (lambda d: change(d, "k", [[1, 2], [3, 4]]), "time 1, camera 2: k is not 3 x 3 finite numbers"),
    "w2c": (lambda d: change(d, "w2c", "no"), "time 1, camera 2: w2c is not 4 x 4 finite numbers"),
    "cam_id": (lambda d: change(d, "cam_id", [1]), "camera 2: cam_id is a list, expected a number or a name"),
    "path": (lambda d: change(d, "fn", "../../a.png"), "time 1, camera 2: image path '../../a.png' leaves"),
    "scaled": (lambda d: change(d, "w2c", (2 * np.eye(4)).tolist()), "is no rotation"),
    "focal": (lambda d: change(d, "k", np.diag([-1, 1, 1]).tolist()), "focal lengths above 0"),
    "twice": (
        lambda d: d | {key: [[row[0], *row[:4]] for row in d[key]] for key in ("k", "w2c", "cam_id")},
        "cam_id 0 is there twice",
    ),
    "empty": (lambda d: d | {key: [] for key in ("k", "w2c", "fn", "cam_id")}, "fn lists 0 pictures"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(root: Path, dataset: Arrays, case: str) -> None:
    alter, message = WRONG[case]
    write_json(root / "train_meta.json", alter(meta(dataset, [0, 1, 2, 3, 4])))
    with pytest.raises(InputError, match=message):
        read(root)


def test_test_files_of_other_times_are_refused(root: Path, dataset: Arrays) -> None:
    data = meta(dataset, [0, 1])
    write_json(root / "train_meta.json", {k: v[:3] if isinstance(v, list) else v for k, v in data.items()})
    write_json(root / "test_meta.json", meta(dataset, [2]))
    with pytest.raises(InputError, match=r"test_meta\.json: time 3, camera 0: train_meta\.json has no picture of this"):
        read(root)


def test_a_missing_picture_is_named(root: Path) -> None:
    (root / "ims/2/000000.png").unlink()
    with pytest.raises(InputError, match=r"ims/2/000000\.png: image is missing"):
        read(root)
