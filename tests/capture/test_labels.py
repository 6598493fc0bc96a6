"""The colour map of label maps."""

from __future__ import annotations

import numpy as np

from dymap.capture.labels import label_colours
from tests.golden.sources import Golden


def test_label_colours_are_those_of_pascal_voc() -> None:
    colours = label_colours()
    assert colours[:4].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    assert colours[[5, 8, 13]].tolist() == [[128, 0, 128], [64, 0, 0], [192, 0, 128]]
    assert len(np.unique(colours, axis=0)) == 256
    np.testing.assert_array_equal(label_colours(20), colours[:20])


def test_golden_palette(golden: Golden) -> None:
    colours = label_colours(20).astype(int)
    golden.arrays("geometry").check("schp_palette20", colours[:, 0] + 10 * colours[:, 1] + 100 * colours[:, 2])
