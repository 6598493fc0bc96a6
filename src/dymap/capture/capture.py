"""Capture: what was filmed, whatever its layout on disk; the one interface that training, evaluation and films see."""

from __future__ import annotations

import copy
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dymap.capture.boxes import boxes_from, keep_boxes, tight_boxes, widened_boxes
from dymap.capture.cache import ShotCache, file_stamps, open_cache
from dymap.capture.check import check_source
from dymap.capture.encoder_input import read_encoder_images
from dymap.capture.hulls import Hulls
from dymap.capture.images import UNKNOWN, Shot, prepared_camera
from dymap.capture.layouts import given_options, read_source
from dymap.capture.source import Bytes, Source
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.geometry.camera import Camera
from dymap.progress import Progress


def open_capture(root: str | Path, config: CaptureConfig | None = None, progress: Progress | None = None) -> Capture:
    """Read, check and prepare a capture. Raises InputError for anything that would spoil training later."""
    config = config or CaptureConfig()
    source = read_source(root, config)
    return open_source(source, replace(config, options=given_options(source.options)), progress)


def open_source(source: Source, config: CaptureConfig, progress: Progress | None = None) -> Capture:
    """Check and prepare what a reader found, be it one of ours or your own. Raises InputError as `open_capture` does.

    Of the configuration, layout, options, frames and transform are the reader's and have been followed already.
    """
    train_views, _ = views_of(source, config)  # a wrong view shows before hours of work, not after
    origin = boxes_from(source, config)
    config = replace(config, boxes=origin)
    stamps = file_stamps(source)
    tight = tight_boxes(source, config, progress, stamps)
    boxes = widened_boxes(tight, origin, config)
    for finding in check_source(source, boxes, tight):
        if finding.fatal:
            raise InputError(f"{source.root}: {finding.text}")
        warnings.warn(f"{source.root}: {finding.text}", stacklevel=2)
    for frame, number in enumerate(source.frames):
        if not set(source.views(frame)).intersection(train_views):
            raise InputError(f"{source.root}: no training view has a picture of frame {number}; leave it out: --frames")
    for camera in source.cameras:
        prepared_camera(camera, config)  # as does a ratio that leaves no pixels
    cache = open_cache(source, config, boxes, progress, stamps)
    keep_boxes(source, config, tight, stamps)
    return Capture(source, config, boxes, cache)


class Capture:
    """A prepared capture.

    cameras: undistorted, scaled by the ratio. boxes: [F, 2, 3] float32, world, metres. frames: frame numbers.
    train_views, test_views: indices into cameras. config: its options are those that differ from the reader's defaults,
    and its boxes say where they came from.
    """

    def __init__(self, source: Source, config: CaptureConfig, boxes: NDArray[np.float32], cache: ShotCache):
        self.source = source
        self.config = config
        self.frames = source.frames
        self.boxes = boxes
        self.has_masks = source.has_masks
        self.cameras, self.train_views, self.test_views = prepared_rig(source, config)
        self._cache = cache
        self._first = 0
        self._hulls = Hulls(
            cache.folder,
            cache.mark,
            boxes,
            [self.cameras[view] for view in self.train_views],
            self._training_masks,
        )

    def window(self, first: int, stop: int) -> Capture:
        """The capture of the frames at positions first to stop (not included): its images and hulls are this one's."""
        part = copy.copy(self)
        part.source = self.source.select((first, stop, 1))
        part.frames, part.boxes, part._first = part.source.frames, self.boxes[first:stop], self._first + first
        start, _, step = self.config.frames
        part.config = replace(self.config, frames=(start + first * step, start + stop * step, step))
        return part

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.source.name

    def present(self, frame: int, view: int) -> bool:
        """Whether the camera `view` has a picture at frame position `frame`."""
        return self.source.present(frame, view)

    def train_views_of(self, frame: int) -> NDArray[np.int64]:
        """[n] the training views that have a picture at a frame position."""
        seen = set(self.source.views(frame))
        return np.array([view for view in self.train_views if view in seen], np.int64)

    def shot(self, frame: int, view: int) -> Shot:
        """The prepared image and mask at frame position and view, cropped to the projected box."""
        return self._cache.shot(self._first + frame, view)

    def image(self, frame: int, view: int) -> tuple[Bytes, Bytes]:
        """rgb [H, W, 3] and mask [H, W] of the whole image; black and 0 outside the projected box."""
        shot, camera = self.shot(frame, view), self.cameras[view]
        rgb = np.zeros((camera.height, camera.width, 3), np.uint8)
        mask = np.zeros((camera.height, camera.width), np.uint8)
        rows = slice(shot.y, shot.y + shot.mask.shape[0])
        columns = slice(shot.x, shot.x + shot.mask.shape[1])
        rgb[rows, columns], mask[rows, columns] = shot.rgb, shot.mask
        return rgb, mask

    def has_hull(self, frame: int) -> bool:
        """Whether a mask of any training view says what is foreground at a frame position, so that there is a hull."""
        return any(self._known(frame, view) for view in self.train_views)

    def hull(self, frame: int, longest: int) -> NDArray[np.bool_]:
        """[gx, gy, gz] over the frame's box, `longest` voxels along the longest side: the visual hull of the training
        masks. Carved if no command has carved it before."""
        return self._hulls.get(self._first + frame, longest)

    def _training_masks(self, frame: int) -> list[NDArray[np.uint8] | None]:
        """[H, W] of each training view; None without a mask. Raises InputError if no view has one."""
        views = [view if self._known(frame, view) else None for view in self.train_views]
        if all(view is None for view in views):
            raise InputError(
                f"{self.source.root}: no training camera has a mask of frame {self.frames[frame]}; leave the frame out "
                "(--frames), or train without masks: --set train.use_masks=false train.hull_samples=0"
            )
        return [None if view is None else self.image(frame, view)[1] for view in views]

    def _known(self, frame: int, view: int) -> bool:
        """Whether a mask was read of a picture: opaque pictures among cut-outs show only then that they have none."""
        return self.source.masked(frame, view) and not (self.shot(frame, view).mask == UNKNOWN).any()

    def uncarved(self, longest: int) -> list[int]:
        """The frame positions whose `hull` would have to be carved."""
        return [frame for frame in range(len(self.frames)) if not self._hulls.has(self._first + frame, longest)]

    def encoder_images(self, frame: int, views: tuple[int, ...]) -> NDArray[np.float32]:
        """[3 K, 512, 512] what the image encoder sees at a frame (method.md 4), read from disk at full precision.

        views: positions of the encoder's cameras among the training views. Raises InputError if there are too few.
        """
        if max(views) >= len(self.train_views):
            raise InputError(f"the image encoder needs training view {max(views)}; there are {len(self.train_views)}")
        cameras = [self.train_views[view] for view in views]
        return read_encoder_images(self.source, cameras, frame, self.config.ratio)

    def test_frames(self) -> range:
        """Positions of the frames that evaluation uses."""
        return range(0, len(self.frames), self.config.test_frame_step)


def prepared_rig(source: Source, config: CaptureConfig) -> tuple[tuple[Camera, ...], tuple[int, ...], tuple[int, ...]]:
    """The cameras of the prepared images, the training views and the test views among them."""
    cameras = tuple(prepared_camera(camera, config) for camera in source.cameras)
    return cameras, *views_of(source, config)


def views_of(source: Source, config: CaptureConfig) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Training and test views; the layout's own test views if none are configured. Raises InputError as `split_views`
    does."""
    if source.test_views and not (config.test_views or config.train_views):
        config = replace(config, test_views=source.test_views)
    return split_views(len(source.cameras), config)


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
