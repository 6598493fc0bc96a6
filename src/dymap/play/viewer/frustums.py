"""The capture's cameras as frustums in a browser's scene; a click on one shows what it saw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dymap.geometry.camera import Array
from dymap.play.video import Video
from dymap.play.viewer.camera import OrbitPose, pose_at, view_of
from dymap.play.viewer.picture import Colour

COLOUR: Colour = (230, 130, 30)
SIZE = 0.05
"""Of a frustum, as a share of the camera's distance from the middle of the scene."""


class CameraFrustums:
    """The frustums of one browser, hidden at first.

    scene: viser's; up: [3] of the world; on_click: is called with the pose of the camera that was clicked.
    """

    def __init__(self, scene: Any, video: Video, up: Array, on_click: Callable[[OrbitPose], None]):
        middle = video.viewer_box(0).mean(dim=0).cpu().numpy().astype(np.float64)
        self._frustums: list[tuple[Any, Array, float]] = []  # with the camera's position and their size
        for index, camera in enumerate(video.cameras):
            view = view_of(camera)
            size = SIZE * float(np.linalg.norm(camera.position - middle))
            frustum = scene.add_camera_frustum(
                f"/cameras/{index}", view.fov, view.aspect, scale=size, variant="filled", color=COLOUR,
                thickness=2, thickness_units="screen", wxyz=view.wxyz, position=view.position, visible=False,
                cast_shadow=False, receive_shadow=False,
            )  # fmt: skip
            pose = pose_at(camera, up, middle)

            async def clicked(_: object, pose: OrbitPose = pose) -> None:
                on_click(pose)

            frustum.on_click(clicked)
            self._frustums.append((frustum, camera.position, size))

    def show(self, visible: bool, eye: Array) -> None:
        """Show or hide all but the one around `eye` ([3] world, metres), which would veil the picture."""
        for frustum, position, size in self._frustums:
            shown = visible and float(np.linalg.norm(position - eye)) > size
            if frustum.visible != shown:
                frustum.visible = shown
