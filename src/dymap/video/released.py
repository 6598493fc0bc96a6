"""Released models, `latest.pth` and `final.pth`, read without executing anything in them (method.md 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dymap.config import Config
from dymap.errors import InputError
from dymap.field.field import Field
from dymap.files import read_torch

MAX_BYTES = 4 * 2**30

# (pattern of released names, ours)
_RULES = (
    (r"hashtable_(xyt|xzt|yzt)\.embeddings", r"hash.\1"),
    (r"latent_vectors\.weight", "codes.weight"),
    (r"latent_vectors\.down1\.0\.(\d+)\.", r"codes.down.\1."),
    (r"latent_vectors\.down2\.", "codes.mix."),
    (r"latent_vectors\.(mu|logstd)\.", r"codes.\1."),
    (r"plane_decoder\.backbone\.0\.", "decoder.code."),
    (r"plane_decoder\.feat_conv\.", "decoder.features."),
    (r"plane_decoder\.density_conv\.", "decoder.density."),
    (r"plane_decoder\.kn_backbone\.", "decoder.trunk."),
    (r"plane_decoder\.kn_([xyz])_conv\.", r"decoder.map_\1."),
)
# Stored by the published implementation but derived from others, or copies.
_REDUNDANT = (r"hashtable_\w+\.offsets", r"latent_vectors\.down1\.[1-9]\d*\.")


def our_key(released: str) -> str | None:
    """Our name of a released parameter; None for those that hold nothing of their own. KeyError if unknown."""
    if any(re.match(pattern, released) for pattern in _REDUNDANT):
        return None
    if match := re.fullmatch(r"plane_decoder\.backbone\.(\d+)\.(weight|bias)", released):
        number = int(match[1])
        # backbone.1 is the reshape: the upsampling layers count from 2.
        return f"decoder.code.{match[2]}" if number == 0 else f"decoder.up.{number - 2}.{match[2]}"
    for pattern, ours in _RULES:
        if re.match(pattern, released):
            return re.sub(pattern, ours, released)
    raise KeyError(released)


def from_released(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Parameters under released names -> the same tensors under ours."""
    return {ours: value for key, value in state.items() if (ours := our_key(key)) is not None}


@dataclass(frozen=True, eq=False)
class Released:
    """What a released file holds, checked against a configuration.

    parameters: under our names; for a baked file `codes.weight` holds the stored codes. occupancy:
    [frames, gx, gy, gz] bool, or None for `latest.pth`. step, epoch: how long it was trained, if it says so.
    """

    parameters: dict[str, Tensor]
    occupancy: Tensor | None
    step: int
    epoch: int


def read_released(path: Path, config: Config, frames: int) -> Released:
    """Read `latest.pth` or `final.pth` and check every shape against the configuration and number of frames.

    Names with the prefix `module.`, storages tagged for a GPU and numpy scalars beside the network are accepted.
    Raises InputError that names what differs, is missing or unknown, or what a malicious file asked for.
    """
    content = read_torch(path, MAX_BYTES, _numpy_scalars())
    net = content.get("net") if isinstance(content, dict) else None
    if not isinstance(net, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in net.items()):
        raise InputError(f"{path}: expected a dictionary with the network under 'net'")
    net = {key.removeprefix("module."): value for key, value in net.items()}
    occupancy, encodings = net.pop("occupancy_grids", None), net.pop("encodings", None)
    baked = occupancy is not None
    if baked != (encodings is not None):
        raise InputError(f"{path}: holds {'occupancy_grids' if baked else 'encodings'} but not the other of the two")
    try:
        found = from_released(net)
    except KeyError as error:
        raise InputError(f"{path}: unknown parameter {error.args[0]!r}") from None
    with torch.device("meta"):
        field = Field(config.field, torch.zeros(frames, 2, 3))
    expected = {key: tuple(value.shape) for key, value in field.state_dict().items() if key != "boxes"}
    if baked:
        expected = {key: shape for key, shape in expected.items() if not key.startswith("codes.")}
        expected["codes.weight"] = (frames, config.field.code_dim)
        found["codes.weight"] = encodings
        _check_shape(path, "occupancy_grids", occupancy, (frames, *config.bake.grid))
    for key, shape in expected.items():
        if key not in found:
            raise InputError(f"{path}: parameter {key!r} is missing; is the preset the right one?")
        _check_shape(path, key, found[key], shape)
    if extra := sorted(set(found) - set(expected)):
        raise InputError(f"{path}: parameter {extra[0]!r} has no place in this preset")
    values = {key: _real(path, key, found[key]) for key in expected}
    grids = None if occupancy is None else _real(path, "occupancy_grids", occupancy).bool()
    recorder = content.get("recorder")
    step = recorder.get("step") if isinstance(recorder, dict) else 0
    return Released(values, grids, _count(step), _count(content.get("epoch")))


def _check_shape(path: Path, key: str, value: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(value.shape) != tuple(shape):
        raise InputError(f"{path}: {key} has shape {tuple(value.shape)}, the preset expects {tuple(shape)}")


def _real(path: Path, key: str, value: Tensor) -> Tensor:
    """The values as float32; they must be real, finite numbers."""
    if value.layout is not torch.strided or value.is_complex() or value.is_quantized:
        raise InputError(f"{path}: {key} is no plain array of real numbers ({value.dtype}, {value.layout})")
    value = value.to(torch.float32)
    if not value.isfinite().all():
        raise InputError(f"{path}: {key} holds values that are not finite; the file is damaged")
    return value


def _count(value: Any) -> int:
    """A step or epoch; 0 if the file does not say: it is only shown."""
    return max(int(value), 0) if isinstance(value, int | np.integer) else 0


def _numpy_scalars() -> list[Any]:
    """What a pickled numpy number is made of; recorders and schedulers hold such."""
    scalar = np.float64(0).__reduce__()[0]
    kinds = [type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64, np.int32, np.bool_)]
    # Older numpy wrote the same function under its former module name.
    return [scalar, (scalar, "numpy.core.multiarray.scalar"), np.dtype, *kinds]
