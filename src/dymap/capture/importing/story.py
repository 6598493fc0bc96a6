"""From the videos of several cameras to a capture in the layout of EasyMocap.

which video is which camera's -> when each began -> which pictures belong together -> pictures, masks and sound written
-> intri.yml and extri.yml, which make the folder a capture

    my_capture/
      intri.yml  extri.yml
      images/CAMERA/000000.jpg    000000 is the first moment; a camera that lacks a moment lacks its file
      masks/CAMERA/000000.png     with `masks`
      audio.wav                   of one camera, as long as the capture
      import.json                 what was done: offsets, the time of each frame, what is worth knowing

An import that was interrupted goes on: pictures are written beside and renamed, so that those that are there are whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dymap.capture.calibrations import Sizes, read_calibration
from dymap.capture.importing.cameras import looked_up_by, named_for_folders, written_camera
from dymap.capture.importing.fitting import fitted
from dymap.capture.importing.masks import GivenMasks, find_mask_files, masked_frames, open_masks, told_of_masks
from dymap.capture.importing.matching import match_cameras
from dymap.capture.importing.state import ImportState, open_state
from dymap.capture.importing.wanted import Wanted, check, list_videos
from dymap.capture.importing.writing import Bars, heard_view, processors, rate_of, write_pictures, write_sound
from dymap.capture.readers.video_files import Rows, rows_by_time
from dymap.capture.synchronise.estimate import Offset, find_offsets
from dymap.capture.synchronise.offsets import read_offsets
from dymap.capture.videos import VideoFile
from dymap.capture.writers.easymocap import write_calibration
from dymap.geometry.camera import Camera
from dymap.signals import in_order, threads


@dataclass(frozen=True)
class Taken:
    """One camera of an import. camera: as it is written. missing: frames that it lacks."""

    video: VideoFile
    filmed: Camera
    camera: Camera
    offset: Offset
    missing: int


@dataclass(frozen=True)
class VideoImport:
    """What was imported. kept: pictures that an import before had written already. told: what is worth knowing."""

    folder: Path
    cameras: tuple[Taken, ...]
    frames: int
    fps: float
    kept: int
    audio: Path | None
    has_masks: bool
    told: tuple[str, ...]


def import_videos(wanted: Wanted, progress: Bars) -> VideoImport:
    """Import. Raises InputError that names the file or the camera for whatever does not fit."""
    check(wanted)
    paths = list_videos(wanted.videos)
    videos = [VideoFile(path) for path in paths]
    match = match_cameras(paths, read_calibration(wanted.calibration, sizes_of(videos)), wanted.calibration)
    renamed = named_for_folders(match.cameras)
    called = looked_up_by(match.cameras, renamed)
    fits = [
        fitted(camera, video, wanted.scale_calibration, str(wanted.calibration))
        for camera, video in zip(renamed, videos, strict=True)
    ]
    cameras = [camera for camera, _ in fits]
    names = [camera.name for camera in cameras]
    lenses = [written_camera(camera, wanted) for camera in cameras]
    heard = heard_view(wanted, videos, called)
    mask_files = find_mask_files(wanted, called)
    state = open_state(wanted, paths, names, [path for of in mask_files if of is not None for path in of.files])
    with progress("read time stamps") as update, threads(processors()) as pool:
        for done, _ in enumerate(in_order(pool, videos, lambda video: video.packets, len(videos)), 1):
            update(done, len(videos))
    masks = open_masks(wanted, mask_files, videos)
    offsets = offsets_of(wanted, videos, cameras, called, masks, state, progress)
    rows = chosen_rows(wanted, videos, offsets)
    masked = masked_frames(wanted, masks, rows)
    state.save(offsets=[vars(offset) for offset in offsets], times=rows.times.round(6).tolist(), cameras=names)
    kept = write_pictures(wanted, videos, cameras, masks, rows, progress)
    audio = None if heard is None else write_sound(wanted, videos[heard], offsets[heard], rows)
    write_calibration(wanted.out, lenses)
    taken = tuple(
        Taken(video, camera, lens, offset, int((column < 0).sum()))
        for video, camera, lens, offset, column in zip(videos, cameras, lenses, offsets, rows.indices.T, strict=True)
    )
    told = (*told_of_match(match.by, match.left_out, taken), *filter(None, (told for _, told in fits)))
    told = (*told, *told_of_videos(taken), *told_of_masks(wanted, names, masked))
    state.save(done=True, told=list(told), fps=round(rate_of(rows), 3))
    return VideoImport(wanted.out, taken, len(rows.times), rate_of(rows), kept, audio, any(masked), told)


def sizes_of(videos: Sequence[VideoFile]) -> Sizes:
    """Of a camera's pictures, for calibrations that do not say: its video's, or that of all if they have one size."""
    by_name = {video.path.stem: (video.width, video.height) for video in videos}
    common = next(iter(by_name.values())) if len(set(by_name.values())) == 1 else None
    return lambda name: by_name.get(name, common)


def offsets_of(
    wanted: Wanted,
    videos: Sequence[VideoFile],
    cameras: Sequence[Camera],
    called: Sequence[tuple[str, ...]],
    masks: Sequence[GivenMasks | None],
    state: ImportState,
    progress: Bars,
) -> list[Offset]:
    """When each video begins, in seconds of the first one. called: by which names a file may speak of each camera."""
    if wanted.offsets is None:
        return [Offset(0.0, "assumed", 0.0)] * len(videos)
    if wanted.offsets != "auto":
        given = read_offsets(wanted.offsets, called)
        return [Offset(seconds - given[0], "file", 0.0) for seconds in given]
    if held := state.offsets:
        return held
    with progress("compare cameras") as update:
        return find_offsets(videos, cameras, [None if of is None else of.at for of in masks], update, processors())


def chosen_rows(wanted: Wanted, videos: Sequence[VideoFile], offsets: Sequence[Offset]) -> Rows:
    """Which pictures belong together, as many as are wanted."""
    seconds = [offset.seconds for offset in offsets]
    rows = rows_by_time(videos, seconds, fps=wanted.fps, start=wanted.start, end=wanted.end)
    return Rows(rows.times[: wanted.frames], rows.indices[: wanted.frames])


def told_of_match(by: str, left_out: Sequence[str], taken: Sequence[Taken]) -> list[str]:
    """How videos and cameras came together, if a user should look at it."""
    told = []
    if by == "order":
        pairs = ", ".join(f"{one.video.path.name} is {one.camera.name}" for one in taken[:6])
        told.append(f"no video has a camera's name, so they were taken in order: {pairs}{', ...' if taken[6:] else ''}")
    if left_out:
        told.append(f"cameras without a video are left out: {', '.join(left_out)}")
    return told


def told_of_videos(taken: Sequence[Taken]) -> list[str]:
    """What was done to pictures, and which are missing."""
    told = []
    for what in dict.fromkeys(one.video.told for one in taken if one.video.told):
        told.append(f"{', '.join(one.camera.name for one in taken if one.video.told == what)}: {what}")
    for one in taken:
        if one.missing:
            told.append(f"{one.camera.name} lacks {one.missing} frames: it has no picture within 0.75 of its intervals")
    return told
