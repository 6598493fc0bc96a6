"""Cameras of a rig whose numbers are all different, for writing and reading."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from dymap.geometry.camera import Camera, look_at


def rig(count: int = 3, width: int = 64, height: int = 48) -> tuple[Camera, ...]:
    """Cameras around the origin, with lenses of 5 numbers, named 01, 02, ..."""
    cameras = []
    for view in range(count):
        angle = 1 + 2 * np.pi * view / count
        R, T = look_at([3 * np.cos(angle), 3 * np.sin(angle), 1 + 0.1 * view], [0.1, 0, 0.9])
        K = np.array([[60 + view, 0, width / 2 + 0.3], [0, 61 + view, height / 2 - 0.7], [0, 0, 1]])
        D = np.array([0.02, -0.01, 0.001, -0.002, 0.003]) * (view + 1)
        cameras.append(Camera(K, R, T, width, height, D, f"{view + 1:02d}"))
    return tuple(cameras)


def assert_same(found: tuple[Camera, ...], expected: tuple[Camera, ...], atol: float = 1e-9) -> None:
    """The same cameras in the same order."""
    assert [camera.name for camera in found] == [camera.name for camera in expected]
    for one, other in zip(found, expected, strict=True):
        assert (one.width, one.height, one.lens) == (other.width, other.height, other.lens)
        for key in ("K", "R", "T", "D"):
            np.testing.assert_allclose(getattr(one, key), getattr(other, key), atol=atol, err_msg=f"{one.name} {key}")


def write_toml(path: Path, cameras: tuple[Camera, ...], scale: float = 1.0, extra: str = "", nested: str = "") -> Path:
    """As Caliscope and Pose2Sim write it. scale: units of T in a metre. extra: further lines of each table."""
    text = ""
    for camera in cameras:
        text += (
            f"[{nested}cam_{camera.name}]\nname = '{camera.name}'\nsize = [ {camera.width}, {camera.height}.0]\n"
            f"matrix = {camera.K.tolist()}\ndistortions = {camera.D.tolist()}\n"
            f"rotation = {cv2.Rodrigues(camera.R)[0].ravel().tolist()}\ntranslation = {(camera.T * scale).tolist()}\n"
            f"fisheye = {'true' if camera.lens == 'fisheye' else 'false'}\n{extra}\n"
        )
    path.write_text(text + "[metadata]\nadjusted = false\nerror = 0.0\n")
    return path
