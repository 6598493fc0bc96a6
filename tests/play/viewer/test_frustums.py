"""The capture's cameras in a browser's scene."""

from __future__ import annotations

import numpy as np
import pytest

from dymap.geometry.camera import up_direction
from dymap.play.video import Video
from dymap.play.viewer.camera import matrix_to_quaternion, pose_at, view_of
from tests.play.viewer.visitor import Visitor

# Some tests leave while a picture is on its way; viser notices.
pytestmark = pytest.mark.filterwarnings("ignore:Queued a .* on a closed connection")


def test_a_click_on_a_camera_moves_the_browser_to_it(visitor: Visitor, video: Video) -> None:
    assert len(visitor.cameras) == len(video.cameras)
    for index in (3, 9):
        start = len(visitor.said)
        visitor.click(f"/cameras/{index}")
        pose = pose_at(video.cameras[index], up_direction(video.cameras), video.viewer_box(0).mean(dim=0).numpy())

        def told(kind: str, key: str, start: int = start) -> np.ndarray | None:
            found = [message[key] for message in visitor.said[start:] if message["type"] == f"SetCamera{kind}Message"]
            return np.array(found[-1]) if found else None

        visitor.until(lambda told=told: told("LookAt", "look_at") is not None)
        np.testing.assert_allclose(told("Position", "position"), pose.position, atol=1e-6)
        np.testing.assert_allclose(told("LookAt", "look_at"), pose.look_at, atol=1e-6)


def test_frustums_are_the_cameras_and_hidden_at_first(visitor: Visitor, video: Video) -> None:
    message, camera = visitor.cameras["/cameras/4"], video.cameras[4]
    props = message["props"]
    assert (props["fov"], props["aspect"]) == pytest.approx((view_of(camera).fov, 1.0))
    poses = {m["type"]: m for m in visitor.said if m.get("name") == "/cameras/4"}
    np.testing.assert_allclose(poses["SetPositionMessage"]["position"], camera.position, atol=1e-6)
    np.testing.assert_allclose(poses["SetOrientationMessage"]["wxyz"], matrix_to_quaternion(camera.R.T), atol=1e-6)
    assert poses["SetSceneNodeVisibilityMessage"]["visible"] is False
    visitor.set("Cameras", True)
    seen = {name for name in visitor.cameras if name != "/cameras/0"}  # it looks from camera 0, which would veil all
    visitor.until(lambda: shown(visitor) >= seen)
    assert "/cameras/0" not in shown(visitor)
    visitor.stand(view_of(video.cameras[4]))
    visitor.until(lambda: "/cameras/0" in shown(visitor) and "/cameras/4" not in shown(visitor))


def shown(visitor: Visitor) -> set[str]:
    """The things in the scene that are visible."""
    told = {m["name"]: m["visible"] for m in visitor.said if m["type"] == "SetSceneNodeVisibilityMessage"}
    return {name for name, visible in told.items() if visible}
