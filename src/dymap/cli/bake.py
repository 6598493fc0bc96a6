"""dymap bake: from a trained field to one file that plays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import tyro

from dymap.bake.bake import bake_grids
from dymap.capture import Capture, open_capture, read_source
from dymap.capture.capture import split_views
from dymap.capture.images import prepared_camera
from dymap.cli.console import Device, Threads, console, pick_device, progress_bar
from dymap.config import Config
from dymap.errors import InputError
from dymap.field.codes import ImageEncoder
from dymap.field.field import Field
from dymap.train.batches import BatchSampler
from dymap.train.checkpoint import checkpoints, frames_in, load_checkpoint
from dymap.train.run import RunFolder
from dymap.video.model_file import BakedVideo, save_video


def bake(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of a run.")],
    out: Annotated[Path | None, tyro.conf.arg(help="File to write; default: the run's own.")] = None,
    half: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Store parameters in 16 bits: half the size.")
    ] = False,
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Bake a trained run into one file: parameters, codes, boxes, cameras and occupancy grids."""
    return bake_run(RunFolder(run), pick_device(device, threads), out, half)


def bake_run(
    folder: RunFolder,
    where: torch.device,
    out: Path | None = None,
    half: bool = False,
    capture: Capture | None = None,
) -> int:
    """Bake on a device. capture: the run's, if it is open already."""
    run, record = folder.root, folder.read()
    found = checkpoints(folder.checkpoints)
    if not found:
        raise InputError(f"{run}: nothing trained yet; run `dymap train` first")
    needs_images = record.config.train.hull_samples or record.config.field.codes == "encoder"
    if capture is None and record.source and needs_images:
        with progress_bar("prepare images") as progress:
            capture = open_capture(record.data, record.config.capture, progress)
    source = read_source(record.data, record.config.capture) if record.source else None
    frames = source.frames if source else tuple(range(frames_in(found[-1][1])))
    field = Field(record.config.field, torch.zeros(len(frames), 2, 3)).to(where)
    step = load_checkpoint(found[-1][1], field)
    if isinstance(field.codes, ImageEncoder):
        if capture is None:
            raise InputError(f"{run}: its codes come from images; import it again with --data")
        field = field.with_codes(encode_frames(field, capture, record.config, where))
    hull = (
        BatchSampler(capture, record.config.train, where).hull if capture and record.config.train.hull_samples else None
    )
    with progress_bar("bake") as progress:
        occupancy = bake_grids(field, record.config.bake, progress, hull)
    settings = record.config.capture
    cameras = tuple(prepared_camera(camera, settings) for camera in source.cameras) if source else ()
    train_views, test_views = split_views(len(cameras), settings) if source else ((), ())
    video = BakedVideo(
        field, occupancy, record.config.render, record.config.bake, settings.fps, frames, cameras, train_views,
        test_views, source.root.name if source else folder.root.name, settings.path_views, settings.transform,
        settings.viewer_box,
    )  # fmt: skip
    path = out or folder.model
    save_video(path, video, half)
    console.print(
        f"{path}: {path.stat().st_size / 1e6:.1f} MB, {video.field.num_frames} frames at step {step}, "
        f"{occupancy.float().mean():.1%} of the voxels occupied; next: dymap evaluate {run}, dymap render {run}"
    )
    return 0


@torch.no_grad()
def encode_frames(field: Field, capture: Capture, config: Config, device: torch.device) -> torch.Tensor:
    """[frames, code] the image encoder's mean code of every frame."""
    assert isinstance(field.codes, ImageEncoder)
    codes = []
    with progress_bar("encode") as progress:
        for frame in range(len(capture.frames)):
            images = torch.from_numpy(capture.encoder_images(frame, config.field.encoder_views)).to(device)
            codes.append(field.codes(images[None]).mu[0])
            progress(frame + 1, len(capture.frames))
    return torch.stack(codes)
