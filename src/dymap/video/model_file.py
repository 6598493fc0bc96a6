"""Files of a baked video. Version 1, exact: safetensors with a JSON header. Version 2, small: see packed.py.

Tensors of version 1: the field's parameters, `codes.weight` [frames, code], `boxes` [frames, 2, 3], `occupancy`
(packed bits of bool [frames, gx, gy, gz]). Header, JSON under the key `dymap-video`: configuration, fps, frame numbers,
cameras, name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dymap.errors import InputError
from dymap.field.field import Field
from dymap.files import check_header, check_regular, check_tensors, replacing, sealed
from dymap.mapped import private_copy
from dymap.video.clip import BakedVideo, one_segment
from dymap.video.container import has_magic
from dymap.video.facts import check_boxes, facts_from_json, facts_to_json
from dymap.video.packed import open_packed

FORMAT = "dymap-video"
VERSION = 1
SUFFIX = ".dymap"
MAX_HEADER = 16 * 2**20
TYPES = {torch.float32: ("F32", "F16"), torch.uint8: ("U8",)}
"""Names that safetensors gives to the types in which a video's tensors may be stored."""


def save_video(path: Path, video: BakedVideo, half: bool = False) -> None:
    """Write the file, beside and renamed. Raises InputError if the disk refuses.

    video: of one segment. half: store all parameters but the boxes as float16 (rounded to 11 bits), at half the size;
    InputError if one is too large for that.
    """
    header = {
        "format": FORMAT,
        "version": VERSION,
        **facts_to_json(video),
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
    """Read a baked file of version 1, or open one of version 2, whose segments are read when they are needed.

    Nothing in it is executed; everything is checked against the header first. Raises InputError that names what is
    wrong, also when a segment is read.
    """
    return open_packed(path, device) if has_magic(path) else load_exact(path, device)


def load_exact(path: Path, device: torch.device | str = "cpu") -> BakedVideo:
    """Read a file of version 1; every tensor's shape is checked against the header first."""
    header = read_header(path)
    try:
        config, facts = facts_from_json(path, header)
        frames, grid = len(facts["frames"]), facts["bake"].grid
        with torch.device("meta"):
            field = Field(config, torch.zeros(frames, 2, 3))
            voxels = frames * math.prod(grid)
            packed = torch.empty((voxels + 7) // 8, dtype=torch.uint8)
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]  # torch adds a trace to its own
        raise InputError(f"{path}: damaged header ({reason})") from None
    tensors = read_tensors(path, field.state_dict() | {"occupancy": packed}, header, device)
    check_boxes(path, tensors["boxes"])
    bits = np.unpackbits(tensors.pop("occupancy").cpu().numpy(), count=voxels)
    occupancy = torch.from_numpy(bits.reshape(frames, *grid).view(bool)).to(device)
    field.load_state_dict(tensors, assign=True)
    field.requires_grad_(False).eval()
    return one_segment(field, occupancy, **facts)


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
