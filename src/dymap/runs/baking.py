"""`dymap.runs.bake`: from a trained field to one file that plays.

newest checkpoint -> field (with codes of its own) -> occupancy grids, inside the hull -> video file -> Baked
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dymap.bake.bake import bake_grids
from dymap.capture import Capture, read_source
from dymap.config import Config
from dymap.errors import InputError
from dymap.field.codes import ImageEncoder
from dymap.field.field import Field
from dymap.files import check_no_folder
from dymap.runs.baked import baked_video
from dymap.runs.bars import Bars, no_bars
from dymap.runs.captures import find_capture, open_prepared
from dymap.runs.coarseness import standard_coarseness
from dymap.runs.commands import command
from dymap.runs.folder import RunFolder, RunRecord
from dymap.runs.hulls import carve_hulls
from dymap.runs.packing import about_training, with_poster
from dymap.runs.process import pick_device
from dymap.train.checkpoint import read_newest
from dymap.train.codes import mean_code
from dymap.video.model_file import save_video
from dymap.video.packing import save_packed


@dataclass(frozen=True)
class Baked:
    """What a bake left. path: the file. step: of the checkpoint. occupied: share of the voxels. test_views: how many
    views can be measured."""

    run: Path
    path: Path
    frames: int
    step: int
    occupied: float
    test_views: int

    @property
    def following(self) -> list[str]:
        """The commands that come next: what can be measured is measured."""
        if self.path != RunFolder(self.run).model:  # only the run's own file is measured
            return [command("render", self.path)]
        return [*([command("evaluate", self.run)] if self.test_views else []), command("render", self.run)]


def bake(
    run: str | Path,
    out: str | Path | None = None,
    *,
    data: str | Path | None = None,
    exact: bool = False,
    half: bool = False,
    device: str = "auto",
    threads: int = 0,
    capture: Capture | None = None,
    progress: Bars = no_bars,
) -> Baked:
    """Bake a trained run into one file: parameters, codes, boxes, cameras and occupancy grids.

    out: the file, default the run's own. data: where the run's capture is now, if it was moved. exact: every number as
    it was trained, in a file of version 1 that is twenty times as large; half: the same in 16 bits. device, threads: as
    of `train`. capture: the run's, if it is open already. Raises InputError for a folder in which nothing was trained,
    and for another capture than the run's.
    """
    if out is not None:
        check_no_folder(Path(out))  # before minutes of work, not after
    where = pick_device(device, threads)
    folder = RunFolder(Path(run))
    record = folder.read()
    config = record.config
    if (checkpoint := read_newest(folder.checkpoints)) is None:
        raise InputError(f"{folder.root}: nothing trained yet; run `dymap train` first")
    place = find_capture(folder, data) if data is not None or record.source else None
    capture = capture or open_if_needed(place, config, progress)
    source = capture.source if capture else read_source(place, config.capture) if place else None
    frames = len(source.frames) if source else checkpoint.frames
    field = Field(config.field, torch.zeros(frames, 2, 3)).to(where)
    step = checkpoint.restore(field)
    if isinstance(field.codes, ImageEncoder):
        if capture is None:
            raise InputError(f"{folder.root}: its codes come from images; say where its capture is: --data DIR")
        field = field.with_codes(encode(field, capture, progress))
    if capture is not None:
        carve_hulls(capture, config.train, progress)
    with progress("bake") as update:
        occupancy = bake_grids(field, config.bake, update, hull_of(capture, record, where))
    path = Path(out) if out is not None else folder.model
    about = about_training(record.preset, step, config.train.seed)
    video = baked_video(field, occupancy, config, source, folder.root.resolve().name, about)
    if exact or half:
        save_video(path, video, half)
    else:
        save_packed(path, with_poster(video), standard_coarseness(video))
    measurable = len(config.capture.test_views) if source else 0
    return Baked(folder.root, path, frames, step, float(occupancy.float().mean()), measurable)


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
