"""ActorsHQ: what its table says, what lies in which folder, and what is wrong with either."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dymap.capture import read_source
from dymap.capture.calibrations import calibration_files, read_calibration
from dymap.capture.layouts import scores
from dymap.capture.source import Source
from dymap.config import CaptureConfig
from dymap.errors import InputError
from tests.capture.many_layouts import write_actorshq


@pytest.fixture
def source(tiny_root: Path) -> Source:
    found = read_source(tiny_root, CaptureConfig(frames=(0, 3, 1)))
    return replace(found, cameras=tuple(replace(camera, D=camera.D * (1, 1, 0, 0, 1)) for camera in found.cameras))


@pytest.fixture
def root(source: Source, tmp_path: Path) -> Path:
    write_actorshq(source, tmp_path / "sequence")
    return tmp_path / "sequence"


def change(root: Path, old: str, new: str, at: int = 1) -> None:
    """Replace a word in a line of the calibration."""
    path = root / "2x/calibration.csv"
    lines = path.read_text().splitlines()
    assert old in lines[at]
    lines[at] = lines[at].replace(old, new, 1)
    path.write_text("\n".join(lines))


def write_boxes(path: Path, frames: int) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["frame_number", *(f"aabb_{end}_{axis}" for end in ("min", "max") for axis in "xyz")])
        for frame in range(frames):
            table.writerow([frame, -1, -1, 0, 1, 1, 2 + frame])


def test_cameras_pictures_and_masks(root: Path, source: Source) -> None:
    assert max(scores(root), key=scores(root).__getitem__) == "actorshq"
    for place in (root, root / "2x"):
        found = read_source(place, CaptureConfig())
        assert (found.layout, found.frames) == ("actorshq", source.frames)
        assert found.boxes is None
        for a, b in zip(found.cameras, source.cameras, strict=True):
            assert (a.name, a.width, a.height) == (b.name, b.width, b.height)
            for key in ("K", "D", "R", "T"):
                np.testing.assert_allclose(getattr(a, key), getattr(b, key), atol=1e-9)
        picture, mask = found.read(1, 2)
        np.testing.assert_array_equal(picture, source.read(1, 2)[0])
        np.testing.assert_array_equal(mask, source.mask(1, 2) != 0)


def test_its_table_is_a_calibration_for_other_pictures_too(root: Path, source: Source) -> None:
    (root / "2x/offsets.csv").write_text("00,0\n")
    for path in (root / "2x", root / "2x/calibration.csv"):
        for a, b in zip(read_calibration(path), source.cameras, strict=True):
            assert (a.name, a.width, a.height) == (b.name, b.width, b.height)
            for key in ("K", "D", "R", "T"):
                np.testing.assert_allclose(getattr(a, key), getattr(b, key), atol=1e-9)
        assert calibration_files(path) == [root / "2x/calibration.csv"]
    with pytest.raises(InputError, match=r"offsets\.csv: the first line lacks the column 'name'"):
        read_calibration(root / "2x/offsets.csv")


@pytest.mark.parametrize("beside", [False, True])
def test_boxes_lie_beside_the_scales_or_the_calibration(root: Path, beside: bool) -> None:
    write_boxes(root / "2x/aabbs.csv" if beside else root / "aabbs.csv", 4)
    boxes = read_source(root, CaptureConfig(frames=(1, 3, 1))).boxes
    assert boxes is not None
    np.testing.assert_array_equal(boxes[1], [[-1, -1, 0], [1, 1, 4]])


def test_what_a_camera_lacks(root: Path) -> None:
    (root / "2x/rgbs/02/02_rgb000001.png").unlink()
    (root / "2x/masks/03/03_mask000000.png").unlink()
    for path in (root / "2x/rgbs/04").iterdir():
        path.unlink()
    found = read_source(root, CaptureConfig())
    assert [camera.name for camera in found.cameras] == ["00", "01", "02", "03"]
    assert not found.present(1, 2)
    assert found.present(0, 2)
    assert not found.masked(0, 3)
    assert found.masked(1, 3)


def test_a_calibration_of_another_scale_holds(root: Path, source: Source) -> None:
    change(root, ",128,96,", ",256,192,")
    camera = read_source(root, CaptureConfig()).cameras[0]
    np.testing.assert_allclose(camera.K, source.cameras[0].K, atol=1e-9)
    change(root, ",256,192,", ",256,256,")
    with pytest.raises(
        InputError, match=r"calibration\.csv: camera '00' was calibrated at 256 x 256, but its pictures are 128 x 96"
    ):
        read_source(root, CaptureConfig())


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("00,", "01,", 1, "two rows are called '01'"),
        ("00,", "../00,", 1, "a camera is called '../00'"),
        (",ry,", ",", 0, "the first line lacks the column 'ry'"),
        (",128,", ",many,", 1, "w of camera '00' is 'many'; expected a number"),
        (",128,", ",inf,", 1, "w of camera '00' is 'inf'"),
        (",128,", ",0,", 1, "camera '00'"),
    ],
)
def test_tables_with_something_wrong(root: Path, old: str, new: str, at: int, message: str) -> None:
    change(root, old, new, at)
    with pytest.raises(InputError, match=rf"calibration\.csv: .*{message}"):
        read_source(root, CaptureConfig())


def test_folders_with_something_wrong(root: Path) -> None:
    write_boxes(root / "aabbs.csv", 2)
    with pytest.raises(InputError, match=r"aabbs\.csv: frame 2 has no box"):
        read_source(root, CaptureConfig())
    (root / "aabbs.csv").unlink()
    (root / "2x/rgbs/00/00_rgb0000001.png").touch()
    with pytest.raises(InputError, match=r"has the same frame number"):
        read_source(root, CaptureConfig())
    (root / "2x/rgbs").rename(root / "2x/elsewhere")
    with pytest.raises(InputError, match=r"rgbs: holds no picture of any camera"):
        read_source(root, CaptureConfig(layout="actorshq"))
    (root / "2x/calibration.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"calibration\.csv: not a table"):
        read_source(root, CaptureConfig(layout="actorshq", options={"scale": "2x"}))
