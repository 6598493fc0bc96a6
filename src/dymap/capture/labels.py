"""The colours in which label maps are stored (method.md 10)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def label_colours(count: int = 256) -> NDArray[np.uint8]:
    """[count, 3] RGB of the first labels in the Pascal-VOC colour map: bits 3k, 3k+1, 3k+2 of a label are bit 7-k of R,
    G, B."""
    label = np.arange(count)
    colours = np.zeros((count, 3), np.uint8)
    for k in range(8):
        for channel in range(3):
            colours[:, channel] |= ((label >> (3 * k + channel) & 1) << (7 - k)).astype(np.uint8)
    return colours
