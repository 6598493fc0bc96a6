"""One capture in the layouts of EasyMocap, SelfCap, Qualisys and Caliscope: the same rays, pictures, masks, boxes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dymap.capture import open_capture, read_source
from dymap.config import CaptureConfig
from dymap.geometry.camera import Camera
from tests.capture.calibrations.cameras import write_toml
from tests.capture.calibrations.test_opencv_yaml import write_with_opencv
from tests.capture.calibrations.test_qualisys import write_qualisys
from tests.capture.layouts_alike import assert_same_cameras, assert_same_pictures, golden_cameras, write_pictures
from tests.captures import FRAMES, TINY
from tests.golden.sources import Golden

Write = Callable[[Path, tuple[Camera, ...]], object]


def write_selfcap(root: Path, cameras: tuple[Camera, ...]) -> None:
    write_with_opencv(root / "optimized", cameras)
    (root / "offsets.csv").write_text("".join(f"{camera.name},0\n" for camera in cameras))


@pytest.mark.parametrize(
    ("layout", "write"),
    [
        ("easymocap", write_with_opencv),
        ("selfcap", write_selfcap),
        ("calibrated", lambda root, cameras: write_qualisys(root / "Calib.qca.txt", cameras)),
        ("calibrated", lambda root, cameras: write_toml(root / "Calib.toml", cameras)),
    ],
)
def test_layouts_are_the_same_capture(
    tmp_path: Path, trimmed: Golden, tiny_root: Path, layout: str, write: Write
) -> None:
    dataset = trimmed.arrays("dataset")
    root = tmp_path / "capture"
    write_pictures(root, dataset, "images/{view:02d}/{frame:06d}.png", "masks/{view:02d}/{frame:06d}.png")
    write(root, tuple(golden_cameras(dataset)))
    (root / "vertices").mkdir()
    for frame in range(FRAMES):
        np.save(root / f"vertices/{frame:06d}.npy", dataset["cap_vertices"][frame])
    source = read_source(root, CaptureConfig())
    assert source.layout == layout
    assert_same_cameras(source, golden_cameras(dataset))
    assert_same_pictures(source, dataset)
    found, expected = open_capture(root, TINY), open_capture(tiny_root, TINY)
    np.testing.assert_array_equal(found.boxes, expected.boxes)
    one, other = found.shot(2, 3), expected.shot(2, 3)
    assert np.abs(one.rgb.astype(int) - other.rgb).max() <= 1
    np.testing.assert_array_equal(one.mask > 0, other.mask > 0)
