"""`dymap capture check`: mistakes of strangers made in a small copy of the sample, each to be named."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.check_mistakes import draw, false_alarms, table
from benchmarks.mistakes import hold, noisy

from dymap.capture import Source, read_source
from dymap.capture.check.examine import examine, examine_in_short
from dymap.capture.check.hypotheses import inverted, scaled_T
from dymap.capture.check.page import page_of
from dymap.capture.check.repair import Repair, compatible, repaired
from dymap.capture.check.survey import Survey
from dymap.capture.decode import read_image
from dymap.cli import main
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.pictures import jpeg_bytes
from dymap.runs.capture_checking import as_json, check_capture
from dymap.sample import write_sample

VIEWS, FRAMES, SIZE = 8, 4, 112


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample") / "dancer", frames=FRAMES, views=VIEWS, size=SIZE)


@pytest.fixture(scope="module")
def held(folder: Path) -> Source:
    return hold(read_source(folder, CaptureConfig()), FRAMES, SIZE)


def test_a_clean_copy_and_an_imperfect_one_have_no_findings(held: Source) -> None:
    assert [finding.text for finding in examine(held).findings] == []
    assert false_alarms(noisy(held, np.random.default_rng(3))) == []


@pytest.mark.parametrize(
    "mistake", ["mirrored", "OpenGL axes", "all w2c for c2w", "mask empty", "dark or filler", "frozen picture"]
)
def test_a_mistake_is_named_with_its_camera_and_cause(held: Source, mistake: str) -> None:
    drawn = draw("sample", held, mistake, np.random.default_rng(5))
    assert drawn.named, drawn.said
    assert not drawn.others, drawn.said
    assert mistake in table([drawn])


def test_a_certain_mistake_is_mended_in_a_copy(held: Source) -> None:
    right = replace(held.cameras[2], name="<b>02")
    wrong = inverted(right)
    given = held.select((0, 3, 1))
    source = replace(given, cameras=tuple(wrong if view == 2 else camera for view, camera in enumerate(given.cameras)))
    report = examine(source)
    (finding,) = report.gross
    assert (finding.camera, finding.cause) == ("<b>02", "inverted")
    mended = repaired(source, finding.repairs)
    np.testing.assert_allclose(mended.cameras[2].extrinsics, right.extrinsics, atol=1e-9)
    page = page_of(report)
    assert "&lt;b&gt;02" in page
    assert "<b>02" not in page
    said = as_json(report)
    assert said["findings"][0]["fixable"]
    assert json.loads(json.dumps(said)) == said
    assert [one.camera for one in examine_in_short(source)] == ["<b>02"]


def test_the_command_says_by_its_exit_code_what_it_found(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["capture", "check", str(folder), "--page", str(page), "--frames", "0", "2", "1"]) == 0
    assert page.stat().st_size > 10_000
    with pytest.raises(InputError, match="nothing to fix"):
        check_capture(folder, CaptureConfig(frames=(0, 2, 1)), fix=tmp_path / "fixed")


def test_a_corrected_copy_is_right_where_the_capture_was_wrong(folder: Path, tmp_path: Path) -> None:
    """One camera inverted, on the disk; the copy is read back."""
    broken = shutil.copytree(folder, tmp_path / "broken")
    data = np.load(broken / "annots.npy", allow_pickle=True).item()
    cams, (R, T) = data["cams"], (np.asarray(data["cams"][key][2], float) for key in "RT")
    cams["R"][2], cams["T"][2] = R.T, -R.T @ T
    np.save(broken / "annots.npy", np.array(data, dtype=object), allow_pickle=True)
    found = check_capture(broken, fix=tmp_path / "fixed")
    assert [(one.camera, one.cause) for one in found.findings if one.gross] == [("02", "inverted")]
    assert found.repaired == ("02",)
    right, mended = read_source(folder, CaptureConfig()), read_source(tmp_path / "fixed", CaptureConfig())
    for one, other in zip(mended.cameras, right.cameras, strict=True):
        np.testing.assert_allclose(one.extrinsics, other.extrinsics, atol=1e-6)
    for part, whole in zip(mended.read(1, 2), right.read(1, 2), strict=True):
        assert part is not None
        assert whole is not None
        np.testing.assert_array_equal(part > 0, whole > 0)
    with pytest.raises(InputError, match="fixed: exists already"):
        check_capture(broken, fix=tmp_path / "fixed")


def test_mistakes_of_one_camera_and_of_all_are_mended_together(held: Source) -> None:
    """Millimetres for metres, and one camera mirrored: no camera keeps the other unit."""
    scale = [Repair(view, scaled_T(0.001)) for view in range(VIEWS)]
    mirror = Repair(2, picture=lambda pixels: pixels[:, ::-1])
    swap = [Repair(2, pictures=3), Repair(2, pictures=4)]
    wrong = replace(held, cameras=tuple(scaled_T(1000.0)(camera) for camera in held.cameras))
    mended = repaired(wrong, compatible([mirror, swap[0], *scale, swap[1]]))
    for one, other in zip(mended.cameras, held.cameras, strict=True):
        np.testing.assert_allclose(one.position, other.position, atol=1e-9)
    np.testing.assert_array_equal(mended.picture(0, 2), held.picture(0, 3)[:, ::-1])


def test_frames_that_are_compared_are_spread_over_those_that_are_looked_at(held: Source) -> None:
    assert Survey(held, range(4)).spread == (0, 1, 2, 3)
    survey = Survey(replace(held, frames=tuple(range(100))), range(15))
    assert survey.spread == (0, 2, 4, 6, 8, 10, 12, 14)


def test_a_picture_of_another_size_is_told(folder: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(folder, tmp_path / "broken")
    path = sorted((broken / "images/03").iterdir())[1]
    picture = read_image(path)
    path.write_bytes(jpeg_bytes(np.ascontiguousarray(picture[::2, ::2])))
    assert any("first image" in finding.text for finding in check_capture(broken).findings)
