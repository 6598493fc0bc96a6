"""`dymap capture check`: mistakes of strangers made in a small copy of the sample, each to be named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.check_mistakes import draw, false_alarms, table
from benchmarks.mistakes import hold, noisy

from dymap.capture import Source, read_source
from dymap.capture.check.examine import examine, examine_in_short
from dymap.capture.check.hypotheses import inverted
from dymap.capture.check.page import page_of
from dymap.capture.check.repair import repaired
from dymap.cli import main
from dymap.config import CaptureConfig
from dymap.errors import InputError
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
