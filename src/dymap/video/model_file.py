"""A baked video in one file: safetensors with a JSON header.

Tensors: the field's parameters, `codes.weight` [frames, code], `boxes` [frames, 2, 3], `occupancy` (packed bits of
bool [frames, gx, gy, gz]). Header, JSON under the key `dymap-video`: configuration, fps, frame numbers, cameras, name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dymap.config import BakeConfig, CaptureConfig, FieldConfig, RenderConfig, from_json, to_json
from dymap.errors import InputError
from dymap.field.field import Field
from dymap.files import check_header, check_regular, check_tensors, replacing, sealed
from dymap.geometry.camera import Camera
from dymap.mapped import private_copy
from dymap.video.clip import BakedVideo, one_segment

FORMAT = "dymap-video"
VERSION = 1
SUFFIX = ".dymap"
MIN_FOCAL = 1e-3
"""Pixels."""
MAX_HEADER = 16 * 2**20
MAX_VIEWS, MAX_FRAMES = 4096, 200_000
MAX_PIXELS = 2**26
"""Of a camera of a video: an image of it takes a gigabyte."""
MAX_DISTANCE = 1e6
"""Metres that a scene may lie from the origin."""
TYPES = {torch.float32: ("F32", "F16"), torch.uint8: ("U8",)}
"""Names that safetensors gives to the types in which a video's tensors may be stored."""


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
    return camera


def check_focal_lengths(camera: Camera) -> None:
    """Raise ValueError for focal lengths that would be 0 in a smaller image."""
    if (focal := min(camera.K[0, 0], camera.K[1, 1])) < MIN_FOCAL:
        raise ValueError(
            f"camera {camera.name[:40]!r}: focal length of {focal:g} pixels, expected {MIN_FOCAL:g} or more"
        )


def save_video(path: Path, video: BakedVideo, half: bool = False) -> None:
    """Write the file, beside and renamed. Raises InputError if the disk refuses.

    video: of one segment. half: store all parameters but the boxes as float16 (rounded to 11 bits), at half the size;
    InputError if one is too large for that.
    """
    header = {
        "format": FORMAT,
        "version": VERSION,
        "name": video.name,
        "field": to_json(replace(video.field.config, codes="embedding", encoder_views=())),
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
    tensors = {name: value.detach().cpu().contiguous() for name, value in video.field.state_dict().items()}
    if half:
        tensors = {name: value if name == "boxes" else value.half() for name, value in tensors.items()}
        if lost := [name for name, value in tensors.items() if not value.isfinite().all()]:
            raise InputError(f"{path}: {lost[0]} holds values beyond 65504, too large for --half")
    tensors["occupancy"] = torch.from_numpy(np.packbits(video.occupancy.cpu().numpy()))
    with replacing(path) as partial:
        try:
            save_file(tensors, partial, {FORMAT: sealed(header, tensors)})
        except SafetensorError as error:
            raise OSError(str(error)) from error


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header of a baked file. Raises InputError if it is none."""
    try:
        check_regular(path)
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(FORMAT)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (SafetensorError, OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError(f"{path}: not a complete dymap video ({error})") from None
    if text is None:
        raise InputError(f"{path}: a safetensors file, but not a dymap video")
    if len(text) > MAX_HEADER:
        raise InputError(f"{path}: damaged header ({len(text)} characters)")
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: damaged header ({error})") from None
    if not isinstance(header, dict):
        raise InputError(f"{path}: damaged header (expected a mapping, found {type(header).__name__})")
    if header.get("version") != VERSION:
        raise InputError(f"{path}: version {header.get('version')} of the file format; this dymap reads {VERSION}")
    check_header(path, header)
    return header


def load_video(path: Path, device: torch.device | str = "cpu") -> BakedVideo:
    """Read a baked file. Nothing in it is executed; every tensor's shape is checked against the header first.

    Raises InputError that names what is wrong.
    """
    header = read_header(path)
    try:
        config = from_json(FieldConfig, header["field"], f"{path}: field")
        bake = from_json(BakeConfig, header["bake"], f"{path}: bake")
        render = from_json(RenderConfig, header["render"], f"{path}: render")
        frames = _numbers(header, "frames", MAX_FRAMES, 2**53)
        cameras = tuple(camera_from_json(camera) for camera in header["cameras"])
        if len(cameras) > MAX_VIEWS:
            raise ValueError(f"{len(cameras)} cameras")
        views = tuple(
            _numbers(header, key, MAX_VIEWS, MAX_VIEWS) for key in ("train_views", "test_views", "path_views")
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
        with torch.device("meta"):
            field = Field(config, torch.zeros(len(frames), 2, 3))
            voxels = len(frames) * math.prod(bake.grid)
            packed = torch.empty((voxels + 7) // 8, dtype=torch.uint8)
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]  # torch adds a trace to its own
        raise InputError(f"{path}: damaged header ({reason})") from None
    tensors = read_tensors(path, field.state_dict() | {"occupancy": packed}, header, device)
    check_boxes(path, tensors["boxes"])
    bits = np.unpackbits(tensors.pop("occupancy").cpu().numpy(), count=voxels)
    occupancy = torch.from_numpy(bits.reshape(len(frames), *bake.grid).view(bool)).to(device)
    field.load_state_dict(tensors, assign=True)
    field.requires_grad_(False).eval()
    return one_segment(
        field, occupancy, render, bake, fps, frames, cameras, views[0], views[1], name, views[2], transform,
        (scale, dx, dy, dz),
    )  # fmt: skip


def _numbers(header: Mapping[str, Any], key: str, most: int, below: int) -> tuple[int, ...]:
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


def read_tensors(
    path: Path, expected: Mapping[str, Tensor], header: dict[str, Any], device: torch.device | str = "cpu"
) -> dict[str, Tensor]:
    """The tensors `expected` names, each of the expected one's shape and type (all is checked before any is read).

    What is stored in half precision becomes float32.

    Raises InputError for what is missing or differs, also from the checksums in the header, and is not finite.
    """
    with private_copy(path) as copy, safe_open(copy, "pt") as file:
        held = set(file.keys())
        if missing := sorted(set(expected) - held):
            raise InputError(f"{path}: tensor {missing[0]!r} is missing")
        for key, like in expected.items():
            part = file.get_slice(key)
            if (shape := tuple(part.get_shape())) != tuple(like.shape):
                raise InputError(f"{path}: tensor {key!r} has shape {shape}, expected {tuple(like.shape)}")
            if part.get_dtype() not in TYPES[like.dtype]:
                kinds = " or ".join(TYPES[like.dtype])
                raise InputError(f"{path}: tensor {key!r} holds {part.get_dtype()}, expected {kinds}")
        tensors = {key: file.get_tensor(key) for key in expected}
        check_tensors(path, header, tensors)
    for key, value in tensors.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise InputError(f"{path}: tensor {key!r} holds values that are not finite; the file is damaged")
    return {key: tensors[key].to(device, like.dtype) for key, like in expected.items()}
