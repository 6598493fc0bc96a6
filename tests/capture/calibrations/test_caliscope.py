"""Calibrations in TOML: units, fisheye lenses, turned pictures, faults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dymap.capture.calibrations import read_calibration
from dymap.capture.calibrations.caliscope import read_caliscope
from dymap.capture.calibrations.turn import turned
from dymap.errors import InputError
from dymap.geometry.camera import Camera
from dymap.geometry.lens import distort
from tests.capture.calibrations.cameras import assert_same, rig, write_toml
from tests.capture.calibrations.test_qualisys import write_qualisys


@pytest.mark.parametrize("scale", [1.0, 1000.0])
@pytest.mark.parametrize("nested", ["", "cameras."])
def test_cameras_come_back(tmp_path: Path, scale: float, nested: str) -> None:
    """In metres (Caliscope, Pose2Sim) and millimetres (FreeMoCap)."""
    write_toml(tmp_path / "Calib.toml", rig(), scale, nested=nested)
    (tmp_path / "Config.toml").write_text("[project]\nframe_rate = 60\n")
    assert_same(read_calibration(tmp_path), rig())


def test_a_fisheye_lens(tmp_path: Path) -> None:
    cameras = tuple(replace(camera, D=np.array([0.1, 0.01, 0, 0]), lens="fisheye") for camera in rig())
    assert_same(read_calibration(write_toml(tmp_path / "c.toml", cameras)), cameras)


def test_ignored_cameras_and_turns(tmp_path: Path) -> None:
    path = write_toml(tmp_path / "c.toml", rig(), extra="rotation_count = -1\nexposure = -4")
    path.write_text(path.read_text().replace("[cam_02]", "[cam_02]\nignore = true"))
    found = read_caliscope(path)
    assert [camera.name for camera in found.cameras] == ["01", "03"]
    assert found.turns == (-1, -1)


def test_the_original_counts_before_what_was_made_of_it(tmp_path: Path) -> None:
    """Pose2Sim writes a Calib_qualisys.toml beside Calib.qca.txt."""
    write_qualisys(tmp_path / "Calib.qca.txt", rig())
    write_toml(tmp_path / "Calib_qualisys.toml", rig(2))
    assert len(read_calibration(tmp_path)) == 3


def pixels(camera: Camera, points: np.ndarray) -> np.ndarray:
    """[N, 2] where the distorted picture shows world points."""
    local = points @ camera.R.T + camera.T
    return distort(local[:, :2] / local[:, 2:], camera.K, camera.D, camera.lens)


@pytest.mark.parametrize("quarters", [1, 2, 3, -1, 4])
@pytest.mark.parametrize("lens", ["pinhole", "5", "12", "fisheye"])
def test_turned_cameras_see_turned_pictures(quarters: int, lens: str) -> None:
    camera = rig()[1]
    D = {"pinhole": np.zeros(5), "5": camera.D, "12": np.linspace(0.02, -0.01, 12), "fisheye": np.full(4, 0.01)}[lens]
    camera = replace(camera, D=D, lens="fisheye" if lens == "fisheye" else "opencv")
    points = np.random.default_rng(0).uniform(-0.4, 0.4, (50, 3)) + np.array([0.1, 0, 0.9])
    expected = pixels(camera, points)
    height, width = camera.height, camera.width
    for _ in range(quarters % 4):
        expected = np.stack([height - 1 - expected[:, 1], expected[:, 0]], axis=1)
        height, width = width, height
    found = turned(camera, quarters)
    assert (found.width, found.height) == (width, height)
    np.testing.assert_allclose(pixels(found, points), expected, atol=1e-6)
    np.testing.assert_allclose(found.position, camera.position, atol=1e-12)
    assert_same((turned(found, -quarters),), (camera,))


def test_lenses_that_cannot_be_turned() -> None:
    with pytest.raises(ValueError, match="skew or tilt"):
        turned(replace(rig()[0], D=np.full(14, 0.01)), 1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("matrix", "K", "holds no cameras"),
        ("translation", "T", "camera '01': translation is missing; was the camera calibrated"),
        ("rotation = [", "rotation = [1.0, 2.0, ", "camera '01': rotation has 5 numbers"),
        ("size = [ 64,", "size = [", "camera '01': size has 1 numbers"),
        ("size = [ 64,", "size = [ 'a',", "camera '01': size is no list of a few numbers"),
        ("size = [ 64,", "size = [ inf,", "camera '01': size holds numbers that are not finite"),
        ("size = [ 64,", f"size = [ {'9' * 400},", "camera '01': size holds numbers that are not finite"),
        ("size = [ 64,", "size = [ 640000000,", "expected pixels of a picture"),
        ("fisheye = false", "fisheye = 'no'", "camera '01': fisheye is 'no'"),
        ("fisheye = false", "rotation_count = 90", "rotation_count is '90'; expected quarters"),
        ("name = '02'", "name = '01'", "two cameras have one name"),
        ("name = '02'", "name = '../02'", "no name of a folder"),
        ("[cam_01]", "[cam_01", "not readable TOML"),
        ("[cam_01]", "x = " + "[" * 5000, "not readable TOML"),
    ],
)
def test_faults_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write_toml(tmp_path / "c.toml", rig())
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new) if old == "matrix" else text.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        read_calibration(path)
