"""A baked video with something to see: the golden model's painted body, filmed by six cameras."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from dymap.bake.bake import bake_grids
from dymap.config import BakeConfig, RenderConfig
from dymap.geometry.camera import Camera, look_at
from dymap.video.clip import BakedVideo, one_segment
from tests.golden.sources import Golden

FRAMES = 5
BOXES = np.stack([[[-0.6, -0.5 - 0.02 * i, -0.1], [0.6, 0.7, 1.8 + 0.05 * i]] for i in range(FRAMES)]).astype(
    np.float32
)
BAKE = BakeConfig(grid=(16, 16, 24), subsamples=(5, 5, 5), threshold=0.0)
"""Threshold 0: the renderers agree wherever there is any density at all."""
RENDER = RenderConfig(samples=192, max_samples=256)


def cameras(count: int = 6, width: int = 40, height: int = 56) -> tuple[Camera, ...]:
    """Cameras around the boxes, at varied heights and of slightly varied focal lengths."""
    ring = []
    for view in range(count):
        angle = 2 * np.pi * view / count
        R, T = look_at((3 * np.cos(angle), 3 * np.sin(angle), 0.7 + 0.2 * (view % 3)), (0, 0.1, 0.85))
        K: NDArray[np.float64] = np.array([[60.0 + view, 0, width / 2], [0, 61.0 + view, height / 2], [0, 0, 1]])
        ring.append(Camera(K, R, T, width, height, name=f"cam {view}"))
    return tuple(ring)


@cache
def painted_video(golden: Golden) -> BakedVideo:
    """Shared: tests must not change it."""
    field = golden.field("small", dict(enumerate(BOXES))).requires_grad_(False)
    occupancy = bake_grids(field, BAKE)
    return one_segment(field, occupancy, RENDER, BAKE, 12.5, (0, 3, 6, 9, 12), cameras(), (0, 1, 3, 4), (2, 5), "body")
