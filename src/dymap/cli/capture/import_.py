"""dymap capture import: from the videos of several cameras to a capture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from dymap import runs
from dymap.cli.console import say
from dymap.cli.progress import progress_bar
from dymap.runs.commands import command


def import_(
    videos: Annotated[
        tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(help="One video a camera, or a folder of them.")
    ],
    calibration: Annotated[Path, tyro.conf.arg(help="File or folder of the cameras; docs/captures.md lists formats.")],
    out: Annotated[Path, tyro.conf.arg(help="Folder of the capture to make; an interrupted import goes on there.")],
    fps: Annotated[float | None, tyro.conf.arg(help="Frames a second; default: the first video's pictures.")] = None,
    start: Annotated[float, tyro.conf.arg(help="Seconds of the first video at which the capture begins.")] = 0.0,
    end: Annotated[float | None, tyro.conf.arg(help="Seconds of the first video before which it ends.")] = None,
    frames: Annotated[int | None, tyro.conf.arg(help="Frames at most.")] = None,
    offsets: Annotated[
        str | None,
        tyro.conf.arg(
            help="File (.json, .csv, .toml) of the seconds by which each camera began after the first; or auto: found "
            "by sound, else by what moves; default: all began together."
        ),
    ] = None,
    crop: Annotated[
        tuple[int, int, int, int] | None,
        tyro.conf.arg(help="Part of every picture to keep: left, top, width and height in pixels."),
    ] = None,
    undistort: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Write pictures of ideal lenses.")
    ] = False,
    masks: Annotated[
        Path | None, tyro.conf.arg(help="Folder of the videos' masks: CAMERA.mp4, or CAMERA/NUMBER.png from 0 on.")
    ] = None,
    scale_calibration: Annotated[
        Literal["whole", "bars", "cut"] | None,
        tyro.conf.arg(
            help="How videos of another size than calibrated were made: scaled as a whole, to fit in with black bars, "
            "or to fill with the rest cut away; default: what their shape, or bars that are seen, say."
        ),
    ] = None,
    audio: Annotated[
        str | None, tyro.conf.arg(help="Camera whose sound is kept; default: the first that has any.")
    ] = None,
    ending: Annotated[Literal["jpg", "png"], tyro.conf.arg(help="Of the pictures; png keeps every value.")] = "jpg",
) -> int:
    """Make a capture of one video a camera: pictures that belong together by their time stamps, and the cameras."""
    made = runs.import_videos(
        videos,
        calibration,
        out,
        fps=fps,
        start=start,
        end=end,
        frames=frames,
        offsets=offsets,
        crop=crop,
        undistort=undistort,
        masks=masks,
        scale_calibration=scale_calibration,
        audio=audio,
        ending=ending,
        progress=progress_bar,
    )
    for one in made.cameras:
        video, offset = one.video, one.offset
        how = f" by {offset.by}, confidence {offset.confidence:.0f}" if offset.confidence else f" ({offset.by})"
        say(
            f"{one.camera.name}: {video.path.name}, {video.width} x {video.height}, {video.fps:.2f} fps, "
            f"{len(video.times)} pictures, began at {offset.seconds:+.4f} s{how}"
        )
    for sentence in made.told:
        say(sentence)
    kept = f" ({made.kept} pictures were there)" if made.kept else ""
    sound = f", sound in {made.audio.name}" if made.audio else ""
    say(f"{made.folder}: {made.frames} frames at {made.fps:.2f} fps of {len(made.cameras)} cameras{sound}{kept}")
    following = command("capture", "check" if made.has_masks else "masks", made.folder)
    say(f"next: {following}{'' if made.has_masks else ' --method METHOD (docs/masks.md)'}")
    return 0
