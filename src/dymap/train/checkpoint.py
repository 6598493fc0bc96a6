"""Checkpoints: parameters, optimiser state and step in one safetensors file, the newest N kept."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dymap.errors import InputError
from dymap.field.field import Field
from dymap.files import check_header, check_regular, check_tensors, replacing, sealed
from dymap.mapped import private_copy
from dymap.train.colours import ColourMatch
from dymap.train.rate import Rate
from dymap.video.quantise import COARSEST, FINEST

KEY = "dymap-checkpoint"
MOMENTS = {"exp_avg", "exp_avg_sq", "step"}
"""What Adam keeps of a parameter."""
NAME = re.compile(r"step-(\d+)\.safetensors")


def checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """(step, path) of the checkpoints in a folder, oldest first."""
    found = ((NAME.fullmatch(path.name), path) for path in folder.glob("step-*.safetensors"))
    return sorted((int(match[1]), path) for match, path in found if match)


def sweep(folder: Path) -> None:
    """Remove what a killed save of an older dymap left behind."""
    for pattern in (".tmp??????", ".step-*.partial.safetensors"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def save_checkpoint(
    folder: Path,
    step: int,
    field: Field,
    optimiser: torch.optim.Optimizer,
    keep: int,
    colours: ColourMatch | None = None,
    rate: Rate | None = None,
) -> Path:
    """Write the state after `step` steps and remove all but the newest `keep` files."""
    tensors: dict[str, Tensor] = {f"field.{name}": value for name, value in field.state_dict().items()}
    if colours is not None:
        tensors |= {f"colours.{name}": value for name, value in colours.state_dict().items()}
    if rate is not None:
        tensors |= {f"rate.{name}": value for name, value in rate.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{name}": value for name, value in state.items()}
    path = folder / f"step-{step:07d}.safetensors"
    with replacing(path) as partial:
        try:
            # In order, so that the file is the same whether the run was resumed or not.
            tensors = {k: v.detach().cpu().contiguous() for k, v in sorted(tensors.items())}
            save_file(tensors, partial, {KEY: sealed({"step": step}, tensors)})
        except SafetensorError as error:
            raise OSError(str(error)) from error
    # A newer one is a damaged one, in whose place an older one was taken: it gives way when its step is reached.
    for old in [old for number, old in checkpoints(folder) if number <= step][: -max(keep, 1)]:
        old.unlink()
    return path


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a file holds, whole and of finite numbers. tensors: `field.NAME`, `adam.INDEX.NAME`, and with
    `train.colour_match` `colours.change`; with `train.rate` `rate.NAME`. step: steps done."""

    path: Path
    step: int
    tensors: dict[str, Tensor]

    @property
    def frames(self) -> int:
        """The number of frames of its field. Raises InputError if it has none."""
        if (boxes := self.tensors.get("field.boxes")) is None or boxes.ndim != 3:
            raise InputError(f"{self.path}: damaged checkpoint, or of another configuration (no boxes of frames)")
        return len(boxes)

    @property
    def coarseness(self) -> float | None:
        """Of rounding that the field was trained for with `train.rate`; None: for none. Raises InputError."""
        if (found := self.tensors.get("rate.coarseness")) is None:
            return None
        if found.numel() != 1 or not FINEST <= float(found) <= COARSEST:
            raise InputError(f"{self.path}: damaged checkpoint (rate.coarseness)")
        return float(found)

    def restore(
        self,
        field: Field,
        optimiser: torch.optim.Optimizer | None = None,
        colours: ColourMatch | None = None,
        rate: Rate | None = None,
    ) -> int:
        """Give field (and optimiser, colours of the cameras, the rate's part) this state; returns the steps done.

        Raises InputError if it does not fit them.
        """
        parts = {k.removeprefix("field."): v for k, v in self.tensors.items() if k.startswith("field.")}
        try:
            field.load_state_dict(parts)
            held = {k.removeprefix("colours."): v for k, v in self.tensors.items() if k.startswith("colours.")}
            if colours is not None and held:  # an imported model has none yet
                colours.load_state_dict(held)
            known = {k.removeprefix("rate."): v for k, v in self.tensors.items() if k.startswith("rate.")}
            if rate is not None and known:
                rate.load_state_dict(known)
            if optimiser is not None:
                optimiser.load_state_dict(
                    {"state": self._moments(optimiser), "param_groups": optimiser.state_dict()["param_groups"]}
                )
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                f"{self.path}: damaged checkpoint, or of another configuration ({_first(error)})"
            ) from None
        return self.step

    def _moments(self, optimiser: torch.optim.Optimizer) -> dict[int, dict[str, Tensor]]:
        """The optimiser's state by the index of its parameter; ValueError if it does not fit the parameters."""
        parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in self.tensors.items():
            if match := re.fullmatch(r"adam\.(\d+)\.(\w+)", key):
                index = int(match[1])
                if index >= len(parameters) or value.shape not in ((), parameters[index].shape):
                    raise ValueError(f"{key} of shape {tuple(value.shape)} belongs to no parameter")
                state.setdefault(index, {})[match[2]] = value
        for index, held in state.items():
            if held.keys() != MOMENTS:
                raise ValueError(f"adam.{index} holds {', '.join(held)}; expected {', '.join(sorted(MOMENTS))}")
        return state

    def check_boxes(self, boxes: Tensor) -> None:
        """Raises InputError if the field's boxes are not `boxes` [frames, 2, 3] of the capture, to a millimetre."""
        held = self.tensors.get("field.boxes")
        if held is not None and (held.shape != boxes.shape or not torch.allclose(held, boxes.cpu(), rtol=0, atol=1e-3)):
            raise InputError(
                f"{self.path}: its boxes are not those of the capture; was the capture, or how its boxes are made, "
                "changed since the run began?"
            )


def _first(error: Exception) -> str:
    """What differs, of torch's list of it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[1:] or lines or [type(error).__name__])[0]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a file. Raises InputError if it is damaged, or not what its name says."""
    check_regular(path)
    try:
        with private_copy(path) as copy, safe_open(copy, "pt") as file:
            head = json.loads(file.metadata()[KEY])
            check_header(path, head)
            step = head["step"]
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        check_tensors(path, head, tensors)
    except InputError:
        raise
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:  # RecursionError too
        raise InputError(f"{path}: damaged checkpoint ({error})") from None
    if type(step) is not int or step < 0:
        raise InputError(f"{path}: damaged checkpoint (step {str(step)[:40]})")
    if (match := NAME.fullmatch(path.name)) and int(match[1]) != step:
        raise InputError(f"{path}: damaged or renamed checkpoint (it holds step {step})")
    if bad := [key for key, value in tensors.items() if value.is_floating_point() and not value.isfinite().all()]:
        raise InputError(f"{path}: damaged checkpoint ({bad[0]} holds values that are not finite)")
    return Checkpoint(path, step, tensors)


def read_newest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint of a folder that is not damaged, with a warning if there are newer ones; None without any.

    Raises InputError if all are damaged.
    """
    damage: list[InputError] = []
    for _, path in reversed(checkpoints(folder)):
        try:
            found = read_checkpoint(path)
        except InputError as error:
            damage.append(error)
            continue
        if damage:
            warnings.warn(f"{damage[0]}; {path}, an older one, is taken in its place", stacklevel=2)
        return found
    if damage:
        raise damage[0]
    return None


def newest_step(folder: Path) -> int:
    """The step that the newest checkpoint of a folder says it holds, of those whose header is whole; 0 without any.

    Only headers are read: numbers that are damaged show when the checkpoint is loaded.
    """
    for number, path in reversed(checkpoints(folder)):
        try:
            with safe_open(path, "pt") as file:
                head = json.loads(file.metadata()[KEY])
            check_header(path, head)
            if head["step"] == number:
                return number
        except (InputError, SafetensorError, OSError, KeyError, TypeError, ValueError):
            continue
    return 0


def load_checkpoint(path: Path, field: Field, optimiser: torch.optim.Optimizer | None = None) -> int:
    """Restore field (and optimiser); returns the number of steps done. Raises InputError for a damaged file."""
    return read_checkpoint(path).restore(field, optimiser)
