"""Videos and images beside a calibration of Qualisys, Caliscope or Pose2Sim."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dymap.capture import read_source
from dymap.capture.calibrations.turn import turned
from dymap.capture.readers.calibrated import score
from dymap.config import CaptureConfig
from dymap.errors import InputError
from tests.capture.calibrations.cameras import assert_same, rig, write_toml
from tests.capture.calibrations.test_qualisys import write_qualisys
from tests.capture.clips import numbered, numbered_clip
from tests.capture.test_easymocap import numbers
from tests.captures import write_rgb


def videos(root: Path, names: tuple[str, ...] = ("01", "02", "03")) -> Path:
    (root / "videos").mkdir(parents=True)
    (root / "calibration").mkdir()
    for name in names:
        numbered_clip(root / f"videos/{name}.mp4", 4)
    return root


@pytest.mark.parametrize("where", ["calibration", "."])
@pytest.mark.parametrize("kind", ["qualisys", "toml"])
def test_videos_beside_a_calibration(tmp_path: Path, where: str, kind: str) -> None:
    root = videos(tmp_path)
    write_rgb(root / "masks/02/000001.png", np.full((48, 64, 3), 255, np.uint8))
    (root / "Config.toml").write_text("[project]\nframe_rate = 60\n")
    write = write_qualisys if kind == "qualisys" else write_toml
    write(root / where / ("Calib.qca.txt" if kind == "qualisys" else "Calib.toml"), rig())
    source = read_source(root, CaptureConfig())
    assert source.layout == "calibrated"
    assert_same(source.cameras, rig())
    assert numbers(source, 3) == [3, 3, 3]
    assert [source.masked(1, view) for view in range(3)] == [False, True, False]


def test_images_beside_a_calibration(tmp_path: Path) -> None:
    write_toml(tmp_path / "camera_array.toml", rig())
    for view in range(3):
        for frame in range(2):
            write_rgb(tmp_path / f"images/take1_{view + 1:02d}/{frame}.png", numbered(frame))
    source = read_source(tmp_path, CaptureConfig())
    assert_same(source.cameras, rig())
    assert numbers(source, 1) == [1, 1, 1]


def test_videos_beside_each_other(tmp_path: Path) -> None:
    write_qualisys(tmp_path / "Calib.qca.txt", rig())
    for name in ("a", "b", "c"):
        numbered_clip(tmp_path / f"{name}.mp4", 2)
    assert_same(read_source(tmp_path, CaptureConfig()).cameras, rig())


def test_a_camera_without_a_video_is_left_out(tmp_path: Path) -> None:
    root = videos(tmp_path, ("01", "03"))
    write_qualisys(root / "calibration/Calib.qca.txt", rig())
    assert [camera.name for camera in read_source(root, CaptureConfig()).cameras] == ["01", "03"]
    numbered_clip(root / "videos/09.mp4", 2)
    with pytest.raises(InputError, match=r"which one filmed '09.mp4' cannot be told"):
        read_source(root, CaptureConfig())


@pytest.mark.parametrize("count", [1, -1])
def test_pictures_turned_by_the_rotation_count(tmp_path: Path, count: int) -> None:
    """The calibration is of the pictures as they were before."""
    root = videos(tmp_path)
    lying = tuple(turned(camera, -count) for camera in rig())
    write_toml(root / "calibration/c.toml", lying, extra=f"rotation_count = {count}")
    assert_same(read_source(root, CaptureConfig()).cameras, rig())
    with pytest.raises(InputError, match="turned: calibrate with pictures as they are"):
        read_source(root, CaptureConfig(options={"turned": "no"}))
    write_toml(root / "calibration/c.toml", rig(), extra=f"rotation_count = {count}")
    assert_same(read_source(root, CaptureConfig()).cameras, rig())


def test_pictures_turned_by_half(tmp_path: Path) -> None:
    root = videos(tmp_path)
    write_toml(root / "calibration/c.toml", tuple(turned(camera, 2) for camera in rig()), extra="rotation_count = 2")
    assert_same(read_source(root, CaptureConfig(options={"turned": "yes"})).cameras, rig())


def test_lenses_that_cannot_be_turned_are_named(tmp_path: Path) -> None:
    root = videos(tmp_path)
    lying = tuple(replace(turned(camera, 1), K=turned(camera, 1).K + np.eye(3, k=1) * 0.5) for camera in rig())
    write_toml(root / "calibration/c.toml", lying, extra="rotation_count = 1")
    with pytest.raises(InputError, match="camera '01': a lens with skew or tilt cannot be turned"):
        read_source(root, CaptureConfig())


def test_scores_and_faults(tmp_path: Path) -> None:
    root = videos(tmp_path)
    assert score(root) == 0.0
    assert score(root / "nowhere") == 0.0
    for name in ("a", "b"):
        write_toml(root / f"calibration/{name}.toml", rig())
    assert score(root) == 0.85
    with pytest.raises(InputError, match=r"several calibrations \(a.toml, b.toml\).*capture.options.calibration=FILE"):
        read_source(root, CaptureConfig())
    named = CaptureConfig(options={"calibration": "calibration/b.toml"})
    assert_same(read_source(root, named).cameras, rig())


def test_the_unit_of_the_cameras(tmp_path: Path) -> None:
    """What --unit says counts before what the format is known to have."""
    metres, millimetres = CaptureConfig(options={"unit": "m"}), CaptureConfig(options={"unit": "mm"})
    root = videos(tmp_path / "q")
    write_qualisys(root / "calibration/c.qca.txt", tuple(replace(camera, T=camera.T / 1000) for camera in rig()))
    assert_same(read_source(root, metres).cameras, rig())
    root = videos(tmp_path / "t")
    write_toml(root / "calibration/c.toml", rig(), scale=20.0)
    assert_same(read_source(root, millimetres).cameras, tuple(replace(c, T=c.T * 0.02) for c in rig()))
    write_toml(root / "calibration/c.toml", rig(), scale=1000.0)
    assert read_source(root, metres).cameras[0].T[2] == pytest.approx(rig()[0].T[2] * 1000)
