"""Ranges of images, a task each: what is done image by image is shared out so."""

from __future__ import annotations

import math
from itertools import pairwise

MOST = 60
"""Images of a task: what is lost at most with its process, which is begun again."""


def ranges(count: int, side_by_side: int) -> list[range]:
    """So many images in ranges as equal as can be, in order: one for each place, or more if they get long."""
    parts = max(min(count, side_by_side), math.ceil(count / MOST))
    ends = [count * part // parts for part in range(parts + 1)]
    return [range(first, stop) for first, stop in pairwise(ends)]
