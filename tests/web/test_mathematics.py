"""The page's mathematics against Python's."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from dymap.geometry.camera import Camera, look_at
from tests.browser import Page, needs_browser

pytestmark = needs_browser
MOVES = (
    "m.orbited(pose, 0.4, 0.3, up)", "m.orbited(pose, 0.4, 0.3, null)", "m.orbited(pose, 0, 9, up)",
    "m.levelled(m.rolled(pose, 1), up)",
)  # fmt: skip


def call(page: Page, module: str, expression: str, **values: object) -> object:
    """What an expression of a module's functions (m) comes to. values: by name, as JSON."""
    names = ", ".join(values)
    given = ", ".join(json.dumps(np.asarray(v).tolist() if isinstance(v, np.ndarray) else v) for v in values.values())
    return page.evaluate(f"import('/stage/{module}.js').then(m => (({names}) => {expression})({given}))")


def random_pose(rng: np.random.Generator) -> dict:
    R = Rotation.random(random_state=rng.integers(1 << 31)).as_matrix()
    position, distance = rng.normal(size=3).tolist(), float(rng.uniform(0.5, 4))
    return {"position": position, "R": R.reshape(-1).tolist(), "distance": distance}


def test_looking_at_something_is_look_at(wide: Page) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        eye, target, up = rng.normal(size=(3, 3))
        pose = call(wide, "camera", "m.lookingAt(eye, target, up)", eye=eye, target=target, up=up)
        R, T = look_at(eye, target, up)
        assert np.allclose(np.reshape(pose["R"], (3, 3)), R)
        assert np.allclose(call(wide, "camera", "m.translationOf(pose)", pose=pose), T)
        assert pose["distance"] == pytest.approx(np.linalg.norm(target - eye))


def test_points_are_projected_as_cameras_see_them(wide: Page) -> None:
    """Pixel centres of K at whole numbers, pixels of the page from its corner: half a pixel apart."""
    rng = np.random.default_rng(1)
    pose = random_pose(rng)
    R, position = np.reshape(pose["R"], (3, 3)), np.array(pose["position"])
    K = np.array([[400.0, 0, 310], [0, 420, 205], [0, 0, 1]])
    camera = Camera(K, R, -R @ position, 640, 480, pixel_offset=0.0)
    points = position + (rng.normal(size=(20, 3)) * 0.5 + (0, 0, 3)) @ R
    given = {"K": K.reshape(-1).tolist(), "width": 640, "height": 480}
    found = call(wide, "camera", "points.map(point => m.projected(point, pose, m.lensOfCamera(camera, 640, 480)))",
                 points=points, pose=pose, camera=given)  # fmt: skip
    local = points @ R.T + camera.T
    expected = (local / local[:, 2:]) @ K.T
    assert np.allclose(np.array(found)[:, :2], expected[:, :2] + 0.5)
    assert np.allclose(np.array(found)[:, 2], local[:, 2])


def test_quaternions_and_slerp_are_those_of_scipy(wide: Page) -> None:
    rotations = Rotation.random(40, random_state=2)
    matrices = rotations.as_matrix().reshape(-1, 9)
    found = np.array(call(wide, "vectors", "matrices.map(m.toQuaternion)", matrices=matrices))
    expected = rotations.as_quat(canonical=True)[:, [3, 0, 1, 2]]
    assert np.allclose(found * np.sign((found * expected).sum(axis=1, keepdims=True)), expected)
    assert np.allclose(call(wide, "vectors", "quaternions.map(m.toRotation)", quaternions=found), matrices)
    shares = [0, 0.1, 0.5, 0.9, 1]
    for a, b in zip(range(0, 40, 2), range(1, 40, 2), strict=True):
        script = "shares.map(share => m.toRotation(m.slerp(a, b, share)))"
        way = call(wide, "vectors", script, shares=shares, a=found[a], b=found[b])
        assert np.allclose(way, Slerp([0, 1], rotations[[a, b]])(shares).as_matrix().reshape(-1, 9), atol=1e-7)


def test_moves_keep_what_they_should(wide: Page) -> None:
    rng = np.random.default_rng(3)
    up = np.array([0, 0, 1.0])
    for _ in range(5):
        pose = call(wide, "camera", "m.levelled(pose, up)", pose=random_pose(rng), up=up)
        pivot = np.array(pose["position"]) + pose["distance"] * np.array(pose["R"][6:])
        for move in MOVES:
            moved = call(wide, "camera", move, pose=pose, up=up)
            R = np.reshape(moved["R"], (3, 3))
            assert np.allclose(np.array(moved["position"]) + moved["distance"] * R[2], pivot), move
            assert np.allclose(R @ R.T, np.eye(3)), move
            assert np.linalg.det(R) > 0
            if "null" not in move:
                assert abs(R[0] @ up) < 1e-9, "level"
                assert abs(R[2] @ up) <= np.sin(np.radians(89.01)), "never straight up or down"
        ray = [0.3, -0.2]
        under = np.array(pose["position"]) + pose["distance"] * (np.array([*ray, 1]) @ np.reshape(pose["R"], (3, 3)))
        near = call(wide, "camera", "m.dollied(pose, 0.5, ray)", pose=pose, ray=ray)
        local = np.reshape(near["R"], (3, 3)) @ (under - near["position"])
        assert np.allclose(local[:2] / local[2], ray), "what is under the pointer stays there"
        assert near["distance"] == pytest.approx(pose["distance"] / 2)


def test_the_first_view_holds_the_box_in_windows_of_every_shape(wide: Page) -> None:
    box = [-0.4, -0.3, 0.1, 0.5, 0.3, 1.9]
    for aspect in (0.45, 1.0, 2.4):
        view = call(wide, "framing", "m.firstView({ box, up: [0, 0, 1], cameras: [] }, aspect)", box=box, aspect=aspect)
        script = "corners.map(corner => m.projected(corner, view.pose, m.lensOf(view.fov, aspect, 1)))"
        corners = [[x, y, z] for x in box[::3] for y in box[1::3] for z in box[2::3]]
        corners = call(wide, "camera", script, corners=corners, view=view, aspect=aspect)
        share = np.abs(np.array(corners)[:, :2] / (aspect, 1) - 0.5).max()
        assert 0.43 < share < 0.5, "inside, and not far"


def test_a_path_goes_through_its_key_views_smoothly(wide: Page) -> None:
    rng = np.random.default_rng(4)
    keys = [
        {"at": at, "frame": 5 * k, "pose": random_pose(rng), "fov": 0.5 + 0.1 * k}
        for k, at in enumerate((0, 0.8, 2.5, 3))
    ]
    path = {"keys": keys, "time": "keys", "fps": 24}

    def at(times: np.ndarray) -> list[dict]:
        script = "times.map(at => m.pathAt(path, at, { fps: 24, frames: 48 }))"
        return call(wide, "spline", script, times=times, path=path)

    for key, found in zip(keys, at(np.array([key["at"] for key in keys])), strict=True):
        assert np.allclose(found["pose"]["position"], key["pose"]["position"])
        assert np.allclose(found["pose"]["R"], key["pose"]["R"], atol=1e-7)
        assert (found["fov"], found["frame"]) == pytest.approx((key["fov"], key["frame"]))
        assert found["pose"]["distance"] == pytest.approx(key["pose"]["distance"])
    step = 1e-4
    for time in (0.8, 2.5):
        around = at(np.array([time - step, time, time + step]))
        before, middle, after = (np.array(found["pose"]["position"]) for found in around)
        assert np.allclose((middle - before) / step, (after - middle) / step, atol=0.02), "no corner in the way"
    two = {**path, "keys": keys[:2]}
    ends = Rotation.from_matrix([np.reshape(key["pose"]["R"], (3, 3)) for key in keys[:2]])
    found = call(wide, "spline", "m.pathAt(path, 0.2, { fps: 24, frames: 48 })", path=two)["pose"]
    assert np.allclose(found["R"], Slerp([0, 0.8], ends)(0.2).as_matrix().reshape(-1), atol=1e-7), "of two: slerp"
    first, second = (np.array(key["pose"]["position"]) for key in keys[:2])
    assert np.allclose(found["position"], 0.75 * first + 0.25 * second)


def test_the_nearest_camera_sees_the_same_side(wide: Page) -> None:
    cameras = wide.evaluate("engine.clip.cameras.map(({ R, T }) => ({ R: [...R], T: [...T] }))")
    box = wide.evaluate("[...engine.clip.box]")
    for index, camera in enumerate(cameras):
        centre = -np.reshape(camera["R"], (3, 3)).T @ camera["T"]
        pose = {"position": (centre * 0.8 + (0, 0, 0.1)).tolist(), "R": camera["R"], "distance": 2}
        assert (
            call(wide, "framing", "m.nearestCamera(cameras, pose, box)", cameras=cameras, pose=pose, box=box) == index
        )


def test_a_ready_frame_stands_in_for_one_that_is_not(wide: Page) -> None:
    cases = [([[0, 10]], 5, -1), ([[0, 10]], 20, 9), ([[0, 10], [30, 40]], 22, 30), ([], 3, -1), ([[4, 4]], 3, -1)]
    for ready, frame, expected in cases:
        assert call(wide, "requests", "m.standIn(ready, frame)", ready=ready, frame=frame) == expected
