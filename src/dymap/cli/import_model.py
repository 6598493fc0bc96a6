"""dymap import-model: from a released model to a run of ours."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro

from dymap.capture import Source, read_source
from dymap.capture.boxes import source_boxes
from dymap.capture.capture import split_views
from dymap.capture.images import prepared_camera
from dymap.cli.console import console
from dymap.cli.train import configure
from dymap.config import Config
from dymap.errors import InputError
from dymap.field.codes import ImageEncoder
from dymap.field.field import Field
from dymap.presets import preset as find_preset
from dymap.train.checkpoint import checkpoints, save_checkpoint
from dymap.train.optimiser import make_optimiser
from dymap.train.run import RunFolder
from dymap.video.model_file import BakedVideo, save_video
from dymap.video.released import Released, read_released


def import_model(
    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="latest.pth or final.pth.")],
    preset: Annotated[str, tyro.conf.arg(help="Its experiment, such as zjumocap/313.")],
    out: Annotated[Path, tyro.conf.arg(help="Folder of the run to make.")],
    data: Annotated[Path | None, tyro.conf.arg(help="The capture it was trained on.")] = None,
    boxes: Annotated[Path | None, tyro.conf.arg(help="Without --data: .npy [frames, 2, 3] boxes, metres.")] = None,
    set: Annotated[tuple[str, ...], tyro.conf.arg(help="Any other option, as field.map_size=16.")] = (),
) -> int:
    """Import a released model: then evaluate, render and everything else work as for our own runs."""
    config = configure(find_preset(preset), {}, set)
    source = None
    if data is not None:
        source = read_source(data, config.capture)
        bounds = source_boxes(source, config.capture)
    elif boxes is not None:
        bounds = read_boxes(boxes)
    else:
        raise InputError("the file does not say where the scene is: give the capture (--data) or its boxes (--boxes)")
    released = read_released(model, config, len(bounds))
    run = RunFolder(out)
    if run.exists() and (run.model.exists() or checkpoints(run.checkpoints)):
        raise InputError(f"{out}: holds a run already; choose another --out")
    run.create(config, data, preset)
    baked = released.occupancy is not None
    with torch.device("meta"):
        field = Field(config.field, torch.zeros(bounds.shape))
        if baked:
            field = field.with_codes(torch.zeros(len(bounds), config.field.code_dim))
    field.load_state_dict(released.parameters | {"boxes": torch.from_numpy(bounds)}, assign=True)
    if baked:
        save_video(run.model, to_video(field, released, config, source, model.stem))
        following = f"dymap evaluate {out}" if source else f"dymap info {out}"
    else:
        save_checkpoint(run.checkpoints, released.step, field, make_optimiser(field, config), 1)
        following = f"dymap bake {out}" if source or not isinstance(field.codes, ImageEncoder) else "import with --data"
    console.print(f"{model}: {'baked' if baked else 'trained'} model, epoch {released.epoch}; next: {following}")
    return 0


def read_boxes(path: Path) -> np.ndarray:
    """[frames, 2, 3] float32 from an .npy file. Raises InputError."""
    try:
        content = np.load(path, allow_pickle=False)
        if not isinstance(content, np.ndarray):
            raise ValueError("an archive of several files")
        boxes = content.astype(np.float32)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not an array of boxes ({error})") from None
    if boxes.ndim != 3 or boxes.shape[1:] != (2, 3) or not (boxes[:, 0] < boxes[:, 1]).all():
        raise InputError(f"{path}: expected boxes [frames, 2, 3] with minimum below maximum, found {boxes.shape}")
    return boxes


def to_video(field: Field, released: Released, config: Config, source: Source | None, name: str) -> BakedVideo:
    """The baked video of an imported model; without a capture it has no cameras."""
    assert released.occupancy is not None
    frames = source.frames if source else tuple(range(field.num_frames))
    cameras = tuple(prepared_camera(camera, config.capture) for camera in source.cameras) if source else ()
    train_views, test_views = split_views(len(cameras), config.capture) if source else ((), ())
    return BakedVideo(
        field, released.occupancy, config.render, config.bake, config.capture.fps, frames, cameras, train_views,
        test_views, source.root.name if source else name, config.capture.path_views, config.capture.transform,
        config.capture.viewer_box,
    )  # fmt: skip
