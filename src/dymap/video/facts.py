"""What a clip is, as JSON in the header of the files that hold one (docs/format.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from dymap.config import BakeConfig, CaptureConfig, FieldConfig, RenderConfig, from_json, to_json
from dymap.errors import InputError
from dymap.geometry.camera import Camera
from dymap.video.clip import About, BakedVideo

MIN_FOCAL, MAX_FOCAL = 1e-3, 1e12
"""Pixels."""
MAX_VIEWS, MAX_FRAMES = 4096, 200_000
MAX_PIXELS = 2**26
"""Of a camera of a video: an image of it takes a gigabyte."""
MAX_DISTANCE = 1e6
"""Metres that a scene may lie from the origin."""
MAX_CAMERA_DISTANCE = 1e9
"""Metres that a camera may lie from it."""
MAX_TEXT = 10_000
"""Letters of a title, an author and a licence."""


def camera_to_json(camera: Camera) -> dict[str, Any]:
    """K, R, T in metres, size, name; baked cameras are undistorted."""
    return {
        "name": camera.name,
        "K": camera.K.tolist(),
        "R": camera.R.tolist(),
        "T": camera.T.tolist(),
        "width": camera.width,
        "height": camera.height,
        "pixel_offset": camera.pixel_offset,
    }


def camera_from_json(data: Mapping[str, Any]) -> Camera:
    """The camera of such numbers. Raises ValueError, KeyError and TypeError for what is missing or cannot be."""
    for key, kind in (("name", str), ("width", int), ("height", int)):
        if type(data[key]) is not kind:
            raise ValueError(f"{key} of a camera is {str(data[key])[:40]!r}, expected {kind.__name__}")
    camera = Camera(
        np.array(data["K"]), np.array(data["R"]), np.array(data["T"]), int(data["width"]), int(data["height"]),
        name=str(data["name"]), pixel_offset=float(data["pixel_offset"]),
    )  # fmt: skip
    check_focal_lengths(camera)
    if (far := np.abs(camera.T).max()) > MAX_CAMERA_DISTANCE:
        raise ValueError(f"camera {camera.name[:40]!r}: {far:g} m from the origin, expected {MAX_CAMERA_DISTANCE:g}")
    return camera


def check_focal_lengths(camera: Camera) -> None:
    """Raise ValueError for focal lengths that would be 0 in a smaller image, or infinite in a larger one."""
    if (focal := min(camera.K[0, 0], camera.K[1, 1])) < MIN_FOCAL:
        raise ValueError(
            f"camera {camera.name[:40]!r}: focal length of {focal:g} pixels, expected {MIN_FOCAL:g} or more"
        )
    if (most := np.abs(camera.K).max()) > MAX_FOCAL:
        raise ValueError(f"camera {camera.name[:40]!r}: {most:g} in K, expected {MAX_FOCAL:g} pixels at most")


def facts_to_json(video: BakedVideo) -> dict[str, Any]:
    """What a file's header says of a clip."""
    config = video.segment(0).field.config
    return {
        "title": video.about.title,
        "author": video.about.author,
        "licence": video.about.licence,
        "provenance": dict(video.about.provenance),
        "name": video.name,
        "field": to_json(replace(config, codes="embedding", encoder_views=())),
        "render": to_json(video.render),
        "bake": to_json(video.bake),
        "fps": video.fps,
        "frames": list(video.frames),
        "cameras": [camera_to_json(camera) for camera in video.cameras],
        "train_views": list(video.train_views),
        "test_views": list(video.test_views),
        "path_views": list(video.path_views),
        "transform": list(video.transform),
        "viewer_box": list(video.viewer_box),
    }


class Facts(NamedTuple):
    """facts: BakedVideo's fields but for its segments and boxes. config: of the field."""

    config: FieldConfig
    facts: dict[str, Any]


def facts_from_json(path: Path, header: Mapping[str, Any]) -> Facts:
    """What a header says, checked. Raises InputError for configurations, and ValueError, KeyError, TypeError and
    OverflowError for anything else that is missing or cannot be."""
    config = from_json(FieldConfig, header["field"], f"{path}: field")
    bake = from_json(BakeConfig, header["bake"], f"{path}: bake")
    render = from_json(RenderConfig, header["render"], f"{path}: render")
    frames = whole_numbers(header, "frames", MAX_FRAMES, 2**53)
    cameras = tuple(camera_from_json(camera) for camera in header["cameras"])
    if len(cameras) > MAX_VIEWS:
        raise ValueError(f"{len(cameras)} cameras")
    views = tuple(
        whole_numbers(header, key, MAX_VIEWS, MAX_VIEWS) for key in ("train_views", "test_views", "path_views")
    )
    transform = CaptureConfig(transform=header["transform"]).transform
    scale, dx, dy, dz = (float(value) for value in header.get("viewer_box", (1, 0, 0, 0)))
    fps, name = CaptureConfig(fps=header["fps"]).fps, header["name"]
    if not isinstance(name, str):
        raise TypeError(f"name is {type(name).__name__}, expected text")
    if not frames:
        raise ValueError("no frames")
    if large := [camera for camera in cameras if camera.width * camera.height > MAX_PIXELS]:
        raise ValueError(f"camera of {large[0].width} x {large[0].height} pixels, expected {MAX_PIXELS} at most")
    if not (0 < scale < math.inf and all(map(math.isfinite, (dx, dy, dz)))):
        raise ValueError(f"viewer_box {(scale, dx, dy, dz)}")
    if lost := [view for view in (*views[0], *views[1]) if view >= len(cameras)]:
        raise ValueError(f"view {lost[0]} of {len(cameras)} cameras")
    if config.codes != "embedding":
        raise ValueError("field.codes = encoder, but a baked field keeps its codes")
    return Facts(
        config,
        {
            "render": render, "bake": bake, "fps": fps, "frames": frames, "cameras": cameras, "train_views": views[0],
            "test_views": views[1], "name": name, "path_views": views[2], "transform": transform,
            "viewer_box": (scale, dx, dy, dz), "about": about_from_json(header),
        },
    )  # fmt: skip


def about_from_json(header: Mapping[str, Any]) -> About:
    """What people are told; older files tell nothing. Raises TypeError and ValueError."""
    texts = [header.get(key, "") for key in ("title", "author", "licence")]
    if wrong := [text for text in texts if not isinstance(text, str) or len(text) > MAX_TEXT]:
        raise ValueError(f"title, author or licence is {str(wrong[0])[:40]!r}, expected a text")
    if not isinstance(provenance := header.get("provenance", {}), dict):
        raise TypeError("provenance is no mapping")
    return About(texts[0], texts[1], texts[2], provenance)


def whole_numbers(header: Mapping[str, Any], key: str, most: int, below: int) -> tuple[int, ...]:
    """A list of at most `most` whole numbers from 0 to less than `below`. Raises ValueError."""
    values = header[key]
    if not isinstance(values, list) or len(values) > most:
        raise ValueError(f"{key} is no list of at most {most} numbers")
    if wrong := [value for value in values if type(value) is not int or not 0 <= value < below]:
        raise ValueError(f"{key} holds {str(wrong[0])[:40]}, expected whole numbers from 0 to {below - 1}")
    return tuple(values)


def check_boxes(path: Path, boxes: Tensor) -> None:
    """Raises InputError for boxes [frames, 2, 3] whose corners are in the wrong order or that no scene has, metres."""
    if not (boxes[:, 0] < boxes[:, 1]).all() or not boxes.abs().max() <= MAX_DISTANCE:
        raise InputError(
            f"{path}: boxes that cannot be: expected minimum below maximum, within {MAX_DISTANCE:g} m of the origin"
        )
