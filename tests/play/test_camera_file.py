"""Camera paths in files: conventions, round trips, and what is refused."""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dymap.errors import InputError
from dymap.geometry.camera import Camera
from dymap.geometry.rays import pixel_directions
from dymap.play import camera_file
from dymap.play.camera_file import read_cameras, write_cameras
from dymap.video.facts import camera_to_json
from tests.video.videos import cameras

SIZE = (40, 56)
FRAMES = 5


def nerf_matrix(camera: Camera) -> list[list[float]]:
    """Camera to world with x right, y up, z backwards."""
    pose = np.linalg.inv(camera.extrinsics)
    return (pose @ np.diag([1.0, -1, -1, 1])).tolist()


def nerf_entry(camera: Camera) -> dict[str, Any]:
    """A camera as a frame of transforms.json; positions from the corner of the image."""
    corner = 0.5 - camera.pixel_offset
    return {
        "transform_matrix": nerf_matrix(camera),
        "fl_x": camera.K[0, 0], "fl_y": camera.K[1, 1],
        "cx": camera.K[0, 2] + corner, "cy": camera.K[1, 2] + corner,
        "w": camera.width, "h": camera.height,
    }  # fmt: skip


def written(folder: Path, data: Any) -> Path:
    path = folder / "transforms.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def read(path: Path) -> list[tuple[Camera, int | None]]:
    return read_cameras(path, SIZE, FRAMES)


@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_transforms_have_the_same_rays(tmp_path: Path, offset: float) -> None:
    ours = [replace(camera, pixel_offset=offset) for camera in cameras()]
    theirs = read(written(tmp_path, {"frames": [nerf_entry(camera) for camera in ours]}))
    assert [frame for _, frame in theirs] == [None] * len(ours)
    for a, (b, _) in zip(ours, theirs, strict=True):
        assert (a.width, a.height) == (b.width, b.height)
        np.testing.assert_allclose(pixel_directions(b), pixel_directions(a), atol=1e-12)
        np.testing.assert_allclose(b.position, a.position, atol=1e-12)
        points = a.position + 2 * pixel_directions(a)[:7]
        np.testing.assert_allclose(b.project(points)[0], a.project(points)[0], atol=1e-9)


def test_axes_of_transforms(tmp_path: Path) -> None:
    """The identity is at the origin, looks along -z, y is up: a point to the right and up is seen there."""
    path = written(tmp_path, {"camera_angle_x": math.pi / 2, "frames": [{"transform_matrix": np.eye(4).tolist()}]})
    ((camera, _),) = read_cameras(path, (20, 10), 1)
    pixel, depth = camera.project([[0, 0, -2], [0.5, 0.25, -2]])
    np.testing.assert_allclose(depth, 2)
    np.testing.assert_allclose(pixel[0], [9.5, 4.5], atol=1e-12)  # the middle of the image, between pixels
    np.testing.assert_allclose(pixel[1], [9.5 + 2.5, 4.5 - 1.25], atol=1e-12)


def test_angle_of_view_and_size(tmp_path: Path) -> None:
    pose = {"transform_matrix": np.eye(4).tolist()}
    lens = {"camera_angle_x": 0.8, "w": 100.0, "h": 50}
    ((camera, _),) = read(written(tmp_path, lens | {"frames": [pose]}))
    assert (camera.width, camera.height) == (100, 50)
    focal = 50 / math.tan(0.4)
    np.testing.assert_allclose(camera.K, [[focal, 0, 50], [0, focal, 25], [0, 0, 1]])
    ((camera, _),) = read(written(tmp_path, lens | {"camera_angle_y": 0.6, "frames": [pose]}))
    assert camera.K[1, 1] == pytest.approx(25 / math.tan(0.3))
    ((camera, _),) = read(written(tmp_path, {"camera_angle_x": 0.8, "frames": [pose]}))
    assert (camera.width, camera.height) == SIZE
    assert camera.K[0, 0] == pytest.approx(20 / math.tan(0.4))


def test_entries_stand_over_what_all_have(tmp_path: Path) -> None:
    pose = {"transform_matrix": np.eye(4)[:3].tolist()}
    top = {"fl_x": 30, "w": 20, "h": 10, "cx": 11}
    path = written(tmp_path, top | {"frames": [pose, pose | {"fl_x": 40, "cy": 4, "file_path": "a/b.png"}]})
    (first, _), (second, _) = read(path)
    np.testing.assert_array_equal(first.K, [[30, 0, 11], [0, 30, 5], [0, 0, 1]])
    np.testing.assert_array_equal(second.K, [[40, 0, 11], [0, 40, 4], [0, 0, 1]])
    assert second.name == "a/b.png"


def test_frames_and_times(tmp_path: Path) -> None:
    camera = nerf_entry(cameras()[0])
    extras: list[dict[str, float]] = [{"time": 0}, {"time": 0.49}, {"time": 1.0}, {"frame": 3}, {"frame": 2, "time": 1}]
    placed = read(written(tmp_path, {"frames": [camera | extra for extra in extras]}))
    assert [frame for _, frame in placed] == [0, 2, 4, 3, 2]


def test_rounded_decimals_do_not_move_the_camera(tmp_path: Path) -> None:
    camera = replace(cameras()[1], T=cameras()[1].T * 100)
    entry = nerf_entry(camera) | {"transform_matrix": np.round(nerf_matrix(camera), 4).tolist()}
    ((seen, _),) = read(written(tmp_path, {"frames": [entry]}))
    np.testing.assert_allclose(seen.position, camera.position, atol=1e-4)
    np.testing.assert_allclose(seen.R @ seen.R.T, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(seen.R, camera.R, atol=2e-4)


@pytest.mark.parametrize("lens", [{"k1": 0.1}, {"p2": -1e-3}, {"camera_model": "OPENCV_FISHEYE"}])
@pytest.mark.parametrize("place", ["top", "entry"])
def test_distortion_is_ignored_aloud(tmp_path: Path, lens: dict[str, Any], place: str) -> None:
    entry = nerf_entry(cameras()[0])
    data = {"frames": [entry, entry]} | lens if place == "top" else {"frames": [entry | lens, entry | lens]}
    with pytest.warns(UserWarning, match=r"transforms\.json: lens distortion is ignored") as caught:
        placed = read(written(tmp_path, data))
    assert len(caught) == 1
    assert not placed[0][0].distorted
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(written(tmp_path, {"k1": 0, "p1": 0.0, "camera_model": "OPENCV", "frames": [entry]}))


def test_saved_path_is_exact(tmp_path: Path) -> None:
    ours: list[tuple[Camera, int | None]] = [
        (replace(camera, pixel_offset=index / 7, K=camera.K * (1, 1, 1 / 3) + np.diag([0, 0, 2 / 3])), frame)
        for index, (camera, frame) in enumerate(zip(cameras(), (0, 4, None, 2, None, 1), strict=True))
    ]
    path = tmp_path / "new" / "path.json"
    write_cameras(path, ours)
    theirs = read(path)
    for (a, frame), (b, again) in zip(ours, theirs, strict=True):
        assert again == frame
        for key in ("K", "R", "T", "D"):
            np.testing.assert_array_equal(getattr(b, key), getattr(a, key))
        assert (b.width, b.height, b.name, b.pixel_offset) == (a.width, a.height, a.name, a.pixel_offset)
    again_path = tmp_path / "again.json"
    write_cameras(again_path, theirs)
    assert again_path.read_text() == path.read_text()


POSE = {"transform_matrix": np.eye(4).tolist()}
LENS = {"fl_x": 30.0, "w": 20, "h": 10}
SCALED = {"transform_matrix": np.diag([2.0, 2, 2, 1]).tolist()}
MIRRORED = {"transform_matrix": np.diag([1.0, 1, -1, 1]).tolist()}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{", "not readable JSON"),
        ("[" * 100_000, "not readable JSON"),
        ([], "neither a path that dymap saved"),
        ({"cameras": []}, "neither a path that dymap saved"),
        ({"frames": []}, "frames is 0 entries, expected a list of 1 to"),
        ({"frames": {"a": 1}}, "frames is dict, expected a list"),
        ({"frames": [POSE, 3]}, r"frames\[0\]: no lens; expected fl_x"),
        ({"frames": [3]}, r"frames\[0\] is int, expected a mapping"),
        ({"fl_x": 30, "frames": [POSE]}, r"frames\[0\]: fl_x is in pixels, but w and h"),
        (LENS | {"frames": [POSE, {}]}, r"frames\[1\]: transform_matrix is missing, expected \[4, 4\] or \[3, 4\]"),
        (LENS | {"frames": [{"transform_matrix": [[1]]}]}, r"has shape \[1, 1\], expected"),
        (LENS | {"frames": [{"transform_matrix": [[1], [1, 2]]}]}, "is not .* numbers"),
        (LENS | {"frames": [{"transform_matrix": [["a"] * 4] * 4}]}, "is not .* numbers"),
        (LENS | {"frames": [SCALED]}, "transform_matrix holds no rotation: .* hold a scale"),
        (LENS | {"frames": [MIRRORED]}, "transform_matrix holds a reflection"),
        (LENS | {"frames": [{"transform_matrix": (np.eye(4) + np.eye(4, k=-3)).tolist()}]}, "the last row"),
        (LENS | {"frames": [{"transform_matrix": np.full((4, 4), np.nan).tolist()}]}, "not finite"),
        (LENS | {"frames": [{"transform_matrix": (np.eye(4) + 1e9 * np.eye(4, k=3)).tolist()}]}, "m from the origin"),
        (LENS | {"w": 9000, "frames": [POSE]}, "w is 9000, expected 1 to 8192 pixels"),
        (LENS | {"h": 0, "frames": [POSE]}, "h is 0, expected"),
        (LENS | {"h": 10.5, "frames": [POSE]}, "h is 10.5, expected"),
        (LENS | {"fl_x": -1, "frames": [POSE]}, "fl_x is -1, expected more than 0"),
        (LENS | {"fl_x": True, "frames": [POSE]}, "fl_x is True, expected a finite number"),
        (LENS | {"fl_x": 10**400, "frames": [POSE]}, "fl_x is 1000.*, expected a finite number"),
        (LENS | {"cx": None, "frames": [POSE]}, "cx is None, expected a finite number"),
        (LENS | {"cx": [1], "frames": [POSE]}, "cx is .*, expected a finite number"),
        ({"camera_angle_x": 3.2, "frames": [POSE]}, "camera_angle_x is 3.2, expected an angle"),
        (LENS | {"frames": [POSE | {"time": 1.5}]}, "time is 1.5, expected 0"),
        (LENS | {"frames": [POSE | {"frame": 5}]}, r"frame 5 is outside the clip: it has positions 0 to 4"),
        (LENS | {"frames": [POSE | {"frame": 0.5}]}, "frame 0.5 is outside"),
        ({"format": "dymap-cameras", "version": 2, "cameras": []}, "version 2 of dymap-cameras; this dymap reads 1"),
        ({"format": "dymap-cameras", "version": 1}, "cameras is NoneType, expected a list"),
    ],
)
def test_what_is_refused(tmp_path: Path, data: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(written(tmp_path, data))
    assert "transforms.json: " in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"R": np.ones((3, 3)).tolist()}, "R holds no rotation"),
        ({"R": [1, 2]}, r"R has shape \[2\], expected \[3, 3\]"),
        ({"T": [math.inf, 0, 0]}, "T holds values that are not finite"),
        ({"K": np.eye(3)[::-1].tolist()}, r"K is .*, expected \[\[fx"),
        ({"width": 1e12}, "width is 1e\\+12, expected"),
        ({"height": "5"}, "height is '5', expected a finite number"),
        ({"pixel_offset": None}, "pixel_offset is None"),
        ({"pixel_offset": -(2**63)}, "camera .*pixel_offset"),
        ({"name": [1.5]}, "name of a camera"),
        ({"K": np.diag([1e-300, 5, 1]).tolist()}, "camera .*focal length of 1e-300 pixels"),
        ({"frame": -1}, "frame -1 is outside"),
    ],
)
def test_saved_paths_that_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    entry = camera_to_json(cameras()[0])
    data = {"format": "dymap-cameras", "version": 1, "cameras": [entry, entry | change]}
    with pytest.raises(InputError, match=rf"cameras\[1\]: {message}"):
        read(written(tmp_path, data))
    del entry["K"]
    with pytest.raises(InputError, match=r"cameras\[0\]: K is missing"):
        read(written(tmp_path, data))


def test_files_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path, tmp_path / "none", Path("/dev/null")):
        with pytest.raises(InputError, match="no such file"):
            read(path)
    path = written(tmp_path, {"frames": [nerf_entry(cameras()[0])]})
    monkeypatch.setattr(camera_file, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="expected a file of cameras of"):
        read(path)


@pytest.mark.parametrize("flat", [True, False])
def test_paths_of_nerfstudio_have_the_same_rays(tmp_path: Path, flat: bool) -> None:
    """fov is vertical and in degrees, of an image of render_width x render_height; pixels are square."""
    entries, ours = [], []
    for k, camera in enumerate(cameras()):
        K = np.diag([61.0, 61, 1])
        K[:2, 2] = 20, 28
        ours.append(replace(camera, K=K, pixel_offset=0.5))
        pose = np.array(nerf_matrix(camera))
        fov = math.degrees(2 * math.atan(28 / 61))
        entries.append({"camera_to_world": (pose.ravel() if flat else pose).tolist(), "fov": fov, "aspect": 40 / 56})
        if k == 1:
            entries[-1]["render_time"] = 1.0
    data = {"camera_type": "perspective", "render_width": 40, "render_height": 56, "fps": 24, "seconds": 4,
            "keyframes": [], "is_cycle": False, "camera_path": entries}  # fmt: skip
    theirs = read(written(tmp_path, data))
    assert [frame for _, frame in theirs] == [None, FRAMES - 1, None, None, None, None]
    for a, (b, _) in zip(ours, theirs, strict=True):
        assert (b.width, b.height) == (40, 56)
        np.testing.assert_allclose(pixel_directions(b), pixel_directions(a), atol=1e-12)
        np.testing.assert_allclose(b.position, a.position, atol=1e-12)
    bare = {"camera_path": entries[:1]}
    ((camera, _),) = read(written(tmp_path, bare))
    assert (camera.width, camera.height) == SIZE


@pytest.mark.parametrize(
    ("change", "shared", "match"),
    [
        ({"fov": 0}, {}, r"camera_path\[0\]: fov is 0"), ({"fov": None}, {}, "fov is None"),
        ({"fov": 180}, {}, "fov is 180"),
        ({"camera_to_world": [1.0] * 15}, {}, r"camera_to_world has shape \[15\]"),
        ({"camera_to_world": (2 * np.eye(4)).tolist()}, {}, "transform_matrix|no rotation|last row"),
        ({"render_time": 2}, {}, "time is 2"), ({}, {"camera_type": "equirectangular"}, "films are of perspective"),
        ({}, {"render_width": 0}, "render_width is 0"), ({}, {"render_width": 10}, "render_height is None"),
        ({}, {"camera_path": []}, "camera_path is 0 entries"),
    ],
)  # fmt: skip
def test_broken_paths_of_nerfstudio(tmp_path: Path, change: dict[str, Any], shared: dict[str, Any], match: str) -> None:
    entry = {"camera_to_world": np.eye(4).ravel().tolist(), "fov": 50.0} | change
    with pytest.raises(InputError, match=match):
        read(written(tmp_path, {"camera_path": [entry]} | shared))
