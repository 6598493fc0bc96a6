"""Captures with mistakes: a source in memory, small, and what strangers do to it.

Every mistake is a function (held, rng) -> (Source, what should be named): sets of causes that are right for a camera.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.check.hypotheses import (
    inverted,
    mirrored,
    negative,
    opengl,
    scaled_K,
    scaled_T,
    shifted_centre,
    transposed,
    turned_half,
    upside_down,
)
from dymap.capture.check.silhouettes import rig_volume
from dymap.capture.check.survey import small_camera
from dymap.capture.source import Bytes, Footage, Source
from dymap.geometry.camera import Camera

Rng = np.random.Generator
Turn = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


@dataclass(frozen=True)
class Expected:
    """What a check must say of a mistake: of one of these cameras (None: of the rig) one of these causes."""

    cameras: frozenset[str | None]
    causes: frozenset[str]


class Held(Footage):
    """Footage in memory. pictures: [frame][view] [h, w, 3]; masks: [frame][view] [h, w] or None."""

    def __init__(self, pictures: list[list[Bytes]], masks: list[list[Bytes | None]], root: Path):
        self.pictures, self.masks, self.root = pictures, masks, root

    @property
    def has_masks(self) -> bool:
        return True

    def picture(self, frame: int, view: int) -> Bytes:
        return self.pictures[frame][view]

    def mask(self, frame: int, view: int) -> Bytes | None:
        return self.masks[frame][view]

    def masked(self, frame: int, view: int) -> bool:
        return self.masks[frame][view] is not None

    def files(self, frame: int, view: int) -> tuple[Path, ...]:
        return (self.root / "images" / f"{view:02d}" / f"{frame:06d}.jpg",)


def hold(source: Source, frames: int = 10, side: int = 180) -> Source:
    """The first frames of a source, small and in memory."""
    cameras = tuple(small_camera(camera, side) for camera in source.cameras)
    count = min(frames, len(source.frames))
    pictures: list[list[Bytes]] = []
    masks: list[list[Bytes | None]] = []
    for frame in range(count):
        shots = [source.read(frame, view) for view in range(len(cameras))]
        sizes = [(camera.width, camera.height) for camera in cameras]
        pictures.append([_reduced(shot[0], size) for shot, size in zip(shots, sizes, strict=True)])
        masks.append(
            [
                None if shot[1] is None else (_reduced((shot[1] != 0) * np.uint8(255), size) >= 128).astype(np.uint8)
                for shot, size in zip(shots, sizes, strict=True)
            ]
        )
    return replace(
        source, cameras=cameras, frames=source.frames[:count], footage=Held(pictures, masks, source.root), chosen=None
    )


def _reduced(pixels: NDArray[Any], size: tuple[int, int]) -> Bytes:
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def noisy(source: Source, rng: Rng) -> Source:
    """Imperfect masks (eroded or dilated, holes, blobs beside) and cameras of different colours."""
    held = held_of(source)
    gains = 2.0 ** rng.normal(0, 0.15, (len(source.cameras), 3))
    grown = rng.integers(-1, 2, len(source.cameras))
    pictures, masks = [], []
    for frame in range(len(source.frames)):
        pictures.append([np.clip(p * gains[v], 0, 255).astype(np.uint8) for v, p in enumerate(held.pictures[frame])])
        row: list[Bytes | None] = []
        for view, given in enumerate(held.masks[frame]):
            assert given is not None
            mask = given.copy()
            if grown[view]:
                mask = (cv2.dilate if grown[view] > 0 else cv2.erode)(mask, np.ones((2, 2), np.uint8))
            for value in (0, 1):
                for _ in range(rng.integers(0, 3)):
                    rows, columns = np.nonzero(mask == 1)
                    near = rng.integers(len(rows)) if len(rows) else 0
                    if value == 0 and len(rows):
                        at = (int(columns[near]), int(rows[near]))
                    else:
                        at = (int(rng.integers(mask.shape[1])), int(rng.integers(mask.shape[0])))
                    radius = int(rng.integers(1, max(2, mask.shape[1] // 40)))
                    cv2.circle(mask, at, radius, value, -1)
            row.append(mask)
        masks.append(row)
    return replace(source, footage=Held(pictures, masks, source.root))


def held_of(source: Source) -> Held:
    assert isinstance(source.footage, Held)
    return source.footage


def with_cameras(source: Source, changed: dict[int, Camera]) -> Source:
    return replace(source, cameras=tuple(changed.get(view, camera) for view, camera in enumerate(source.cameras)))


def with_shots(
    source: Source, taken: Callable[[int, int], tuple[int, int]], turn: dict[int, Turn] | None = None
) -> Source:
    """taken: of (frame, view), whose shot is shown there. turn: of a view, what is done to its pixels."""
    held, turn = held_of(source), turn or {}
    views = range(len(source.cameras))

    def shot(rows: list[list[Any]], frame: int, view: int) -> Any:
        pixels = rows[taken(frame, view)[0]][taken(frame, view)[1]]
        return turn[view](pixels) if view in turn and pixels is not None else pixels

    frames = range(len(source.frames))
    pictures = [[shot(held.pictures, frame, view) for view in views] for frame in frames]
    masks = [[shot(held.masks, frame, view) for view in views] for frame in frames]
    return replace(source, footage=Held(pictures, masks, source.root))


def c2w_opengl(camera: Camera) -> Camera:
    """Camera to world with OpenGL's axes in place of the camera's own."""
    return inverted(opengl(camera))


def always(change: Callable[[Camera], Camera]) -> Callable[[Rng], Callable[[Camera], Camera]]:
    """A change that has no size to draw."""
    return lambda _: change


def one_camera(make: Callable[[Rng], Callable[[Camera], Camera]], *causes: str) -> Any:
    def mistake(source: Source, rng: Rng) -> tuple[Source, Expected]:
        change, views = make(rng), [int(view) for view in rng.permutation(len(source.cameras))]
        view = next((view for view in views if is_seen(source, view, change)), views[0])
        camera = change(source.cameras[view])
        return with_cameras(source, {view: camera}), expected(source, [view], *causes)

    return mistake


def is_seen(source: Source, view: int, change: Callable[[Camera], Camera]) -> bool:
    """Whether a change moves what a camera films by a twentieth of its picture: some R are nearly their transposes."""
    camera, volume = source.cameras[view], rig_volume(source.cameras)
    points = volume.centre + volume.reach * np.array([[0, 0, 0], [0.2, 0, 0], [0, 0.2, 0], [0, 0, 0.2]])
    (before, _), (after, depth) = camera.project(points), change(camera).project(points)
    return bool((depth <= 0).any() or np.abs(after - before).max() > 0.05 * camera.width)


def all_cameras(make: Callable[[Rng], Callable[[Camera], Camera]], *causes: str) -> Any:
    def mistake(source: Source, rng: Rng) -> tuple[Source, Expected]:
        change = make(rng)
        changed = {view: change(camera) for view, camera in enumerate(source.cameras)}
        return with_cameras(source, changed), Expected(frozenset([None]), frozenset(causes))

    return mistake


def turned_pictures(turn: Turn, *causes: str) -> Any:
    def mistake(source: Source, rng: Rng) -> tuple[Source, Expected]:
        view = int(rng.integers(len(source.cameras)))
        return with_shots(source, lambda f, v: (f, v), {view: turn}), expected(source, [view], *causes)

    return mistake


def expected(source: Source, views: list[int], *causes: str) -> Expected:
    return Expected(frozenset(source.cameras[view].name for view in views), frozenset(causes))


def swap(source: Source, rng: Rng) -> tuple[Source, Expected]:
    """Two cameras' pictures are exchanged."""
    a, b = (int(v) for v in rng.choice(len(source.cameras), 2, replace=False))
    other = {a: b, b: a}
    return with_shots(source, lambda f, v: (f, other.get(v, v))), expected(source, [a, b], "swapped")


def copied(source: Source, rng: Rng) -> tuple[Source, Expected]:
    """A camera has another's pictures."""
    a, b = (int(v) for v in rng.choice(len(source.cameras), 2, replace=False))
    return with_shots(source, lambda f, v: (f, b if v == a else v)), expected(source, [a, b], "duplicate")


def rotated_order(source: Source, rng: Rng) -> tuple[Source, Expected]:
    """All pictures are one camera further."""
    step, count = int(rng.choice([-1, 1])), len(source.cameras)
    return with_shots(source, lambda f, v: (f, (v + step) % count)), Expected(frozenset([None]), frozenset(["order"]))


def text_order(source: Source, rng: Rng) -> tuple[Source, Expected]:
    """Pictures in the order 0, 1, 10, 11, 2."""
    order = sorted(range(len(source.cameras)), key=str)
    if rng.integers(2):
        order = [order.index(view) for view in range(len(order))]
    return with_shots(source, lambda f, v: (f, order[v])), Expected(frozenset([None]), frozenset(["order"]))


def row_order(source: Source, rng: Rng) -> tuple[Source, Expected]:
    """At one frame two cameras are exchanged."""
    a, b = (int(v) for v in rng.choice(len(source.cameras), 2, replace=False))
    at, other = int(rng.integers(len(source.frames))), {a: b, b: a}
    made = with_shots(source, lambda f, v: (f, other.get(v, v) if f == at else v))
    return made, expected(source, [a, b], "row-order")


def late(source: Source, rng: Rng) -> tuple[Source, Expected]:
    """A camera is some frames late or early."""
    view, last = int(rng.integers(len(source.cameras))), len(source.frames) - 1
    shift = int(rng.choice([-4, -3, -2, 2, 3, 4]))
    made = with_shots(source, lambda f, v: (int(np.clip(f + shift, 0, last)) if v == view else f, v))
    return made, expected(source, [view], "delay", "frozen")


def bad_mask(value: int) -> Any:
    def mistake(source: Source, rng: Rng) -> tuple[Source, Expected]:
        held, view = held_of(source), int(rng.integers(len(source.cameras)))
        whole, at = bool(rng.integers(2)), int(rng.integers(len(source.frames)))
        masks = [
            [np.full_like(m, value) if v == view and (whole or f == at) else m for v, m in enumerate(row)]
            for f, row in enumerate(held.masks)
        ]
        made = replace(source, footage=Held(held.pictures, masks, source.root))
        return made, expected(source, [view], "full-mask" if value else "empty-mask")

    return mistake


def negative_masks(source: Source, rng: Rng) -> tuple[Source, Expected]:
    held, view = held_of(source), int(rng.integers(len(source.cameras)))
    masks = [[negative(m) if v == view else m for v, m in enumerate(row)] for row in held.masks]
    return replace(source, footage=Held(held.pictures, masks, source.root)), expected(source, [view], "inverted-mask")


def dark(source: Source, rng: Rng) -> tuple[Source, Expected]:
    """One picture is black or of one colour."""
    held, view, at = held_of(source), int(rng.integers(len(source.cameras))), int(rng.integers(len(source.frames)))
    value = int(rng.choice([0, 128]))
    pictures = [
        [np.full_like(p, value) if v == view and f == at else p for v, p in enumerate(row)]
        for f, row in enumerate(held.pictures)
    ]
    return replace(source, footage=Held(pictures, held.masks, source.root)), expected(source, [view], "filler", "dark")


def frozen(source: Source, rng: Rng) -> tuple[Source, Expected]:
    """A camera repeats a frame."""
    view, at = int(rng.integers(len(source.cameras))), int(rng.integers(1, len(source.frames)))
    made = with_shots(source, lambda f, v: (f - 1 if v == view and f == at else f, v))
    return made, expected(source, [view], "frozen")


def far_size(rng: Rng) -> float:
    return float(rng.choice([0.25, 1 / 3, 0.5, 2 / 3, 0.75, 4 / 3, 1.5, 2.0, 3.0]))


def far_shift(rng: Rng) -> tuple[float, float]:
    size, angle = rng.uniform(0.08, 0.25), rng.uniform(0, 2 * np.pi)
    return float(size * np.cos(angle)), float(size * np.sin(angle))


def knocked(rng: Rng) -> Callable[[Camera], Camera]:
    """A camera that was turned about its own x and y axes, and rolled, by 10 to 30 degrees."""

    def knock(camera: Camera) -> Camera:
        axis = rng.normal(size=3)
        axis *= np.deg2rad(rng.uniform(10, 30)) / np.linalg.norm(axis)
        turn = cv2.Rodrigues(axis)[0]
        return replace(camera, R=turn @ camera.R, T=turn @ camera.T)

    return knock


MISTAKES: dict[str, Any] = {
    "two cameras exchanged": swap,
    "pictures of another camera": copied,
    "mirrored": turned_pictures(mirrored, "mirrored"),
    "y flipped": turned_pictures(upside_down, "flipped"),
    "turned by 180": turned_pictures(turned_half, "turned-180"),
    "w2c for c2w": one_camera(always(inverted), "inverted"),
    "OpenGL axes": one_camera(always(opengl), "opengl"),
    "c2w, OpenGL axes": one_camera(always(c2w_opengl), "inverted-opengl"),
    "R transposed": one_camera(always(transposed), "transposed"),
    "mm for m": one_camera(lambda rng: scaled_T(float(rng.choice([0.001, 1000.0]))), "unit"),
    "K of another size": one_camera(lambda rng: scaled_K(far_size(rng)), "resolution"),
    "principal point": one_camera(lambda rng: shifted_centre(*far_shift(rng)), "centre"),
    "pose wrong": one_camera(knocked, "unknown", "centre"),
    "all w2c for c2w": all_cameras(always(inverted), "inverted"),
    "all OpenGL axes": all_cameras(always(opengl), "opengl"),
    "all c2w, OpenGL": all_cameras(always(c2w_opengl), "inverted-opengl"),
    "all mm for m": all_cameras(lambda rng: scaled_T(float(rng.choice([0.001, 1000.0]))), "unit"),
    "all K of another size": all_cameras(lambda rng: scaled_K(far_size(rng)), "resolution"),
    "order shifted": rotated_order,
    "order of text": text_order,
    "row in another order": row_order,
    "late by frames": late,
    "mask empty": bad_mask(0),
    "mask full": bad_mask(1),
    "masks inverted": negative_masks,
    "dark or filler": dark,
    "frozen picture": frozen,
}
"""Gross mistakes by name."""
