"""What was filmed, as the layer diff of a film compares with it."""

from __future__ import annotations

from pathlib import Path

from dymap.capture import Capture
from dymap.errors import InputError
from dymap.play.drawing import Film, GroundTruth
from dymap.play.film import check_filmed
from dymap.play.video import Video
from dymap.runs.bars import Bars
from dymap.runs.captures import find_capture, open_prepared
from dymap.runs.folder import RunFolder


def open_truth(
    video: Video, film: Film, folder: RunFolder, progress: Bars, data: str | Path | None = None
) -> GroundTruth:
    """What was filmed, for the layer diff. data: where the capture is now, if it was moved.

    Raises InputError if the film differs, or the run does not know what was filmed.
    """
    check_filmed(film)  # before images are prepared, which may take minutes
    if not folder.exists():
        raise InputError(
            f"{folder.root}: the layer diff compares with what was filmed, which only a run's folder knows"
        )
    place = find_capture(folder, data)
    return ground_truth(video, open_prepared(place, folder.read().config.capture, progress))


def ground_truth(video: Video, capture: Capture) -> GroundTruth:
    """The capture's pictures. Raises InputError if it is not the one that the video was made from."""
    ours, theirs = ([(camera.width, camera.height) for camera in some.cameras] for some in (video, capture))
    if ours != theirs or video.num_frames != len(capture.frames):
        raise InputError(f"{capture.name}: the capture has other cameras or frames than when the video was baked")
    return lambda frame, view: capture.image(frame, view)[0]
