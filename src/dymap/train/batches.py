"""Which rays a step sees (method.md 6)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.capture import Capture
from dymap.capture.hull import carve, hull_shape
from dymap.capture.images import FACE, Shot, edge_band
from dymap.config import TrainConfig
from dymap.errors import InputError
from dymap.geometry.box import projected_box_mask
from dymap.geometry.rays import Rays, camera_rays

MAX_ROUNDS = 100
"""Draws of one view before it is given up."""


@dataclass(frozen=True, eq=False)
class Item:
    """Rays of one frame.

    rgb: [R, 3] what was filmed; mask: [R] 1 on the foreground; edge: [R] bool, rays that count in no loss.
    """

    frame: int
    rays: Rays
    rgb: Tensor
    mask: Tensor
    edge: Tensor


def draw_pixels(
    shot: Shot, inside: NDArray[np.bool_], count: int, config: TrainConfig, rng: np.random.Generator
) -> NDArray[np.int64]:
    """[count] flat indices into the shot, with replacement: shares on the foreground, on the face and just outside the
    silhouette; the rest anywhere in the projected box (`inside` [h, w])."""
    shares = [(config.foreground, shot.mask != 0), (config.face, shot.mask == FACE)]
    if config.band > 0:
        size = 2 * config.band_pixels + 1
        near = cv2.dilate((shot.mask != 0).astype(np.uint8), np.ones((size, size), np.uint8)) != 0
        shares.append((config.band, near & (shot.mask == 0) & inside))
    drawn = []
    for share, where in shares:
        pixels = np.flatnonzero(where)
        n = int(count * share) if len(pixels) else 0
        drawn.append(pixels[rng.integers(0, max(len(pixels), 1), n)])
    anywhere = np.flatnonzero(inside)
    drawn.append(anywhere[rng.integers(0, len(anywhere), count - sum(map(len, drawn)))])
    return np.concatenate(drawn)


class BatchSampler:
    """Draws the items of a step. The draw depends on the seed and the step alone, so a resumed run repeats it."""

    def __init__(self, capture: Capture, config: TrainConfig, device: torch.device | str = "cpu"):
        self.capture, self.config, self.device = capture, config, device
        self._hulls: dict[int, NDArray[np.uint8]] = {}

    def draw(self, step: int) -> list[Item]:
        rng = np.random.default_rng([self.config.seed, step])
        frames = len(self.capture.frames)
        views = np.array(self.capture.train_views)
        items = []
        for _ in range(self.config.items):
            if self.config.batches == "items":
                # Items are ordered frame-major, cameras inner.
                chosen = int(rng.integers(frames * len(views)))
                frame, seen = chosen // len(views), views[[chosen % len(views)]]
            else:
                frame = int(rng.integers(frames))
                count = self.config.views_per_item or len(views)
                seen = rng.permutation(views)[:count]
            items.append(self._item(frame, seen, rng))
        return items

    def _item(self, frame: int, views: NDArray[np.int64], rng: np.random.Generator) -> Item:
        share, extra = divmod(self.config.rays, len(views))
        parts = [self._view(frame, int(view), share + (i < extra), rng) for i, view in enumerate(views)]
        return Item(
            frame,
            Rays.cat([part.rays for part in parts]),
            *(torch.cat([getattr(part, key) for part in parts]) for key in ("rgb", "mask", "edge")),
        )

    def _view(self, frame: int, view: int, count: int, rng: np.random.Generator) -> Item:
        shot, camera = self.capture.shot(frame, view), self.capture.cameras[view]
        inside = self._box_mask(frame, view, shot)
        box = torch.from_numpy(self.capture.boxes[frame])
        pixels: list[NDArray[np.int64]] = []
        rays: list[Rays] = []
        missing = count
        while missing > 0:  # rays that miss the box are drawn again
            if len(pixels) == MAX_ROUNDS:
                raise InputError(
                    f"{self.capture.name}: hardly a pixel of camera {camera.name!r} looks at the box of frame "
                    f"{self.capture.frames[frame]}; check its R, T and their unit"
                )
            drawn = draw_pixels(shot, inside, missing, self.config, rng)
            row, column = np.divmod(drawn, shot.mask.shape[1])
            some, hit = camera_rays(camera, box, np.stack([column + shot.x, row + shot.y], axis=1), self.device)
            rays.append(some)
            pixels.append(drawn[hit.cpu().numpy()])
            missing -= len(some)
        index = np.concatenate(pixels)
        mask = shot.mask.reshape(-1)[index]
        edge = edge_band(shot.mask).reshape(-1)[index] if self.capture.config.edge_band else np.zeros(count, bool)
        rgb = shot.rgb.reshape(-1, 3)[index].astype(np.float32) / np.float32(255)
        tensors = (torch.from_numpy(a).to(self.device) for a in (rgb, (mask != 0).astype(np.float32), edge))
        return Item(frame, Rays.cat(rays), *tensors)

    def _box_mask(self, frame: int, view: int, shot: Shot) -> NDArray[np.bool_]:
        camera = self.capture.cameras[view]
        h, w = shot.mask.shape
        mask = projected_box_mask(self.capture.boxes[frame], camera)
        return mask[shot.y : shot.y + h, shot.x : shot.x + w] != 0

    def encoder_images(self, frame: int, views: tuple[int, ...]) -> Tensor:
        """[3 K, 512, 512] input of the image encoder at a frame."""
        return torch.from_numpy(self.capture.encoder_images(frame, views)).to(self.device)

    def hull(self, frame: int) -> Tensor:
        """[gx, gy, gz] bool over the frame's box: the visual hull of the training masks, made at the first call."""
        box = self.capture.boxes[frame]
        shape = hull_shape(box, self.config.hull_grid)
        if frame not in self._hulls:
            views = self.capture.train_views
            cameras = [self.capture.cameras[view] for view in views]
            grid = carve(cameras, [self.capture.image(frame, view)[1] for view in views], box, shape)
            self._hulls[frame] = np.packbits(grid)  # a bit a voxel: small for any number of frames
        bits = np.unpackbits(self._hulls[frame], count=int(np.prod(shape)))
        return torch.from_numpy(bits.reshape(shape).view(bool)).to(self.device)
