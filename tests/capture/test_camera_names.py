"""Cameras are named after the folders in which they differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from dymap.capture.readers.annotations import camera_names

ROOT = Path("a/capture")


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["images/00/1.jpg", "images/01/1.jpg"], ["00", "01"]),
        (["cam03/rgb/1.jpg", "cam04/rgb/1.jpg"], ["cam03", "cam04"]),
        (["left/cam03/rgb/1.jpg", "right/cam03/rgb/1.jpg", "right/cam04/rgb/1.jpg"],
         ["left/cam03", "right/cam03", "right/cam04"]),
        (["cam03/rgb/1.jpg", "cam04/1.jpg", "cam05/rgb/1.jpg"], ["cam03/rgb", "cam04", "cam05/rgb"]),
        (["rgb/a1.jpg", "rgb/b1.jpg"], ["rgb", "rgb"]),
    ],
)  # fmt: skip
def test_folders_of_one_name_are_told_apart_by_those_above(paths: list[str], names: list[str]) -> None:
    assert camera_names(ROOT, tuple(ROOT / path for path in paths)) == names
