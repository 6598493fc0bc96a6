"""`dymap.runs.import_videos`: from the videos of several cameras to a capture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dymap.capture.importing import Fit, PictureEnding, VideoImport, Wanted
from dymap.capture.importing import import_videos as import_wanted
from dymap.runs.bars import Bars, no_bars

__all__ = ["VideoImport", "import_videos"]


def import_videos(
    videos: Sequence[str | Path],
    calibration: str | Path,
    out: str | Path,
    *,
    fps: float | None = None,
    start: float = 0.0,
    end: float | None = None,
    frames: int | None = None,
    offsets: str | Path | None = None,
    crop: tuple[int, int, int, int] | None = None,
    undistort: bool = False,
    masks: str | Path | None = None,
    scale_calibration: Fit | None = None,
    audio: str | None = None,
    ending: PictureEnding = "jpg",
    progress: Bars = no_bars,
) -> VideoImport:
    """Make a capture in the layout of EasyMocap of one video a camera; an interrupted import goes on.

    videos: files, or folders of them. calibration: of the cameras, which are found by the videos' names, else by their
    order. out: the capture's folder. fps: frames a second, default the first video's own. start, end: seconds of the
    first video. frames: so many at most. offsets: file of the seconds by which each camera began after the first, or
    `auto`: by sound, else by motion; default: all began together. crop: x, y, width, height, pixels. undistort: write
    pictures of ideal lenses. masks: folder of masks of the videos. scale_calibration: how the videos were made of
    pictures as calibrated (whole, bars or cut), if they have another size. audio: camera whose sound is kept, default
    the first that has any. ending: of pictures.

    Raises InputError that names the file or the camera for whatever does not fit.
    """
    wanted = Wanted(
        tuple(map(Path, videos)),
        Path(calibration),
        Path(out),
        fps=fps,
        start=start,
        end=end,
        frames=frames,
        offsets=None if offsets is None else "auto" if str(offsets) == "auto" else Path(offsets),
        crop=crop,
        undistort=undistort,
        masks=None if masks is None else Path(masks),
        scale_calibration=scale_calibration,
        audio=audio,
        ending=ending,
    )
    return import_wanted(wanted, progress)
