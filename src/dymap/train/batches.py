"""Which rays a step sees (method.md 6)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.capture import Capture
from dymap.capture.images import FACE, UNKNOWN, Shot, edge_band
from dymap.config import TrainConfig
from dymap.errors import InputError
from dymap.geometry.box import projected_box_mask
from dymap.geometry.rays import Rays, Rig

POOL_BYTES = 256 * 2**20
"""Pixel pools that are kept take at most this."""
MAX_ROUNDS = 100
"""Draws before a view that looks past the box is given up."""


@dataclass(frozen=True, eq=False)
class Item:
    """Rays of one frame.

    rgb: [R, 3] what was filmed; mask: [R] 1 on the foreground; edge: [R] bool, rays that count in no loss; unknown: [R]
    bool, rays of pictures without a mask, which teach colours and no opacity (None: there are none). views: [R] int64,
    the camera of each ray (None: not known).
    """

    frame: int
    rays: Rays
    rgb: Tensor
    mask: Tensor
    edge: Tensor
    unknown: Tensor | None = None
    views: Tensor | None = None

    @property
    def counts(self) -> Tensor:
        """[R] bool: the rays that count in losses."""
        return ~self.edge

    @property
    def masked(self) -> Tensor:
        """[R] bool: those of them of which a mask says whether they are foreground."""
        return self.counts if self.unknown is None else self.counts & ~self.unknown


def cat_items(parts: list[Item]) -> Item:
    """One item of the rays of several of one frame, all with `unknown` and `views` or all without."""

    def joined(key: str) -> Tensor | None:
        held = [getattr(part, key) for part in parts]
        return None if held[0] is None else torch.cat(held)

    rgb, mask, edge = (torch.cat([getattr(part, key) for part in parts]) for key in ("rgb", "mask", "edge"))
    rays = Rays.cat([part.rays for part in parts])
    return Item(parts[0].frame, rays, rgb, mask, edge, joined("unknown"), joined("views"))


class Pools(NamedTuple):
    """Flat indices [n] int32 of a shot's pixels: on the foreground, on the face, just outside the silhouette, and
    anywhere in the projected box."""

    foreground: NDArray[np.int32]
    face: NDArray[np.int32]
    band: NDArray[np.int32]
    anywhere: NDArray[np.int32]

    @property
    def nbytes(self) -> int:
        return sum(pool.nbytes for pool in self)


def pixel_pools(shot: Shot, inside: NDArray[np.bool_], config: TrainConfig) -> Pools:
    """Where the rays of a shot may be drawn from. inside: [h, w] bool, the projected box."""

    def pixels(where: NDArray[np.bool_]) -> NDArray[np.int32]:
        return np.flatnonzero(where).astype(np.int32)

    foreground, band = (shot.mask != 0) & (shot.mask != UNKNOWN), np.zeros(0, np.int32)
    if config.band > 0:
        size = 2 * config.band_pixels + 1
        near = cv2.dilate(foreground.astype(np.uint8), np.ones((size, size), np.uint8)) != 0
        band = pixels(near & ~foreground & inside)
    return Pools(pixels(foreground), pixels(shot.mask == FACE), band, pixels(inside))


def draw_pixels(pools: Pools, count: int, config: TrainConfig, rng: np.random.Generator) -> NDArray[np.int32]:
    """[count] flat indices into the shot, with replacement: the configuration's shares of the first three pools, and
    the rest from anywhere."""
    shares = ((config.foreground, pools.foreground), (config.face, pools.face), (config.band, pools.band))
    counted = [(int(count * share), pixels) for share, pixels in shares if len(pixels)]
    counted.append((count - sum(n for n, _ in counted), pools.anywhere))
    where = np.split(rng.random(count), np.cumsum([n for n, _ in counted[:-1]]))
    return np.concatenate([p[(u * len(p)).astype(np.int64)] for u, (_, p) in zip(where, counted, strict=True)])


class BatchSampler:
    """Draws the items of a step. The draw depends only on the seed, the step and the process's rank, so a resumed run
    repeats it."""

    def __init__(self, capture: Capture, config: TrainConfig, device: torch.device | str = "cpu", rank: int = 0):
        self.capture, self.config, self.device, self.rank = capture, config, device, rank
        self._pools: OrderedDict[tuple[int, int], Pools] = OrderedDict()
        self._pool_bytes = 0
        self._rig = Rig(capture.cameras)
        self._views = [capture.train_views_of(frame) for frame in range(len(capture.frames))]
        self._shots = [(frame, int(view)) for frame, views in enumerate(self._views) for view in views]

    def draw(self, step: int) -> list[Item]:
        rng = np.random.default_rng([self.config.seed, step, self.rank])
        items = []
        for _ in range(self.config.items):
            if self.config.batches == "items":
                # Items are ordered frame-major, cameras inner.
                frame, view = self._shots[int(rng.integers(len(self._shots)))]
                seen = np.array([view])
            else:
                frame = int(rng.integers(len(self.capture.frames)))
                views = self._views[frame]
                seen = rng.permutation(views)[: self.config.views_per_item or len(views)]
            items.append(self._item(frame, seen, rng))
        return items

    def _item(self, frame: int, views: NDArray[np.int64], rng: np.random.Generator) -> Item:
        """Rays shared out evenly to views. Those that miss the box are drawn again."""
        share, extra = divmod(self.config.rays, len(views))
        missing = {int(view): share + (i < extra) for i, view in enumerate(views)}
        box = torch.from_numpy(self.capture.boxes[frame])
        parts: list[Item] = []
        for _ in range(MAX_ROUNDS):
            drawn = [self._pixels(frame, view, count, rng) for view, count in missing.items() if count]
            if not drawn:
                return parts[0] if len(parts) == 1 else cat_items(parts)
            view, position, rgb, mask, edge = (np.concatenate(column) for column in zip(*drawn, strict=True))
            rays, hit = self._rig.rays(view, position, box)
            pixels = (
                torch.from_numpy(rgb) / 255,
                torch.from_numpy(mask != 0).float(),
                torch.from_numpy(edge),
                torch.from_numpy(mask == UNKNOWN),
                torch.from_numpy(view),
            )
            kept = pixels if len(rays) == len(view) else [t[hit] for t in pixels]
            parts.append(Item(frame, rays.to(self.device), *(t.to(self.device) for t in kept)))
            counts = np.bincount(view[hit.numpy()], minlength=len(self.capture.cameras))
            missing = {at: count - int(counts[at]) for at, count in missing.items()}
        name = next(self.capture.cameras[view].name for view, count in missing.items() if count)
        raise InputError(
            f"{self.capture.name}: hardly a pixel of camera {name!r} looks at the box of frame "
            f"{self.capture.frames[frame]}; check its R, T and their unit"
        )

    def _pixels(self, frame: int, view: int, count: int, rng: np.random.Generator) -> tuple[NDArray[Any], ...]:
        """Pixels of a view: its number [n], their positions (column, row) [n, 2], rgb [n, 3] and mask [n] in uint8, and
        whether they are at the silhouette's edge [n]."""
        shot = self.capture.shot(frame, view)
        drawn = draw_pixels(self._pools_of(frame, view, shot), count, self.config, rng)
        row, column = np.divmod(drawn, shot.mask.shape[1])
        edge = edge_band(shot.mask)[row, column] if self.capture.config.edge_band else np.zeros(count, bool)
        position = np.empty((count, 2))
        position[:, 0], position[:, 1] = column + shot.x, row + shot.y
        return np.full(count, view), position, shot.rgb[row, column], shot.mask[row, column], edge

    def _pools_of(self, frame: int, view: int, shot: Shot) -> Pools:
        """The pools of a shot, kept while there is room."""
        key = (frame, view)
        if key in self._pools:
            self._pools.move_to_end(key)
            return self._pools[key]
        pools = self._pools[key] = pixel_pools(shot, self._box_mask(frame, view, shot), self.config)
        self._pool_bytes += pools.nbytes
        while self._pool_bytes > POOL_BYTES and len(self._pools) > 1:
            self._pool_bytes -= self._pools.popitem(last=False)[1].nbytes
        return pools

    def _box_mask(self, frame: int, view: int, shot: Shot) -> NDArray[np.bool_]:
        camera = self.capture.cameras[view]
        h, w = shot.mask.shape
        mask = projected_box_mask(self.capture.boxes[frame], camera)
        return mask[shot.y : shot.y + h, shot.x : shot.x + w] != 0

    def encoder_images(self, frame: int, views: tuple[int, ...]) -> Tensor:
        """[3 K, 512, 512] input of the image encoder at a frame."""
        return torch.from_numpy(self.capture.encoder_images(frame, views)).to(self.device)

    def hull(self, frame: int) -> Tensor:
        """[gx, gy, gz] bool over the frame's box: the visual hull of the training masks."""
        return torch.from_numpy(self.capture.hull(frame, self.config.hull_grid)).to(self.device)
