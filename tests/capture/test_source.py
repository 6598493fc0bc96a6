"""Source: pictures, masks and points as filmed, whatever the layout; read only when they are asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dymap.capture import Source, open_capture, open_source, read_source
from dymap.capture.cache import fingerprint
from dymap.capture.images import FACE, prepare, prepared_camera
from dymap.capture.source import Footage
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.geometry.box import projected_box_mask
from dymap.geometry.camera import Camera, look_at
from tests.captures import FRAMES, TINY, VIEWS, write_nhr
from tests.golden.sources import Golden


class Film(Footage):
    """Pictures without files of their own: what a reader of videos will be. Grey 10 * frame + view."""

    def __init__(self, film: Path):
        self.film = film
        self.asked: list[tuple[int, int]] = []

    has_masks = True
    has_points = True
    boxes = np.stack([np.array([[-1, -2, -3], [1, 2, 3]], np.float32) + frame for frame in range(6)])

    def picture(self, frame: int, view: int) -> NDArray[np.uint8]:
        self.asked.append((frame, view))
        return np.full((24, 32, 3), 10 * frame + view, np.uint8)

    def mask(self, frame: int, view: int) -> NDArray[np.uint8]:  # noqa: ARG002
        return np.full((24, 32), frame % 2, np.uint8)

    def files(self, frame: int, view: int) -> tuple[Path, ...]:  # noqa: ARG002
        return (self.film,)

    def points(self, frame: int) -> NDArray[Any]:
        return np.array([[-0.2, -0.2, -0.2], [0.2, 0.2, 0.2]]) + 0.01 * frame


def made_up(film: Path = Path("film.mp4")) -> Source:
    """Six frames, numbered 100, 110, ..., of two cameras."""
    cameras = []
    for view in range(2):
        R, T = look_at((3, view - 0.5, 0.5), (0, 0, 0))
        K = np.array([[40.0, 0, 16], [0, 40, 12], [0, 0, 1]])
        cameras.append(Camera(K, R, T, 32, 24, name=f"cam {view}"))
    return Source("film", None, film.parent, tuple(cameras), tuple(range(100, 160, 10)), Film(film))


def test_frames_are_chosen_of_those_chosen_before() -> None:
    source = made_up().select((1, -1, 2)).select((1, 3, 1))
    assert source.frames == (130, 150)
    picture, mask = source.read(1, 1)
    assert mask is not None
    assert picture[0, 0, 0] == 51
    assert mask[0, 0] == 1
    np.testing.assert_allclose(source.points(0), made_up().points(3))
    assert source.boxes is not None
    assert source.boxes[0, 0].tolist() == [2, 1, 0]


def test_transforms_add_up() -> None:
    first, second = np.eye(4), np.eye(4)
    first[:3, 3], second[:3, :3] = [1, 2, 3], [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    step_by_step, at_once = made_up().transformed(first).transformed(second), made_up().transformed(second @ first)
    np.testing.assert_allclose(step_by_step.points(2), at_once.points(2))
    np.testing.assert_allclose(step_by_step.cameras[1].extrinsics, at_once.cameras[1].extrinsics, atol=1e-12)
    pixels = [source.cameras[0].project(source.points(2))[0] for source in (made_up(), at_once)]
    np.testing.assert_allclose(*pixels)


def test_nothing_is_decoded_before_it_is_asked_for() -> None:
    source = made_up().select((2, 3, 1)).transformed(np.eye(4))
    assert isinstance(source.footage, Film)
    assert source.files(0, 0) == (Path("film.mp4"),)
    assert source.mask(0, 1) is not None
    assert not source.footage.asked
    source.read(0, 1)
    assert source.footage.asked == [(2, 1)]


def test_pictures_and_masks_have_the_size_of_their_camera() -> None:
    source = made_up()
    cameras = tuple(replace(camera, width=30) for camera in source.cameras)
    with pytest.raises(InputError, match=r"film\.mp4: image is 32 x 24, but the first image of camera 'cam 1' is 30 x"):
        replace(source, cameras=cameras).read(0, 1)
    with pytest.raises(InputError, match=r"film\.mp4: mask is 32 x 24, its image is 30 x 24"):
        replace(source, cameras=cameras).mask(0, 1)


def test_other_frames_of_the_same_files_are_another_cache(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"frames")
    source = made_up(tmp_path / "film.mp4")
    boxes = np.zeros((2, 2, 3), np.float32)
    marks = [fingerprint(source.select(frames), TINY, boxes) for frames in ((0, 2, 1), (0, 4, 2), (0, 2, 1))]
    assert marks[0] == marks[2] != marks[1]


def test_a_source_of_ones_own_opens_like_any_other(tmp_path: Path) -> None:
    """One file for all pictures, as a video is: prepared once, cropped to boxes around its points."""
    (tmp_path / "film.mp4").write_bytes(b"frames")
    source = made_up(tmp_path / "film.mp4").select((1, 4, 1))
    capture = open_source(source, CaptureConfig(boxes="vertices"))
    assert (capture.frames, len(capture.cameras), capture.has_masks) == ((110, 120, 130), 2, True)
    rgb, mask = capture.image(2, 1)
    assert set(np.unique(rgb)) == {0, 31}
    assert mask[12, 16] == 1
    assert capture.encoder_images(0, (0, 1)).shape == (6, 512, 512)
    asked = len(source.footage.asked)  # type: ignore[attr-defined]
    open_source(source, CaptureConfig(boxes="vertices"))
    assert len(source.footage.asked) == asked, "the cache is opened, nothing is decoded"  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def nhr_root(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nhr(tmp_path_factory.mktemp("source") / "sport", trimmed.arrays("dataset"))


def test_both_layouts_read_what_was_filmed(tiny_root: Path, nhr_root: Path, trimmed: Golden) -> None:
    """The same pictures; masks of label colours and of grey values, which cover the same pixels."""
    dataset = trimmed.arrays("dataset")
    zju, nhr = (read_source(root, CaptureConfig()) for root in (tiny_root, nhr_root))
    assert (zju.layout, nhr.layout) == ("zjumocap", "nhr")
    for frame in range(FRAMES):
        for view in range(VIEWS):
            (picture, labels), (same, grey) = zju.read(frame, view), nhr.read(frame, view)
            assert labels is not None
            assert grey is not None
            np.testing.assert_array_equal(picture, dataset["cap_images"][frame, view])
            np.testing.assert_array_equal(same, picture)
            np.testing.assert_array_equal(labels != 0, dataset["cap_schp"][frame, view].any(axis=-1))
            np.testing.assert_array_equal(grey, dataset["cap_mask"][frame, view, ..., 0] > 100)
            assert set(np.unique(labels)) <= {0, 1, FACE}


@pytest.mark.parametrize("layout", ["zjumocap", "nhr"])
@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_the_cache_holds_what_is_read_prepared_and_cropped(
    tiny_root: Path, nhr_root: Path, layout: str, ratio: float
) -> None:
    """To the byte: undistorted, resized, rounded, black outside the mask and the projected box."""
    root = nhr_root if layout == "nhr" else tiny_root
    config = CaptureConfig(ratio=ratio, frames=(0, 2, 1))
    capture = open_capture(root, config)
    assert capture.source.layout == layout
    for frame, view in ((0, 1), (1, 4)):
        colour, mask = prepare(*capture.source.read(frame, view), capture.source.cameras[view], ratio)
        assert mask is not None
        outside = projected_box_mask(capture.boxes[frame], prepared_camera(capture.source.cameras[view], config)) == 0
        colour[outside], mask[outside] = 0, 0
        rgb, cached = capture.image(frame, view)
        np.testing.assert_array_equal(rgb, np.rint(colour * 255).astype(np.uint8))
        np.testing.assert_array_equal(cached, mask)


def test_a_capture_without_masks_has_none(tmp_path: Path, trimmed: Golden) -> None:
    root = write_nhr(tmp_path / "bare", trimmed.arrays("dataset"))
    (root / "mask").rename(root / "hidden")
    source = read_source(root, TINY)
    assert not source.has_masks
    assert source.mask(0, 0) is None
    assert source.read(0, 0)[1] is None
    assert len(source.files(0, 0)) == 1
