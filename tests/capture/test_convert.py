"""A capture in another layout is the same capture: rays, pictures, masks, what is missing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dymap.capture import read_source
from dymap.capture.images import FACE
from dymap.capture.readers.image_files import ImageFiles
from dymap.capture.source import Source
from dymap.capture.writers.transforms import write_transforms
from dymap.capture.writers.zjumocap import write_zjumocap
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.geometry.lens import undistort
from dymap.runs import capture_convert, convert_capture
from dymap.runs.bars import ignore_update
from tests.captures import annotations, write_annotations
from tests.golden.sources import Golden


@pytest.fixture
def root(tiny_root: Path, trimmed: Golden, tmp_path: Path) -> Path:
    """The tiny capture, two frames of it, whose camera 1 lacks the first and whose camera 2 has no mask there."""
    root = shutil.copytree(tiny_root, tmp_path / "old")
    data = annotations(trimmed.arrays("dataset"), frames=2)
    data["ims"][0]["ims"][1] = None
    write_annotations(root, data)
    (root / "schp/02/000000.png").unlink()
    return root


def assert_same(found: Source, expected: Source, faces: bool) -> None:
    assert found.frames == expected.frames
    for a, b in zip(found.cameras, expected.cameras, strict=True):
        assert (a.name, a.width, a.height, a.lens) == (b.name, b.width, b.height, b.lens)
        for key in ("K", "D", "R", "T"):
            np.testing.assert_allclose(getattr(a, key), getattr(b, key), atol=1e-9)
    for frame in range(len(expected.frames)):
        for view in range(len(expected.cameras)):
            assert found.present(frame, view) == expected.present(frame, view)
            assert found.masked(frame, view) == expected.masked(frame, view)
            if expected.present(frame, view):
                (picture, mask), (a, b) = found.read(frame, view), expected.read(frame, view)
                np.testing.assert_array_equal(picture, a)
                if mask is not None and b is not None:
                    np.testing.assert_array_equal(mask, b if faces else b != 0)
        if found.has_points:
            np.testing.assert_allclose(found.points(frame), expected.points(frame), atol=1e-6)


@pytest.mark.parametrize("to", ["easymocap", "zjumocap", "transforms"])
def test_the_new_capture_is_the_old_one(root: Path, tmp_path: Path, to: Any) -> None:
    old = read_source(root, CaptureConfig())
    assert any((old.mask(1, view) == FACE).any() for view in range(5) if old.masked(1, view))
    made = convert_capture(root, tmp_path / "new", to)
    assert (made.layout, made.frames, made.cameras, made.has_masks, made.told) == ("zjumocap", 2, 5, True, ())
    new = read_source(tmp_path / "new", CaptureConfig())
    assert new.layout == to
    assert_same(new, old, faces=to == "zjumocap")
    files = [new.files(1, view)[0].read_bytes() for view in range(5)]
    assert files == [old.files(1, view)[0].read_bytes() for view in range(5)], "copied to the bit"


def test_a_chain_of_conversions_ends_where_it_began(root: Path, tmp_path: Path) -> None:
    chain: tuple[Any, ...] = ("transforms", "easymocap", "zjumocap")
    for before, after in zip(("old", *chain), chain, strict=False):
        convert_capture(tmp_path / before, tmp_path / after, after)
    assert_same(read_source(tmp_path / "zjumocap", CaptureConfig()), read_source(root, CaptureConfig()), faces=False)


def test_fisheye_lenses_become_ideal_ones(root: Path, tmp_path: Path) -> None:
    old = read_source(root, CaptureConfig())
    lens = replace(old.cameras[0], D=np.array([0.05, 0.01, 0, 0]), lens="fisheye")
    source = replace(old, cameras=(lens, *old.cameras[1:]))
    write_zjumocap(source, tmp_path / "new", ignore_update)
    new = read_source(tmp_path / "new", CaptureConfig())
    assert new.cameras[0].lens == "opencv"
    assert not new.cameras[0].distorted
    expected = undistort(old.read(0, 0)[0].astype(np.float32), lens.K, lens.D, "fisheye")
    np.testing.assert_allclose(new.read(0, 0)[0], expected, atol=0.51)
    np.testing.assert_array_equal(new.read(0, 3)[0], old.read(0, 3)[0])


@pytest.mark.parametrize("D", [[0.0] * 5, [0.05, -0.01, 1e-3, 2e-3, 0.0]])
def test_a_skew_which_transforms_json_cannot_say_goes_into_the_pictures(
    root: Path, tmp_path: Path, D: list[float]
) -> None:
    old = read_source(root, CaptureConfig())
    K = old.cameras[0].K.copy()
    K[0, 1] = 0.2 * K[0, 0]
    skewed = replace(old.cameras[0], K=K, D=np.array(D))
    write_transforms(replace(old, cameras=(skewed, *old.cameras[1:])), tmp_path / "new")
    new = read_source(tmp_path / "new", CaptureConfig())
    camera = new.cameras[0]
    assert camera.K[0, 1] == 0
    np.testing.assert_allclose(camera.K - K, [[0, -K[0, 1], 0], [0, 0, 0], [0, 0, 0]], atol=1e-9)
    expected = undistort(old.read(0, 0)[0].astype(np.float32), K, skewed.D, ideal=camera.K)
    np.testing.assert_allclose(new.read(0, 0)[0], expected, atol=0.51)
    mask = new.mask(0, 0)
    assert mask is not None
    assert (mask != 0).any()
    np.testing.assert_array_equal(new.read(0, 3)[0], old.read(0, 3)[0])


def test_numbers_of_frames_are_kept_even_if_every_camera_lacks_one(root: Path, tmp_path: Path) -> None:
    old = replace(read_source(root, CaptureConfig()), frames=(7, 12))

    assert isinstance(old.footage, ImageFiles)
    images = tuple(
        tuple(None if frame == (view + 1) % 2 else path for view, path in enumerate(row))
        for frame, row in enumerate(old.footage.images)
    )
    write_transforms(replace(old, footage=replace(old.footage, images=images)), tmp_path / "new")
    assert read_source(tmp_path / "new", CaptureConfig()).frames == (7, 12)


@pytest.mark.parametrize("to", ["easymocap", "zjumocap", "transforms"])
@pytest.mark.parametrize("names", [("left/rgb", "right/rgb"), ("..", "../out"), ("a", "a"), ("a\nb", ""), ("A", "a")])
def test_names_of_cameras_that_are_no_folders(root: Path, tmp_path: Path, to: Any, names: tuple[str, str]) -> None:
    old = read_source(root, CaptureConfig())
    cameras = tuple(replace(c, name=names[v] if v < 2 else c.name) for v, c in enumerate(old.cameras))
    before = set(tmp_path.rglob("*"))
    capture_convert.WRITERS[to](replace(old, cameras=cameras), tmp_path / "new", ignore_update)
    assert all(path.is_relative_to(tmp_path / "new") for path in set(tmp_path.rglob("*")) - before)
    new = read_source(tmp_path / "new", CaptureConfig())
    assert len(new.cameras) == 5
    for view in (0, 1, 4):  # cameras are in the order of their names
        apart = [np.abs(camera.position - old.cameras[view].position).max() for camera in new.cameras]
        np.testing.assert_array_equal(new.picture(1, int(np.argmin(apart))), old.picture(1, view))


def test_frames_and_units_are_those_of_the_configuration(root: Path, tmp_path: Path) -> None:
    config = CaptureConfig(frames=(1, -1, 1), options={"unit": "m"})
    convert_capture(root, tmp_path / "new", "zjumocap", config=config)
    new = read_source(tmp_path / "new", CaptureConfig())
    assert new.frames == (1,)
    np.testing.assert_allclose(new.cameras[0].T, read_source(root, config).cameras[0].T)


def test_nothing_is_overwritten_and_nothing_is_left_half_done(root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists already, and nothing is overwritten; name a new folder"):
        convert_capture(root, root, "transforms")
    (root / "images/03/000001.png").write_bytes(b"damaged")
    before = sorted(tmp_path.iterdir())
    for to in ("easymocap", "zjumocap", "transforms"):
        with pytest.raises(InputError, match=r"images/03/000001\.png: not a readable image"):
            convert_capture(root, tmp_path / "new", to)  # type: ignore[arg-type]
        assert sorted(tmp_path.iterdir()) == before
