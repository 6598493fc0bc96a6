"""A run that begins asks only for what the capture has; a part of an evaluation replaces nothing."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli.conftest import Run, baked, dymap, sample, train_arguments, trained  # noqa: F401


@pytest.mark.parametrize(
    "frames", [(0, 99, 1), (0, 4, 1), (3, -1, 1), (-1, 2, 1), (2, 1, 1), (0, 3, 0), (0, -2, 1), (0, 0, 1)]
)
def test_frames_that_are_not_there_are_refused(
    dymap: Run, sample: Path, tmp_path: Path, frames: tuple[int, ...]  # noqa: F811
) -> None:  # fmt: skip
    said = dymap(*train_arguments(sample, tmp_path / "run", "--frames", *frames))
    said.failed_with("--frames {} {} {}".format(*frames), "the capture has 3 frames")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("ratio", [3, 1.01, "inf", -1, 0])
def test_ratios_that_are_none_are_refused(dymap: Run, sample: Path, tmp_path: Path, ratio: object) -> None:  # noqa: F811
    dymap("train", "--data", sample, "--out", tmp_path / "run", "--ratio", ratio).failed_with("ratio", "above 0")
    assert not (tmp_path / "run").exists()


def test_a_preset_that_asks_for_too_many_frames_is_named(dymap: Run, sample: Path, tmp_path: Path) -> None:  # noqa: F811
    said = dymap("train", "--preset", "zjumocap/313", "--data", sample, "--out", tmp_path / "run")
    assert "warning: preset zjumocap/313 asks for frames 0 to 300, but the capture has 3 frames" in said.err


def test_smaller_images_are_told(dymap: Run, sample: Path, tmp_path: Path) -> None:  # noqa: F811
    words = train_arguments(sample, tmp_path / "run", "--minutes", 0)
    words[words.index("capture.ratio=1.0")] = "capture.ratio=0.5"
    assert "of 24 x 24 (half of 48 x 48: --ratio)" in dymap(*words).out


def test_a_part_of_an_evaluation_replaces_nothing(dymap: Run, baked: Path) -> None:  # noqa: F811
    assert dymap("evaluate", baked).code == 0
    whole = baked / "evaluation" / "metrics.json"
    before = whole.read_bytes()
    for words, place in (
        (("--views", "0,4", "--frames", 1), "views-0-4_frames-1"),
        (("--renderer", "fast"), "fast"),
        (("--frames", 2), "frames-2"),
    ):
        said = dymap("evaluate", baked, *words)
        assert said.code == 0
        assert (baked / "evaluation" / place / "metrics.json").exists()
        assert whole.read_bytes() == before
        assert ("trained on 00" in said.out) == ("00 (trained)" in said.out) == ("--views" in words)
    part = json.loads((baked / "evaluation" / "views-0-4_frames-1" / "metrics.json").read_text())
    assert [(row["view"], row["trained"]) for row in part["images"]] == [("00", True), ("04", False)]
    assert dymap("evaluate", baked, "--views", 1, 4).code == 0, "which are all"
    assert json.loads(whole.read_text())["mean"] == json.loads(before)["mean"]


def test_an_evaluation_says_where_it_comes_from(dymap: Run, baked: Path, tmp_path: Path) -> None:  # noqa: F811
    assert dymap("evaluate", baked, "--out", tmp_path).code == 0
    known = json.loads((tmp_path / "metrics.json").read_text())["provenance"]
    assert (known["preset"], known["steps"], known["seed"], known["renderer"]) == ("small", 4, 0, "march")
    assert known["training_views"] == ["00", "02", "03", "05"]
    assert {"dymap", "date", "machine"} <= known.keys()
    picture = "frame000001_view04.png"
    whole, *parts = (cv2.imread(str(tmp_path / f / picture)) for f in (".", "truth", "prediction"))
    assert whole is not None
    for index, part in enumerate(parts):
        assert part is not None
        np.testing.assert_array_equal(part, whole[:, 48 * index : 48 * (index + 1)])


@pytest.mark.parametrize(
    ("assignments", "parts"),
    [
        (["capture.path_views=[0,6]"], ("capture.path_views names 6", "6 cameras", "0 to 5")),
        (["field.codes=encoder", "field.encoder_views=[4]"], ("field.encoder_views names 4", "4 training views")),
    ],
)
def test_views_that_are_not_there_are_refused_before_anything_is_prepared(
    dymap: Run,  # noqa: F811
    sample: Path,  # noqa: F811
    tmp_path: Path,
    assignments: list[str],
    parts: tuple[str, ...],
) -> None:
    said = dymap(*train_arguments(sample, tmp_path / "run"), *assignments)
    said.failed_with(*parts)
    assert not (tmp_path / "run").exists()
