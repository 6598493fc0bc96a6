"""`dymap.runs.import_model`: from a released model to a run of ours.

file, and the capture's boxes -> field -> a checkpoint to bake, or a baked video -> Imported
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dymap.capture import read_source
from dymap.capture.boxes import source_boxes
from dymap.config import Config
from dymap.errors import InputError
from dymap.field.codes import ImageEncoder
from dymap.field.field import Field
from dymap.files import read_array
from dymap.presets import preset as find_preset
from dymap.runs.baked import baked_video
from dymap.runs.captures import remember
from dymap.runs.configuration import configure
from dymap.runs.folder import RunFolder
from dymap.train.checkpoint import checkpoints, save_checkpoint
from dymap.train.optimiser import make_optimiser
from dymap.video.model_file import save_video
from dymap.video.released import read_released

MAX_BYTES = 2**28
"""Of a file of boxes."""


@dataclass(frozen=True)
class Imported:
    """What an import left. baked: the file held a baked model. has_capture: the run knows its capture.

    can_bake: what is not baked yet can be; an image encoder needs the capture's images for that.
    """

    run: Path
    baked: bool
    epoch: int
    has_capture: bool
    can_bake: bool


def import_model(
    model: str | Path,
    out: str | Path,
    *,
    preset: str,
    data: str | Path | None = None,
    boxes: str | Path | None = None,
    config: Config | None = None,
    options: Mapping[str, Any] | None = None,
) -> Imported:
    """Import `latest.pth` or `final.pth`: then evaluate, film and everything else work as for our own runs.

    preset: its experiment, such as zjumocap/313. out: folder of the run to make. data: the capture it was trained on,
    or boxes: .npy [frames, 2, 3], metres. config: all options, default the preset's; options: dotted key -> value, on
    top. Raises InputError for a file that does not fit the configuration, and for a folder that holds a run.
    """
    model, out = Path(model), Path(out)
    config = configure(config or find_preset(preset), options or {})
    source = None
    if data is not None:
        source = read_source(data, config.capture)
        bounds = source_boxes(source, config.capture)
    elif boxes is not None:
        bounds = read_boxes(Path(boxes))
    else:
        raise InputError("the file does not say where the scene is: give the capture (--data) or its boxes (--boxes)")
    released = read_released(model, config, len(bounds))
    run = RunFolder(out)
    if run.exists() and (run.model.exists() or checkpoints(run.checkpoints)):
        raise InputError(f"{out}: holds a run already; choose another --out")
    run.create(config, None if data is None else Path(data), preset)
    if source:
        remember(run, source, config.capture)
    with torch.device("meta"):
        field = Field(config.field, torch.zeros(bounds.shape))
        if released.occupancy is not None:
            field = field.with_codes(torch.zeros(len(bounds), config.field.code_dim))
    field.load_state_dict(released.parameters | {"boxes": torch.from_numpy(bounds)}, assign=True)
    if released.occupancy is not None:
        save_video(run.model, baked_video(field, released.occupancy, config, source, model.stem))
    else:
        save_checkpoint(run.checkpoints, released.step, field, make_optimiser(field, config), 1)
    can_bake = source is not None or not isinstance(field.codes, ImageEncoder)
    return Imported(out, released.occupancy is not None, released.epoch, source is not None, can_bake)


def read_boxes(path: Path) -> NDArray[np.float32]:
    """[frames, 2, 3] metres from an .npy file. Raises InputError."""
    try:
        boxes = read_array(path, MAX_BYTES, "boxes [frames, 2, 3]").astype(np.float32)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    if not np.isfinite(boxes).all():
        raise InputError(f"{path}: boxes hold values that are not finite")
    if boxes.ndim != 3 or len(boxes) == 0 or boxes.shape[1:] != (2, 3) or not (boxes[:, 0] < boxes[:, 1]).all():
        raise InputError(f"{path}: expected boxes [frames, 2, 3] with minimum below maximum, found {boxes.shape}")
    return boxes
