"""`dymap.runs.bake`: from a trained field to one file that plays.

newest checkpoint -> field (with codes of its own) -> occupancy grids, inside the hull -> video file -> Baked
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dymap.capture import Capture, read_source
from dymap.config import EngineName
from dymap.errors import InputError
from dymap.files import check_no_folder
from dymap.runs.baked import baked_video
from dymap.runs.baking_field import bake_field, open_if_needed
from dymap.runs.baking_segments import bake_clip, check_all_trained, refuse_exact
from dymap.runs.bars import Bars, no_bars
from dymap.runs.captures import find_capture
from dymap.runs.coarseness import coarseness_of
from dymap.runs.commands import command
from dymap.runs.engines import open_engine
from dymap.runs.folder import RunFolder
from dymap.runs.hulls import carve_hulls
from dymap.runs.packing import about_training, with_poster
from dymap.runs.process import pick_device
from dymap.runs.segments import begun_segments
from dymap.train.checkpoint import checkpoints
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
    engine: EngineName = "pool",
    address: str | None = None,
    device: str = "auto",
    threads: int = 0,
    capture: Capture | None = None,
    progress: Bars = no_bars,
) -> Baked:
    """Bake a trained run into one file: parameters, codes, boxes, cameras and occupancy grids.

    out: the file, default the run's own. data: where the run's capture is now, if it was moved. exact: every number as
    it was trained, in a file of version 1 that is twenty times as large, as it always is of runs with the published
    recipe, whose numbers are those of the method; half: the same in 16 bits. engine, address: who bakes the segments
    of a long clip, as of `train`; a clip of one field is baked by this process. device, threads: as of `train`.
    capture: the run's, if it is open already. Raises InputError for a folder in which nothing was trained, and for
    another capture than the run's.
    """
    if out is not None:
        check_no_folder(Path(out))  # before minutes of work, not after
    where = pick_device(device, threads)
    folder = RunFolder(Path(run))
    record = folder.read()
    config = record.config
    segments = begun_segments(folder)
    if segments:
        check_all_trained(folder, segments)
        refuse_exact(folder, exact or half)
    elif not checkpoints(folder.checkpoints):
        raise InputError(f"{folder.root}: nothing trained yet; run `dymap train` first")
    place = find_capture(folder, data) if data is not None or record.source else None
    capture = capture or open_if_needed(place, config, progress)
    source = capture.source if capture else read_source(place, config.capture) if place else None
    path = Path(out) if out is not None else folder.model
    if capture is not None:
        carve_hulls(capture, config.train, progress)
    measurable = len(config.capture.test_views) if source else 0
    if segments:
        assert source
        assert place
        with open_engine(engine, address, device, threads) as runner:
            step, occupied = bake_clip(folder, path, place, source, segments, runner, progress)
        return Baked(folder.root, path, len(source.frames), step, occupied, measurable)
    made = bake_field(folder, capture, len(source.frames) if source else None, where, progress)
    about = about_training(record.preset, made.step, config.train.seed)
    video = baked_video(made.field, made.occupancy, config, source, folder.root.resolve().name, about)
    if exact or half or not config.train.quick_start:
        save_video(path, video, half)
    else:
        save_packed(path, with_poster(video), coarseness_of(video, [made.coarseness]))
    return Baked(folder.root, path, made.field.num_frames, made.step, float(made.occupancy.float().mean()), measurable)
