"""A trained run's field as it is baked: with codes of its own, and its occupancy grids, inside the hull."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dymap.bake.bake import bake_grids
from dymap.capture import Capture
from dymap.config import Config
from dymap.errors import InputError
from dymap.field.codes import ImageEncoder
from dymap.field.field import Field
from dymap.runs.bars import Bars
from dymap.runs.captures import open_prepared
from dymap.runs.folder import RunFolder, RunRecord
from dymap.train.checkpoint import read_newest
from dymap.train.codes import mean_code


@dataclass(frozen=True, eq=False)
class BakedField:
    """A field with codes of its own. occupancy: [frames, gx, gy, gz] bool. step: that it was trained for. coarseness:
    of rounding that it was trained for (train/rate.py), or None."""

    field: Field
    occupancy: Tensor
    step: int
    coarseness: float | None


def bake_field(
    folder: RunFolder, capture: Capture | None, frames: int | None, where: torch.device, progress: Bars
) -> BakedField:
    """Bake the newest checkpoint of a run.

    capture: None if the bake needs no images. frames: of the capture, None: it is not there.
    """
    record = folder.read()
    config = record.config
    checkpoint = read_newest(folder.checkpoints)
    assert checkpoint
    field = Field(config.field, torch.zeros(checkpoint.frames if frames is None else frames, 2, 3)).to(where)
    step = checkpoint.restore(field)
    if isinstance(field.codes, ImageEncoder):
        if capture is None:
            raise InputError(f"{folder.root}: its codes come from images; say where its capture is: --data DIR")
        field = field.with_codes(encode(field, capture, progress))
    with progress("bake") as update:
        occupancy = bake_grids(field, config.bake, update, hull_of(capture, record, where))
    return BakedField(field, occupancy, step, checkpoint.coarseness)


def open_if_needed(place: Path | None, config: Config, progress: Bars) -> Capture | None:
    """The run's capture, if the bake looks at its images and the run has one."""
    if place is None or not (config.train.hull_samples or config.field.codes == "encoder"):
        return None
    return open_prepared(place, config.capture, progress)


def encode(field: Field, capture: Capture, progress: Bars) -> Tensor:
    """[frames, code_dim] the image encoder's mean code of every frame."""
    codes = []
    with progress("encode") as update:
        for frame in range(len(capture.frames)):
            code = mean_code(field, capture, frame)
            assert code is not None
            codes.append(code)
            update(frame + 1, len(capture.frames))
    return torch.stack(codes)


def hull_of(capture: Capture | None, record: RunRecord, device: torch.device) -> Callable[[int], Tensor] | None:
    """frame -> the visual hull that the field was trained inside, or None if there was none."""
    train = record.config.train
    if capture is None or not train.hull_samples:
        return None
    return lambda frame: torch.from_numpy(capture.hull(frame, train.hull_grid)).to(device)
