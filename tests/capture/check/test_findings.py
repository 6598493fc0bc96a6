"""What is wrong with a capture, finding by finding."""

from __future__ import annotations

import contextlib
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from dymap.capture import Capture, Source, open_capture
from dymap.capture.check import CHECKS, check_source
from dymap.capture.check.extent import find_cameras_in_line, find_equal_boxes, find_large_boxes
from dymap.capture.check.height import find_wrong_height
from dymap.capture.check.sight import find_blind_cameras
from dymap.capture.check.unit import find_wrong_unit
from dymap.capture.readers import zjumocap
from dymap.errors import InputError
from dymap.geometry.box import size_in_metres
from tests.capture.person import EXTENT, filmed, ring
from tests.capture.test_source import made_up
from tests.captures import TINY, write_capture
from tests.golden.sources import Golden


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
    source = replace(scaled(tiny.source, 1e3), options=zjumocap.Options(unit="m"))
    (finding,) = find_wrong_unit(source, tiny.boxes)
    assert finding.option == "--unit mm"
    assert finding.camera in {camera.name for camera in tiny.cameras}
    assert "T looks like millimetres where metres are expected" in finding.text


@pytest.mark.parametrize(
    ("factor", "option", "words"),
    [
        (1e-3, "--unit m", r"would be 1\.89 mm tall .* is T in metres\? --unit m reads it so"),
        (1e3, "", r"would be 1890 m tall .* is T in millimetres\? multiply T by 0\.001"),
        (4, "", r"would be 7\.5\d m tall .* about 0\.225 times as long"),
        (0.1, "", r"would be 0\.19 m tall .* about 8\.99 times as long"),
    ],
)
def test_people_of_another_size_are_found(factor: float, option: str, words: str) -> None:
    """Boxes from masks shrink with the cameras: nothing else shows the unit."""
    source = replace(scaled(filmed(ring(4)), factor), options=zjumocap.Options(unit="mm"))
    (finding,) = find_wrong_height(source, person(1) * np.float32(factor))
    assert not finding.fatal
    assert finding.option == option
    assert re.search(words, finding.text), finding.text


def test_people_who_lie_or_are_many_are_not_found() -> None:
    source = filmed(ring(4))
    for extent in ((1.8, 0.5, 0.28), (6.0, 5.0, 1.9), (0.5, 0.5, 2.5)):
        box = np.array([[[0, 0, 0], extent]], np.float32)
        assert not list(find_wrong_height(source, box)), extent


def test_a_unit_is_told_by_boxes_from_masks_too(trimmed: Golden, tmp_path: Path) -> None:
    """Metres that are read as millimetres, without vertices: before the padding, which is larger than all."""
    root = write_capture(tmp_path / "metres", trimmed.arrays("dataset"), 1, metres=True)
    shutil.rmtree(root / "vertices")
    with pytest.warns(UserWarning, match=r"mm tall .*--unit m reads it so"), contextlib.suppress(InputError):
        open_capture(root, TINY)


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
    assert len(CHECKS) == 6
    assert findings[0].option == "--unit m"
    assert len(findings) > 1
    assert findings[1].fatal


def person(frames: int = 3) -> np.ndarray:
    """[frames, 2, 3] boxes of the person of balls, who walks."""
    return np.stack([EXTENT + np.array([0.1 * frame, 0, 0]) for frame in range(frames)]).astype(np.float32)


def test_nothing_is_wrong_with_a_person_in_a_ring() -> None:
    for views in (3, 4, 8):
        assert list(check_source(filmed(ring(views), 3), person())) == []


def test_boxes_that_fill_the_ring_are_found() -> None:
    boxes = person()
    boxes[1:] = np.array([[-2.7, -2.7, -0.2], [2.7, 2.7, 2.3]], np.float32)
    boxes[2, 0, 2] = -0.3
    (finding,) = find_large_boxes(filmed(ring(4), 3), boxes)
    assert (finding.fatal, finding.frame) == (False, 1)
    assert "the box of frame 1 is 5.40 x 5.40 x 2.50 m, which is large for cameras 3." in finding.text
    assert "2 of 3 boxes are" in finding.text


def test_the_same_box_in_all_frames_is_found() -> None:
    source = filmed(ring(4), 3)
    (finding,) = find_equal_boxes(source, np.repeat(person(1), 3, axis=0))
    assert "the box is the same in all 3 frames (1.21 x 0.63 x 1.89 m)" in finding.text
    assert not list(find_equal_boxes(source, person(1))), "of one frame only"
    own = made_up()
    assert own.boxes is not None
    constant = np.repeat(own.boxes[:1], len(own.frames), axis=0)
    assert list(find_equal_boxes(own, constant))
    own.footage.boxes = constant  # type: ignore[misc]
    assert not list(find_equal_boxes(own, constant)), "of the layout itself"


def test_cameras_in_one_line_are_found() -> None:
    line = ring(4)[::2]
    (finding,) = find_cameras_in_line(filmed(line), person(1))
    assert "all 2 cameras look along one line" in finding.text
    assert not list(find_cameras_in_line(filmed(ring(3)), person(1)))
    assert not list(find_cameras_in_line(filmed(ring(1)), person(1))), "one has no other"


def test_sizes_are_told_in_metres() -> None:
    assert size_in_metres(person(1)[0]) == "1.21 x 0.63 x 1.89 m"
    boxes = person()
    boxes[2, 1] += 4
    assert size_in_metres(boxes) == "1.21 x 0.63 x 1.89 m", "the median of several"


@dataclass(frozen=True)
class Scaled:
    """Options of a layout that has a scale and no unit."""

    scale: float = 2.0


@pytest.mark.parametrize(
    ("options", "option", "words"),
    [
        (zjumocap.Options(unit="mm"), "--unit m", "--unit m reads it so"),
        (zjumocap.Options(unit="m"), "", "multiply T by 1000"),
        (Scaled(), "--set capture.options.scale=2000", "--set capture.options.scale=2000 reads it so"),
        (None, "", "multiply T by 1000"),
    ],
)
def test_only_options_that_the_layout_has_are_advised(tiny: Capture, options: object, option: str, words: str) -> None:
    (finding,) = find_wrong_unit(replace(scaled(tiny.source, 1e-3), options=options), tiny.boxes)
    assert finding.option == option
    assert words in finding.text
