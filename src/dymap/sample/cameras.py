"""The ring of cameras around the sample."""

from __future__ import annotations

import numpy as np

from dymap.geometry.camera import Camera, look_at

RING_RADIUS = 3.0
HEIGHTS = (1.25, 0.75, 1.75, 1.0, 2.15, 0.62, 1.5, 1.9)  # metres, in turn around the ring
TARGET_HEIGHT = 0.965


def sample_cameras(views: int = 16, size: int = 512) -> list[Camera]:
    """`views` cameras of size x size pixels in a full ring about the figure, at varied heights, named 00, 01, ...

    Camera 0 stands in front of the figure (at -y) and the others follow anticlockwise seen from above. Distances
    and focal lengths vary by a few percent, as they do in a real rig.
    """
    cameras = []
    for view in range(views):
        angle = 2 * np.pi * view / views - np.pi / 2
        radius = RING_RADIUS * (1 + 0.03 * np.cos(2.4 * view))
        position = np.array([radius * np.cos(angle), radius * np.sin(angle), HEIGHTS[view % len(HEIGHTS)]])
        R, T = look_at(position, (0.0, 0.0, TARGET_HEIGHT))
        focal = size * 1.25 * (1 + 0.02 * np.sin(1.7 * view))
        centre = (size - 1) / 2
        K = np.array([[focal, 0, centre], [0, focal, centre], [0, 0, 1]])
        cameras.append(Camera(K, R, T, size, size, name=f"{view:02d}"))
    return cameras
