"""The page's first view: from the side of the first camera, upright, with all that a viewer frames in the picture.

`web/stage/framing.js` does the same. The poster of a clip is drawn from it: the page begins with the same picture.
"""

from __future__ import annotations

import numpy as np

from dymap.geometry.box import box_corners, scale_box
from dymap.geometry.camera import Array, Camera, look_at, up_direction
from dymap.play.video import Video

ROOM = 1.12
"""Of the picture that the box may not fill."""
LENSES = 0.35, 1.05
"""Radians: of what is wider or narrower, a picture shows too much or too little around."""


def framed_box(video: Video) -> Array:
    """[2, 3] world, metres: the median of the frames' boxes, scaled and shifted as a viewer shows them."""
    scale, *shift = video.baked.viewer_box
    return scale_box(np.median(video.boxes.cpu().numpy(), axis=0), scale, shift).astype(np.float64)


def first_view(video: Video, width: int, height: int) -> Camera:
    """The camera that a page begins with in a window of such a size. Raises ValueError for a clip without cameras."""
    if not video.cameras:
        raise ValueError("a clip without cameras has no first side")
    first, up, box = video.cameras[0], up_direction(video.cameras), framed_box(video)
    middle, corners, aspect = box.mean(axis=0), box_corners(box), width / height
    fov = float(np.clip(2 * np.arctan(first.height / 2 / first.K[1, 1]), *LENSES))
    focal = 1 / np.tan(fov / 2)  # of half the height
    way = first.position - middle
    direction = way / np.linalg.norm(way) if np.linalg.norm(way) > 1e-6 else _side_of(up)

    def fits(distance: float) -> bool:
        R, T = upright(middle + direction * distance, middle, up)
        local = corners @ R.T + T
        if local[:, 2].min() <= 0:
            return False
        x, y = np.abs(local[:, :2] / local[:, 2:] * focal).max(axis=0)
        return bool(x * ROOM <= aspect and y * ROOM <= 1)

    near, far = 0.0, max(float(np.linalg.norm(box[1] - middle)), 1e-3)
    for _ in range(40):
        if fits(far):
            break
        near, far = far, 2 * far
    for _ in range(24):
        half = (near + far) / 2
        near, far = (near, half) if fits(half) else (half, far)
    K = np.array([[focal * height / 2, 0, width / 2], [0, focal * height / 2, height / 2], [0, 0, 1]])
    R, T = upright(middle + direction * far, middle, up)
    return Camera(K, R, T, width, height, pixel_offset=0.5)


def upright(position: Array, target: Array, up: Array) -> tuple[Array, Array]:
    """R and T as of `look_at`; of one that looks straight up or down, any such."""
    forward = target - position
    if np.linalg.norm(np.cross(forward / np.linalg.norm(forward), up)) < 1e-6:
        up = np.array([1.0, 0, 0]) if abs(forward[0]) < 0.9 * np.linalg.norm(forward) else np.array([0, 1.0, 0])
    return look_at(position, target, up)


def _side_of(up: Array) -> Array:
    """Some horizontal direction."""
    side = np.cross([1.0, 0, 0] if abs(up[0]) < 0.9 else [0, 1.0, 0], up)
    return side / np.linalg.norm(side)
