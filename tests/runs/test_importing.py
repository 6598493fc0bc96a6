"""Boxes of one's own for a model that was imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dymap.errors import InputError
from dymap.runs.importing import read_boxes

BOX = [[-1.0, -1.0, 0.0], [1.0, 1.0, 2.0]]


@pytest.mark.parametrize(
    ("boxes", "said"),
    [
        (1.0, "expected boxes"),
        ([], "expected boxes"),
        (BOX, "expected boxes"),
        ([BOX[::-1]], "with minimum below maximum"),
        (np.nan, "not finite"),
        ([[[np.nan, 0, 0], [1, 1, 1]]], "not finite"),
    ],
)
def test_what_is_no_box_is_one_sentence(tmp_path: Path, boxes: Any, said: str) -> None:
    np.save(tmp_path / "boxes.npy", np.array(boxes, np.float32))
    with pytest.raises(InputError, match=rf"boxes\.npy: .*{said}"):
        read_boxes(tmp_path / "boxes.npy")


def test_boxes_are_read_as_they_are(tmp_path: Path) -> None:
    np.save(tmp_path / "boxes.npy", np.array([BOX, BOX]))
    np.testing.assert_array_equal(read_boxes(tmp_path / "boxes.npy"), np.array([BOX, BOX], np.float32))
