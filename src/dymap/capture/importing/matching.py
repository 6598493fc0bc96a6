"""Which video is which camera's: by their names, else by their order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dymap.errors import InputError
from dymap.geometry.camera import Camera


@dataclass(frozen=True)
class Match:
    """cameras: one a video. by: name or order. left_out: names of cameras that have no video."""

    cameras: tuple[Camera, ...]
    by: str
    left_out: tuple[str, ...] = ()


def match_cameras(videos: Sequence[Path], cameras: Sequence[Camera], calibration: Path) -> Match:
    """The camera of each video. Raises InputError that names the videos and cameras that do not fit together.

    A video is a camera's if it, or else its folder, has the camera's name; or the name as a whole word in it
    (`take1_cam01.mp4`). If that tells nothing for any video and there are as many of both, they are taken in order.
    """
    for names in ([path.stem for path in videos], [path.absolute().parent.name for path in videos]):
        for fits in (_is, _holds):
            found = [[k for k, camera in enumerate(cameras) if fits(name, camera.name)] for name in names]
            chosen = [candidates[0] for candidates in found if len(candidates) == 1]
            if len(chosen) == len(videos) == len(set(chosen)):
                left_out = tuple(camera.name for k, camera in enumerate(cameras) if k not in chosen)
                return Match(tuple(cameras[k] for k in chosen), "name", left_out)
    named = [path.name for path in videos if any(_holds(path.stem, camera.name) for camera in cameras)]
    if len(videos) == len(cameras) and not named:
        return Match(tuple(cameras), "order")
    strangers = [path.name for path in videos if path.name not in named] or [videos[0].name]
    known = ", ".join(repr(camera.name) for camera in cameras[:8])
    raise InputError(
        f"{calibration}: knows {len(cameras)} cameras ({known}{', ...' if len(cameras) > 8 else ''}), and which one "
        f"filmed {strangers[0]!r} cannot be told; there are {len(videos)} videos: name each after its camera"
    )


def _is(name: str, camera: str) -> bool:
    return name.casefold() == camera.casefold()


def _holds(name: str, camera: str) -> bool:
    """Whether the camera's name is a word of another one, not a part of a longer number or word."""
    return bool(camera) and bool(re.search(rf"(?<![^\W_]){re.escape(camera.casefold())}(?![^\W_])", name.casefold()))
