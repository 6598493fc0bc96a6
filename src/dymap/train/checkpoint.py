"""Checkpoints: parameters, optimiser state and step in one safetensors file, the newest N kept."""

from __future__ import annotations

import json
import re
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dymap.errors import InputError
from dymap.field.field import Field
from dymap.files import replacing

KEY = "dymap-checkpoint"


def checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """(step, path) of the checkpoints in a folder, oldest first."""
    found = ((re.fullmatch(r"step-(\d+)\.safetensors", path.name), path) for path in folder.glob("step-*.safetensors"))
    return sorted((int(match[1]), path) for match, path in found if match)


def sweep(folder: Path) -> None:
    """Remove what a killed save left behind."""
    for pattern in (".tmp*", ".step-*.partial*"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def save_checkpoint(folder: Path, step: int, field: Field, optimiser: torch.optim.Optimizer, keep: int) -> Path:
    """Write the state after `step` steps and remove all but the newest `keep` files."""
    tensors: dict[str, Tensor] = {f"field.{name}": value for name, value in field.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{name}": value for name, value in state.items()}
    path = folder / f"step-{step:07d}.safetensors"
    with replacing(path) as partial:
        try:
            save_file(
                {k: v.detach().cpu().contiguous() for k, v in tensors.items()},
                partial,
                {KEY: json.dumps({"step": step})},
            )
        except SafetensorError as error:
            raise OSError(str(error)) from error
    for _, old in checkpoints(folder)[: -max(keep, 1)]:
        old.unlink()
    return path


def frames_in(path: Path) -> int:
    """The number of frames of the field in a checkpoint. Raises InputError for a damaged file."""
    try:
        with safe_open(path, "pt") as file:
            return int(file.get_slice("field.boxes").get_shape()[0])
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: damaged checkpoint ({error})") from None


def load_checkpoint(path: Path, field: Field, optimiser: torch.optim.Optimizer | None = None) -> int:
    """Restore field (and optimiser); returns the number of steps done. Raises InputError for a damaged file."""
    try:
        with safe_open(path, "pt") as file:
            step = int(json.loads(file.metadata()[KEY])["step"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        field.load_state_dict({k.removeprefix("field."): v for k, v in tensors.items() if k.startswith("field.")})
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: damaged checkpoint, or of another configuration ({error})") from None
    if optimiser is not None:
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if match := re.fullmatch(r"adam\.(\d+)\.(\w+)", key):
                state.setdefault(int(match[1]), {})[match[2]] = value
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    return step
