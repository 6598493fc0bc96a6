"""Pictures that were listed one by one, as cameras over time: those of one pose are a camera's, those of one time a
frame."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dymap.capture.numbers import DIGITS, LONGEST, frame_numbers, natural

SAME_TIME = 1e-6
"""Times that differ by less than this share of their span (or of 1) are one."""


def pose_key(matrix: ArrayLike) -> tuple[float, ...]:
    """Equal for matrices [n, m] of poses that only rounding tells apart."""
    return tuple((np.round(np.asarray(matrix, dtype=np.float64), 6) + 0.0).reshape(-1).tolist())


def frames_of(
    times: Sequence[float], held_out: Sequence[bool], cameras: Sequence[int]
) -> tuple[list[int], NDArray[np.float64]]:
    """[n] the frame of each picture and [F] the frames' times, rising: those of the pictures that are trained on.

    Pictures that are held out belong to the nearest frame, of a camera's several the nearest one, others to none (-1),
    nor do those beyond the ends by more than half of the longest step.
    """
    values, held = np.asarray(times, dtype=np.float64), np.asarray(held_out, dtype=bool)
    positions, moments = positions_of_times(values[~held])
    frames = _nearest(moments, values)
    frames[~held] = positions
    best: dict[tuple[int, int], int] = {}
    for index in np.argsort(np.abs(values - moments[frames]), kind="stable").tolist():
        if held[index] and best.setdefault((int(frames[index]), cameras[index]), index) != index:
            frames[index] = -1
    return frames.tolist(), moments


def _nearest(moments: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    half = float(np.diff(moments).max()) / 2 if len(moments) > 1 else 0.0
    after = np.searchsorted(moments, values).clip(0, len(moments) - 1)
    before = (after - 1).clip(0)
    found = np.where(values - moments[before] <= moments[after] - values, before, after)
    return np.where(np.abs(values - moments[found]) <= half * 1.001 + 1e-9, found, -1)


def positions_of_times(times: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """[n] the position of each time among the different ones, and [F] those, rising."""
    values = np.asarray(times, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    near = SAME_TIME * max(1.0, float(np.ptp(values)))
    ranks = np.concatenate([[0], np.cumsum(np.diff(values[order]) > near)])
    positions = np.empty(len(values), np.int64)
    positions[order] = ranks
    return positions, values[order][np.unique(ranks, return_index=True)[1]]


def numbers_of_frames(
    moments: NDArray[np.float64], paths: Sequence[str], cameras: Sequence[int], frames: Sequence[int]
) -> tuple[int, ...]:
    """[F] frame numbers: from the names of a camera that has every frame, if they advance; else the times if they are
    whole; else positions. paths, cameras, frames: [n] of the pictures."""
    names: dict[int, dict[int, str]] = {}
    for path, camera, frame in zip(paths, cameras, frames, strict=True):
        names.setdefault(camera, {})[frame] = _one_name(path)
    whole = [[found[frame] for frame in sorted(found)] for found in names.values() if len(found) == len(moments)]
    try:
        numbers = {frame_numbers(found) for found in (whole if len(moments) == 1 else whole[:1])}
    except ValueError:  # names that say nothing of time
        numbers = set()
    if len(numbers) == 1:
        return numbers.pop()
    if (moments == np.floor(moments)).all() and (moments >= 0).all():
        return tuple(int(moment) for moment in moments)
    return tuple(range(len(moments)))


def numbers_of_files(paths: Sequence[str], cameras: Sequence[int]) -> list[int]:
    """[n] the frame number of each file: of the digits in its path those that advance within a camera.

    cameras: [n] whose it is. All are number 0 if no camera has several files. Raises ValueError that names a file.
    """
    of_camera: dict[int, list[int]] = {}
    for index, camera in enumerate(cameras):
        of_camera.setdefault(camera, []).append(index)
    numbers = [0] * len(paths)
    several = {camera: found for camera, found in of_camera.items() if len(found) > 1}
    for found in several.values():
        found.sort(key=lambda index: natural(paths[index]))
        for index, number in zip(found, frame_numbers([_one_name(paths[i]) for i in found]), strict=True):
            numbers[index] = number
    if several:
        known = {numbers[index] for found in several.values() for index in found}
        for found in of_camera.values():
            if len(found) == 1:
                numbers[found[0]] = _number_among(paths[found[0]], known)
    return numbers


def _one_name(path: str) -> str:
    """Folders may hold the number of a frame as well as the name does."""
    return path.replace("/", "_")


def _number_among(path: str, known: set[int]) -> int:
    """The frame number of a camera's only file: one that other cameras have, the last in its path."""
    stem = str(PurePosixPath(path).with_suffix(""))
    runs = [int(run) for run in DIGITS.findall(stem) if len(run) <= LONGEST and run.isascii()]
    fitting = [run for run in runs if run in known] or runs
    if not fitting:
        raise ValueError(f"the name of {path!r} holds no frame number")
    return fitting[-1]


def cameras_of(
    keys: Sequence[tuple[Hashable, ...]], paths: Sequence[str], labels: Sequence[str]
) -> tuple[list[int], list[int], list[str]]:
    """[n] the camera of each picture; of each camera the position of its first picture, and its name.

    keys: [n] the same for pictures of one camera; the first part says whether it is held out from training. paths,
    labels: [n] of the pictures. Cameras are in the order of their names, those that are held out come last.
    """
    groups: dict[tuple[Hashable, ...], list[int]] = {}
    for index, key in enumerate(keys):
        groups.setdefault(key, []).append(index)
    names = camera_names(
        [[paths[index] for index in group] for group in groups.values()],
        [labels[group[0]] for group in groups.values()],
    )
    cameras = sorted(zip(groups, names, strict=True), key=lambda camera: (bool(camera[0][0]), natural(camera[1])))
    order = {key: view for view, (key, _) in enumerate(cameras)}
    return [order[key] for key in keys], [groups[key][0] for key, _ in cameras], [name for _, name in cameras]


def camera_names(paths: Sequence[Sequence[str]], labels: Sequence[str]) -> list[str]:
    """A name for each camera, from the paths of its pictures: its label; else the folder or the name that all its
    pictures share; else the path of its first picture. What tells all cameras apart is taken."""
    kinds: list[Callable[[Sequence[str]], str]] = [
        lambda group: _shared([PurePosixPath(path).parent.name for path in group]),
        lambda group: _shared([PurePosixPath(path).stem for path in group]),
        lambda group: str(PurePosixPath(min(group, key=natural)).with_suffix("")),
    ]
    for names in (list(labels), *([kind(group) for group in paths] for kind in kinds)):
        if all(names) and len(set(names)) == len(names):
            return names
    return [f"{view:02d}" for view in range(len(paths))]


def _shared(names: Sequence[str]) -> str:
    return names[0] if len(set(names)) == 1 else ""
