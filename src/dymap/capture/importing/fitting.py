"""A calibration that was made at another size than the videos have (calibrations/sizes.py)."""

from __future__ import annotations

from dymap.capture.calibrations.sizes import Fit, certain, scaled
from dymap.capture.videos import VideoFile
from dymap.errors import InputError
from dymap.geometry.camera import Camera


def fitted(camera: Camera, video: VideoFile, how: Fit | None, what: str) -> tuple[Camera, str]:
    """The camera at the size of its video, and a sentence if that was not simply so.

    how: None: only what is certain. what: the calibration, for errors. Raises InputError if nobody can tell.
    """
    size, calibrated = (video.width, video.height), (camera.width, camera.height)
    if size == calibrated:
        return camera, ""
    sizes = f"{calibrated[0]} x {calibrated[1]}, {video.path.name} is {size[0]} x {size[1]}"
    how = how or certain(size, calibrated, lambda: video.picture(0))
    video.close()
    if how is None:
        turned = "the same turned" if calibrated[::-1] == size else "another shape"
        raise InputError(
            f"{what}: camera {camera.name!r} was calibrated at {sizes}, {turned}; say how the video was made of such "
            "pictures with --scale-calibration whole, bars or cut, or calibrate with pictures of the videos"
        )
    found = scaled(camera, size, how)
    factor = found.K[1, 1] / camera.K[1, 1]
    names = {"whole": "as a whole", "bars": "fitted in with black bars", "cut": "filled, the rest cut away"}
    return found, f"{camera.name}: calibrated at {sizes}, {names[how]}: K is scaled by {factor:.4f}"
