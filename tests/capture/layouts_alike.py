"""The tiny golden capture in other layouts than its own, and whether two captures are the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dymap.capture.source import Source
from dymap.geometry.camera import Camera
from tests.captures import FRAMES, VIEWS, write_rgb
from tests.golden.sources import Arrays


def golden_cameras(dataset: Arrays) -> list[Camera]:
    """The calibration as it was made, in metres; only its first `VIEWS` cameras have pictures."""
    return [
        Camera(
            dataset["cap_K"][v],
            dataset["cap_R"][v],
            dataset["cap_T_mm"][v] / 1000,
            128,
            96,
            dataset["cap_D"][v],
            f"{v:02d}",
        )
        for v in range(VIEWS)
    ]


def to_opengl(camera: Camera) -> list[list[float]]:
    """[4, 4] camera to world, x right, y up, z backwards."""
    matrix = np.linalg.inv(camera.extrinsics)
    return (matrix @ np.diag([1.0, -1.0, -1.0, 1.0])).tolist()


def lens_entry(camera: Camera) -> dict[str, Any]:
    """Of a transforms.json, whose pixel centres lie at + 0.5."""
    K, D = camera.K, camera.D
    return {
        **{"fl_x": K[0, 0], "fl_y": K[1, 1], "cx": K[0, 2] + 0.5, "cy": K[1, 2] + 0.5},
        **{"w": camera.width, "h": camera.height, "k1": D[0], "k2": D[1], "p1": D[2], "p2": D[3]},
    }


def entries(dataset: Arrays, picture: str = "images/{view:02d}/{frame:06d}.png") -> list[dict[str, Any]]:
    """Of a transforms.json: every picture of every camera."""
    return [
        {
            "file_path": picture.format(frame=frame, view=view),
            "transform_matrix": to_opengl(camera),
            **lens_entry(camera),
        }
        for frame in range(FRAMES)
        for view, camera in enumerate(golden_cameras(dataset))
    ]


def write_pictures(root: Path, dataset: Arrays, picture: str, mask: str | None = None) -> None:
    """picture, mask: paths with {frame} and {view}; masks are white on black."""
    for frame in range(FRAMES):
        for view in range(VIEWS):
            write_rgb(root / picture.format(frame=frame, view=view), dataset["cap_images"][frame, view])
            if mask is not None:
                write_rgb(root / mask.format(frame=frame, view=view), white_mask(dataset, frame, view))


def white_mask(dataset: Arrays, frame: int, view: int) -> NDArray[np.uint8]:
    """[H, W, 3] 255 where anything is."""
    inside = dataset["cap_schp"][frame, view].any(axis=-1, keepdims=True)
    return np.where(inside, 255, 0).astype(np.uint8).repeat(3, axis=2)


def write_json(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))


def assert_same_cameras(found: Source, expected: list[Camera]) -> None:
    """Same rays: centres to a tenth of a millimetre, directions of pixels to 1e-5."""
    assert len(found.cameras) == len(expected)
    for a, b in zip(found.cameras, expected, strict=True):
        assert (a.width, a.height, a.lens) == (b.width, b.height, b.lens)
        np.testing.assert_allclose(a.position, b.position, atol=1e-4)
        np.testing.assert_allclose(a.D, b.D, atol=1e-12)
        np.testing.assert_allclose(directions(a), directions(b), atol=1e-5)


def directions(camera: Camera) -> NDArray[np.float64]:
    """[9, 3] of the rays of some pixels, without distortion; world."""
    pixels = np.array([[x, y, 1] for x in (0, 60, 127) for y in (0, 40, 95)], float)
    d = pixels @ np.linalg.inv(camera.K).T @ camera.R
    return d / np.linalg.norm(d, axis=1, keepdims=True)


def assert_same_pictures(found: Source, dataset: Arrays) -> None:
    """Pictures of all cameras at all times; and their masks if there are any."""
    assert len(found.frames) == FRAMES
    for frame in range(FRAMES):
        for view in range(VIEWS):
            picture, mask = found.read(frame, view)
            np.testing.assert_array_equal(picture, dataset["cap_images"][frame, view])
            if found.masked(frame, view):
                np.testing.assert_array_equal(mask, white_mask(dataset, frame, view)[..., 0] > 0)
