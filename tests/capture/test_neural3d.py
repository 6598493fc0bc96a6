"""The reader of Neural 3D Video: poses of LLFF, a video a camera."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dymap.capture import open_capture, read_source
from dymap.capture.layouts import layout_of
from dymap.capture.readers.neural3d import score
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.geometry.camera import Camera, look_at
from tests.capture.clips import number_of, numbered, numbered_clip, write_clip

VIEWS = 3


def cameras(width: int = 64, height: int = 48) -> list[Camera]:
    """A ring that looks at the origin."""
    K = np.array([[50.0, 0, (width - 1) / 2], [0, 50.0, (height - 1) / 2], [0, 0, 1]])
    eyes = [[3 * np.sin(a), -3 * np.cos(a), 0.5] for a in (0.0, 0.7, 1.4)]
    return [Camera(K, *look_at(eye, [0, 0, 0]), width, height, name=f"cam{k:02d}") for k, eye in enumerate(eyes)]


def poses(of: list[Camera], size: tuple[int, int] = (64, 48), focal: float = 50.0) -> NDArray[np.float64]:
    """What LLFF writes: axes down, right, backwards in the world; position; height, width, focal length; depths."""
    rows = []
    for camera in of:
        right, down, forward = camera.R
        hwf = np.array([size[1], size[0], focal])
        matrix = np.stack([down, right, -forward, camera.position, hwf], axis=1)  # [3, 5]
        rows.append([*matrix.reshape(-1), 0.5, 9.0])
    return np.array(rows)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "coffee"
    folder.mkdir()
    for view in range(VIEWS):
        numbered_clip(folder / f"cam{view:02d}.mp4", 6)
    np.save(folder / "poses_bounds.npy", poses(cameras()))
    (folder / ".hidden.mp4").write_bytes(b"x")
    return folder


def test_cameras_and_pictures(root: Path) -> None:
    assert score(root) == 0.9
    assert layout_of(root, CaptureConfig()) == "neural3d"
    source = read_source(root, CaptureConfig())
    assert source.frames == tuple(range(6))
    for found, true in zip(source.cameras, cameras(), strict=True):
        assert (found.name, found.width, found.height) == (true.name, 64, 48)
        for key in ("K", "R", "T", "D"):
            np.testing.assert_allclose(getattr(found, key), getattr(true, key), atol=1e-12)
    picture, mask = source.read(4, 1)
    assert number_of(picture) == 4
    assert mask is None


def test_poses_of_smaller_pictures_and_of_a_known_scale(root: Path) -> None:
    np.save(root / "poses_bounds.npy", poses(cameras(), (32, 24), 25.0))
    source = read_source(root, CaptureConfig(options={"scale": 2.0}))
    for found, true in zip(source.cameras, cameras(), strict=True):
        np.testing.assert_allclose(found.K, true.K, atol=1e-12)
        np.testing.assert_allclose(found.T, 2 * true.T, atol=1e-12)


def test_masks_are_videos_or_files_of_some_cameras_or_of_all(root: Path) -> None:
    disc = np.zeros((48, 64, 3), np.uint8)
    cv2.circle(disc, (32, 24), 14, (255, 255, 255), -1)
    (root / "masks" / "cam01").mkdir(parents=True)
    write_clip(root / "masks" / "cam00.mp4", [disc] * 6)
    for frame in range(5):
        cv2.imwrite(str(root / "masks" / "cam01" / f"mask_{frame:04d}.png"), disc)
    source = read_source(root, CaptureConfig())
    assert [[source.masked(frame, view) for view in range(3)] for frame in (0, 5)] == [
        [True, True, False],
        [True, False, False],
    ]
    for view in (1, 2):
        write_clip(root / "masks" / f"cam{view:02d}.mp4", [disc] * 6)
    capture = open_capture(root, CaptureConfig(boxes="hull", test_views=(2,)))
    assert capture.boxes.shape == (6, 2, 3)
    assert (np.abs(capture.boxes) < 3).all()  # three neighbours see little of what is behind
    assert ((capture.boxes[:, 0] < -0.7) & (capture.boxes[:, 1] > 0.7)).all()


def test_what_does_not_fit_is_named(root: Path) -> None:
    def refused(rows: NDArray[np.float64], match: str) -> None:
        np.save(root / "poses_bounds.npy", rows)
        with pytest.raises(InputError, match=match):
            read_source(root, CaptureConfig())

    good = poses(cameras())
    refused(good[:2], r"holds the poses of 2 cameras, but there are 3 videos")
    refused(good[:, :15], r"not an array of poses \[N, 17\] \(its shape is \(3, 15\)\)")
    longer, mirrored = good.copy(), good.copy()
    longer[:, [2, 7, 12]] *= 2
    mirrored[:, [0, 5, 10]] *= -1
    refused(longer, "the row of 'cam00' is no pose")
    refused(mirrored, "the row of 'cam00' is no pose")
    refused(poses(cameras(), (48, 64)), r"cam00\.mp4: is 64 x 48, but its pose was found in pictures of 48 x 64")
    refused(poses(cameras(), (64, 48), -1.0), "expected pixels above 0")
    refused(poses(cameras(), (64, 48), 1e308), r"poses_bounds\.npy: camera 'cam00': K holds values that are not finite")
    (root / "poses_bounds.npy").write_bytes(b"\x93NUMPY\x01\x00")
    with pytest.raises(InputError, match="not an array of poses"):
        read_source(root, CaptureConfig())
    np.save(root / "poses_bounds.npy", good)
    with pytest.raises(InputError, match=r"capture\.options\.scale = 0.*: expected a number above 0"):
        read_source(root, CaptureConfig(options={"scale": 0.0}))
    (root / "cam01.mp4").write_bytes((root / "cam01.mp4").read_bytes()[:900])
    with pytest.raises(InputError, match=r"cam01\.mp4: not a readable video"):
        read_source(root, CaptureConfig())


def test_other_folders_are_not_of_this_layout(tmp_path: Path, root: Path, tiny_root: Path) -> None:
    assert score(tmp_path) == 0
    assert score(tmp_path / "missing") == 0
    assert score(tiny_root) == 0
    for path in root.glob("cam*.mp4"):
        path.unlink()
    assert score(root) == 0


def test_cameras_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("cam10", "cam2", "cam1"):
        write_clip(tmp_path / f"{name}.mp4", [numbered(0)] * 2)
    np.save(tmp_path / "poses_bounds.npy", poses(cameras()))
    assert [camera.name for camera in read_source(tmp_path, CaptureConfig()).cameras] == ["cam1", "cam2", "cam10"]
