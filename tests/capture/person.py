"""A person of balls, filmed from a ring: masks and true extent are exact, whatever the number of cameras."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dymap.capture import Source
from dymap.capture.source import Footage
from dymap.geometry.camera import Camera, look_at

BALLS = (
    ((0, 0, 1.75), 0.14), ((0, 0, 1.3), 0.25), ((0, 0, 0.9), 0.2), ((0.3, 0.05, 1.4), 0.1), ((0.55, 0.1, 1.4), 0.08),
    ((-0.3, 0.15, 1.3), 0.1), ((-0.5, 0.3, 1.2), 0.08), ((0.15, 0, 0.4), 0.1), ((-0.15, 0.1, 0.4), 0.1),
    ((0.15, -0.05, 0.08), 0.08), ((-0.15, 0.2, 0.08), 0.08),
)  # fmt: skip
"""Centres and radii, metres."""
EXTENT = np.stack(
    [np.min([np.array(c) - r for c, r in BALLS], axis=0), np.max([np.array(c) + r for c, r in BALLS], axis=0)]
)
HEIGHTS = (1.25, 0.75, 1.75, 1.0, 2.15, 0.62, 1.5, 1.9)


class Balls(Footage):
    """One frame or several; the person moves 0.1 m along x from frame to frame.

    bad: views without any foreground. wrong: views that show a patch somewhere else. also: where else such people are.
    absent: views without pictures. bare: views without masks.
    """

    has_masks = True
    has_points = True

    def __init__(
        self,
        cameras: Sequence[Camera],
        bad: Sequence[int] = (),
        also: Sequence[tuple[float, float, float]] = (),
        absent: Sequence[int] = (),
        bare: Sequence[int] = (),
        wrong: Sequence[int] = (),
    ):
        self.wrong = wrong
        self.cameras, self.bad, self.absent, self.bare = cameras, bad, absent, bare
        self.places = ((0.0, 0.0, 0.0), *also)

    def present(self, frame: int, view: int) -> bool:  # noqa: ARG002
        return view not in self.absent

    def masked(self, frame: int, view: int) -> bool:
        return self.present(frame, view) and view not in self.bare

    def picture(self, frame: int, view: int) -> NDArray[np.uint8]:
        return np.repeat(self.mask(frame, view)[..., None] * np.uint8(200), 3, axis=-1)

    def mask(self, frame: int, view: int) -> NDArray[np.uint8]:
        camera = self.cameras[view]
        row, column = np.mgrid[: camera.height, : camera.width]
        seen = np.zeros(row.shape, np.uint8)
        if view in self.wrong:
            seen[-30:, :20] = 1
        if view in self.bad or view in self.wrong:
            return seen
        d = np.stack([column, row, np.ones_like(row)], -1) @ np.linalg.inv(camera.K).T
        d /= np.linalg.norm(d, axis=-1, keepdims=True)
        for place in self.places:
            for centre, radius in BALLS:
                local = camera.R @ (np.array(centre) + place + np.array([0.1 * frame, 0, 0])) + camera.T
                seen |= local @ local - (d @ local) ** 2 < radius**2
        return seen

    def files(self, frame: int, view: int) -> tuple[Path, ...]:  # noqa: ARG002
        return (Path(__file__),)

    def points(self, frame: int) -> NDArray[Any]:
        return EXTENT + np.array([0.1 * frame, 0, 0])


def ring(views: int, focal: float = 1.25, arc: float = 360.0, size: int = 160) -> list[Camera]:
    """Cameras 3 m away, at varied heights, over `arc` degrees. focal: in widths of the picture."""
    cameras = []
    for view in range(views):
        angle = np.deg2rad(arc * view / (views if arc == 360 else views - 1) - 90)
        R, T = look_at((3 * np.cos(angle), 3 * np.sin(angle), HEIGHTS[view % 8]), (0, 0, 0.965))
        K = np.array([[focal * size, 0, (size - 1) / 2], [0, focal * size, (size - 1) / 2], [0, 0, 1]])
        cameras.append(Camera(K, R, T, size, size, name=f"{view:02d}"))
    return cameras


def filmed(cameras: Sequence[Camera], frames: int = 1, bad: Sequence[int] = (), **footage: Any) -> Source:
    """The person as a reader finds it. footage: see `Balls`."""
    return Source("balls", None, Path("balls"), tuple(cameras), tuple(range(frames)), Balls(cameras, bad, **footage))
