"""Capture: what was filmed, whatever its layout on disk.

A reader fills a Source (paths and full-size cameras, nothing decoded); `Capture` prepares and caches the images and
is the one interface that training, evaluation and films see.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dymap.capture.cache import ShotCache
from dymap.capture.encoder_input import read_encoder_images
from dymap.capture.hull import carve, hull_boxes, hull_shape
from dymap.capture.images import Shot
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.geometry.box import box_of_points, projected_box_mask
from dymap.geometry.camera import Camera

T = TypeVar("T")
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Source:
    """What a reader found: nothing is decoded yet.

    cameras: full-size, distorted, world in metres. frames: frame numbers. images, masks: [frame][view] paths (masks
    None without any). vertices: a file of surface points [n, 3], metres, for each frame, or None.
    read_mask: mask file -> [H, W] uint8: 0 background, 1 foreground, 100 face. transform: rigid M [4, 4] that the
    cameras were moved by already and the vertices have yet to be.
    """

    layout: str
    root: Path
    cameras: tuple[Camera, ...]
    frames: tuple[int, ...]
    images: tuple[tuple[Path, ...], ...]
    masks: tuple[tuple[Path, ...], ...] | None
    read_mask: Callable[[Path], Bytes]
    vertices: tuple[Path, ...] | None
    transform: NDArray[np.float64] | None = None

    def transformed(self, transform: NDArray[np.float64]) -> Source:
        """The capture in a world moved by the rigid M [4, 4]: cameras now, vertices when they are read."""
        cameras = tuple(camera.transformed(transform) for camera in self.cameras)
        return replace(self, cameras=cameras, transform=transform)

    def select(self, frames: tuple[int, int, int]) -> Source:
        """The frames start, start + step, ... below end (-1: all)."""
        start, end, step = frames
        total = len(self.frames)
        if step < 1 or not 0 <= start < total or (end != -1 and end <= start):
            raise InputError(f"frames {start} to {end} step {step} do not fit the capture's {total} frames")
        chosen = range(start, total if end == -1 else min(end, total), step)

        def pick(items: tuple[T, ...]) -> tuple[T, ...]:
            return tuple(items[i] for i in chosen)

        return replace(
            self,
            frames=pick(self.frames),
            images=pick(self.images),
            masks=None if self.masks is None else pick(self.masks),
            vertices=None if self.vertices is None else pick(self.vertices),
        )


class Capture:
    """A prepared capture.

    cameras: undistorted, scaled by the ratio. boxes: [F, 2, 3] float32, world, metres. frames: frame numbers.
    train_views, test_views: indices into cameras.
    """

    def __init__(self, source: Source, config: CaptureConfig, boxes: NDArray[np.float32], cache: ShotCache):
        self.source = source
        self.config = config
        self.cameras = tuple(prepared_camera(camera, config) for camera in source.cameras)
        self.frames = source.frames
        self.boxes = boxes
        self.has_masks = source.masks is not None
        self.train_views, self.test_views = split_views(len(self.cameras), config)
        self._cache = cache
        self._hulls: dict[tuple[int, int], NDArray[np.uint8]] = {}

    @property
    def name(self) -> str:
        return self.source.root.name

    def shot(self, frame: int, view: int) -> Shot:
        """The prepared image and mask at frame position and view, cropped to the projected box."""
        return self._cache.shot(frame, view)

    def image(self, frame: int, view: int) -> tuple[Bytes, Bytes]:
        """rgb [H, W, 3] and mask [H, W] of the whole image; black and 0 outside the projected box."""
        shot, camera = self.shot(frame, view), self.cameras[view]
        rgb = np.zeros((camera.height, camera.width, 3), np.uint8)
        mask = np.zeros((camera.height, camera.width), np.uint8)
        rows = slice(shot.y, shot.y + shot.mask.shape[0])
        columns = slice(shot.x, shot.x + shot.mask.shape[1])
        rgb[rows, columns], mask[rows, columns] = shot.rgb, shot.mask
        return rgb, mask

    def hull(self, frame: int, longest: int) -> NDArray[np.bool_]:
        """[gx, gy, gz] over the frame's box, `longest` voxels along the longest side: the visual hull of the training
        masks. Carved at the first call."""
        box, key = self.boxes[frame], (frame, longest)
        shape = hull_shape(box, longest)
        if key not in self._hulls:
            cameras = [self.cameras[view] for view in self.train_views]
            grid = carve(cameras, [self.image(frame, view)[1] for view in self.train_views], box, shape)
            self._hulls[key] = np.packbits(grid)  # a bit a voxel: small for any number of frames
        return np.unpackbits(self._hulls[key], count=int(np.prod(shape))).reshape(shape).view(bool)

    def encoder_images(self, frame: int, views: tuple[int, ...]) -> NDArray[np.float32]:
        """[3 K, 512, 512] what the image encoder sees at a frame (method.md 4), read from disk at full precision.

        views: positions of the encoder's cameras among the training views. Raises InputError if there are too few.
        """
        if max(views) >= len(self.train_views):
            raise InputError(f"the image encoder wants training view {max(views)}; there are {len(self.train_views)}")
        cameras = [self.train_views[view] for view in views]
        return read_encoder_images(self.source, cameras, frame, self.config.ratio)

    def test_frames(self) -> range:
        """Positions of the frames that evaluation uses."""
        return range(0, len(self.frames), self.config.test_frame_step)


def prepared_camera(camera: Camera, config: CaptureConfig) -> Camera:
    """The camera of the prepared images. Raises InputError for a ratio that leaves no pixels."""
    try:
        return replace(camera.undistorted().scaled(config.ratio), pixel_offset=config.pixel_offset)
    except ValueError as error:
        raise InputError(f"ratio {config.ratio}: {error}") from None


def split_views(count: int, config: CaptureConfig) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Training and test views. Raises InputError for views that do not exist or are in both."""
    for view in (*config.test_views, *config.train_views):
        if not 0 <= view < count:
            raise InputError(f"view {view} does not exist: the capture has views 0 to {count - 1}")
    if both := set(config.test_views) & set(config.train_views):
        raise InputError(f"view {min(both)} is both a training and a test view")
    train = config.train_views or tuple(v for v in range(count) if v not in config.test_views)
    if not train:
        raise InputError("no view is left to train on: every view is a test view")
    return tuple(train), tuple(config.test_views)


def vertex_boxes(source: Source, padding: float) -> NDArray[np.float32]:
    """[F, 2, 3] boxes of the vertices files."""
    if source.vertices is None:
        raise InputError(
            f"{source.root}: no vertices folder, from which the boxes are made; with masks, boxes can come from the "
            "visual hull instead: --boxes hull"
        )
    boxes = []
    for path in source.vertices:
        try:
            points = np.load(path, allow_pickle=False)
            if source.transform is not None:
                points = points @ source.transform[:3, :3].T + source.transform[:3, 3]
            boxes.append(box_of_points(points, padding))
        except FileNotFoundError:
            raise InputError(f"{path}: vertices of this frame are missing (or use --boxes hull)") from None
        except (ValueError, EOFError, OSError) as error:
            raise InputError(f"{path}: not an array of vertices [n, 3] ({error})") from None
        if not np.isfinite(boxes[-1]).all():
            raise InputError(f"{path}: vertices hold values that are not finite")
    return np.stack(boxes)


def source_boxes(source: Source, config: CaptureConfig) -> NDArray[np.float32]:
    """[F, 2, 3] boxes, from where the configuration says."""
    return hull_boxes(source, config) if config.boxes == "hull" else vertex_boxes(source, config.box_padding)


def check_cameras(source: Source, boxes: NDArray[np.float32]) -> None:
    """Raise InputError for a camera that sees nothing of a box; warn where the unit of T looks wrong."""
    centre = boxes.mean(axis=(0, 1))
    size = float(np.linalg.norm(boxes[:, 1] - boxes[:, 0], axis=1).mean())
    distances = np.array([np.linalg.norm(camera.position - centre) for camera in source.cameras])
    spread = float(np.linalg.norm(np.ptp([camera.position for camera in source.cameras], axis=0)))
    if len(distances) > 1 and spread < 0.05 * size and spread > 0:
        warnings.warn(
            f"{source.root}: all cameras stand within {spread * 1000:.1f} mm of each other; T looks like metres where "
            "millimetres are expected: --unit m reads it so",
            stacklevel=2,
        )
    elif float(np.median(distances)) > 200 * size:
        far = int(np.argmax(distances))
        warnings.warn(
            f"{source.root}: T looks like millimetres where metres are expected: camera {source.cameras[far].name!r} "
            f"is {distances[far]:.0f} m from the box; --unit mm reads it so",
            stacklevel=2,
        )
    for camera in source.cameras:
        for frame, box in zip(source.frames, boxes, strict=True):
            try:
                visible = projected_box_mask(box, camera.undistorted()).any()
            except ValueError as error:
                raise InputError(f"{source.root}: frame {frame}: {error}; check R, T and their units") from None
            if not visible:
                raise InputError(
                    f"{source.root}: camera {camera.name!r} sees nothing of the box of frame {frame}; check its R, T "
                    "and K, or leave the view out"
                )
