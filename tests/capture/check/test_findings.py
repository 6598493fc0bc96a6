"""What is wrong with a capture, finding by finding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dymap.capture import Capture, Source
from dymap.capture.check import CHECKS, check_source
from dymap.capture.check.sight import find_blind_cameras
from dymap.capture.check.unit import find_wrong_unit


def scaled(source: Source, factor: float) -> Source:
    """The cameras `factor` times as far from the world's origin."""
    return replace(source, cameras=tuple(replace(camera, T=camera.T * factor) for camera in source.cameras))


def turned_back(source: Source, view: int) -> Source:
    """One camera looks the other way."""
    turn = np.diag([-1.0, 1.0, -1.0])
    cameras = list(source.cameras)
    cameras[view] = replace(cameras[view], R=turn @ cameras[view].R, T=turn @ cameras[view].T)
    return replace(source, cameras=tuple(cameras))


def test_nothing_is_wrong_with_the_tiny_capture(tiny: Capture) -> None:
    assert list(check_source(tiny.source, tiny.boxes)) == []


def test_metres_taken_for_millimetres(tiny: Capture) -> None:
    (finding,) = find_wrong_unit(scaled(tiny.source, 1e-3), tiny.boxes)
    assert finding.option == "--unit m"
    assert not finding.fatal
    assert finding.camera is None
    assert "all cameras stand within" in finding.text


def test_millimetres_taken_for_metres(tiny: Capture) -> None:
    (finding,) = find_wrong_unit(scaled(tiny.source, 1e3), tiny.boxes)
    assert finding.option == "--unit mm"
    assert finding.camera in {camera.name for camera in tiny.cameras}
    assert "T looks like millimetres where metres are expected" in finding.text


def test_every_blind_camera_is_found_in_every_frame(tiny: Capture) -> None:
    source = turned_back(turned_back(tiny.source, 1), 4)
    found = list(find_blind_cameras(source, tiny.boxes))
    assert [(f.camera, f.frame) for f in found] == [(name, n) for name in ("01", "04") for n in source.frames]
    assert all(finding.fatal for finding in found)


def test_a_box_out_of_the_picture_is_found(tiny: Capture) -> None:
    boxes = tiny.boxes.copy()
    camera = tiny.source.cameras[2]
    boxes[3] = camera.position + 50 * camera.R[2] + 100 * camera.R[0] + np.array([[-0.1], [0.1]])
    found = {finding.frame: finding for finding in find_blind_cameras(tiny.source, boxes) if finding.camera == "02"}
    assert set(found) == {3}
    assert "camera '02' sees nothing of the box of frame 3" in found[3].text


def test_a_wrong_unit_is_read_before_the_blind_cameras_that_it_makes(tiny: Capture) -> None:
    findings = list(check_source(scaled(tiny.source, 1e-3), tiny.boxes))
    assert len(CHECKS) == 2
    assert findings[0].option == "--unit m"
    assert len(findings) > 1
    assert all(finding.fatal for finding in findings[1:])
