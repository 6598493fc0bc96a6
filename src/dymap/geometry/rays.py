"""Rays of a camera and their intersection with an axis-aligned box (method.md 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from dymap.geometry.camera import Array, Camera


@dataclass(frozen=True)
class Rays:
    """A batch of rays.

    origins: [R, 3] world, metres; directions: [R, 3] unit; near, far: [R] metres along the ray.
    """

    origins: Tensor
    directions: Tensor
    near: Tensor
    far: Tensor

    def __len__(self) -> int:
        return len(self.near)

    def __getitem__(self, index: slice | Tensor) -> Rays:
        return Rays(self.origins[index], self.directions[index], self.near[index], self.far[index])

    def to(self, device: torch.device | str) -> Rays:
        """The same rays on another device."""
        return Rays(*(value.to(device) for value in vars(self).values()))

    @staticmethod
    def cat(batches: list[Rays]) -> Rays:
        """All rays of several batches, one behind the other: [N1], [N2], ... -> [N1 + N2 + ...]."""
        keys = ("origins", "directions", "near", "far")
        return Rays(*(torch.cat([getattr(rays, key) for rays in batches]) for key in keys))


def pixel_grid(camera: Camera, first: int = 0, end: int | None = None) -> Array:
    """[N, 2] integer positions (column, row) of the pixels in rows first .. end (default: all), row by row."""
    columns, rows = np.meshgrid(np.arange(camera.width), np.arange(first, camera.height if end is None else end))
    return np.stack([columns, rows], axis=-1).reshape(-1, 2).astype(np.float64)


def pixel_directions(camera: Camera, pixels: ArrayLike | None = None) -> Array:
    """Unit ray directions [N, 3] in the world of pixels [N, 2] (column, row): unit(R^T K^-1 [i, j, 1]), float64."""
    grid = pixel_grid(camera) if pixels is None else np.asarray(pixels, dtype=np.float64)
    grid = grid + camera.pixel_offset
    homogeneous = np.concatenate([grid, np.ones((len(grid), 1))], axis=1)
    directions = homogeneous @ (camera.R.T @ np.linalg.inv(camera.K)).T
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def slab_test(origins: Tensor, directions: Tensor, box: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where rays enter and leave a box: near [R], far [R] (metres; near may be negative) and hit [R] = near < far.

    origins, directions: [R, 3]; box: [2, 3] minimum and maximum. Each ray has its own origin. Components of the
    direction in (-1e-10, 1e-5) become 1e-5 and those in (-1e-5, 1e-10) become -1e-5, as in the published code.
    """
    safe = torch.where((directions < 1e-5) & (directions > -1e-10), 1e-5, directions)
    safe = torch.where((safe < 1e-10) & (safe > -1e-5), -1e-5, safe)
    to_min = (box[0] - origins) / safe
    to_max = (box[1] - origins) / safe
    near = torch.minimum(to_min, to_max).amax(dim=-1)
    far = torch.maximum(to_min, to_max).amin(dim=-1)
    return near, far, near < far


class Rig:
    """Cameras whose rays are made together."""

    def __init__(self, cameras: Sequence[Camera]):
        self._matrices = np.stack([camera.R.T @ np.linalg.inv(camera.K) for camera in cameras])
        self._offsets = np.array([camera.pixel_offset for camera in cameras])
        self._positions = torch.from_numpy(np.stack([camera.position for camera in cameras])).float()

    def rays(self, camera: NDArray[np.int64], pixels: ArrayLike, box: Tensor) -> tuple[Rays, Tensor]:
        """As `camera_rays`, of pixels [N, 2] of the cameras of these numbers [N]."""
        grid = np.asarray(pixels, dtype=np.float64) + self._offsets[camera, None]
        matrix = self._matrices[camera]
        directions = matrix[:, :, 0] * grid[:, :1] + matrix[:, :, 1] * grid[:, 1:] + matrix[:, :, 2]
        directions /= np.sqrt(np.square(directions).sum(axis=1, keepdims=True))
        origins = self._positions.index_select(0, torch.from_numpy(camera))
        return _within(origins, torch.from_numpy(directions).float(), box)


def _within(origins: Tensor, directions: Tensor, box: Tensor) -> tuple[Rays, Tensor]:
    """The rays that hit a box, and which those are."""
    near, far, hit = slab_test(origins, directions, box)
    rays = Rays(origins, directions, near, far)
    return (rays if hit.all() else rays[hit]), hit


def camera_rays(
    camera: Camera, box: Tensor, pixels: ArrayLike | None = None, device: torch.device | str = "cpu"
) -> tuple[Rays, Tensor]:
    """Rays of a camera's pixels that hit a box, and which pixels those are.

    box: [2, 3] world, metres. pixels: [N, 2] (column, row); default all H * W of them.
    Returns float32 Rays of the M pixels that hit, and hit [N] bool (the *box mask* of method.md 9 for a whole image).
    Directions are computed in float64 on the CPU, so that every device sees the same rays.
    """
    directions = torch.from_numpy(pixel_directions(camera, pixels)).float()
    origins = torch.from_numpy(camera.position).float().expand_as(directions)
    rays, hit = _within(origins, directions, box.detach().cpu().float())
    return rays.to(device), hit.to(device)
