"""The studio around the figure: a floor that curves up into a round backdrop, with the figure's shadow on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dymap.geometry.camera import Camera
from dymap.sample.light import Occluders, ambient_visibility, key_visibility
from dymap.sample.materials import colour, mix, ramp

FLOOR_RADIUS = 5.0
SHADOW_HALF_WIDTH, SHADOW_CELLS = 2.6, 208  # the square of floor that can lie in shadow, metres and cells a side

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Backdrop:
    """What a camera sees of the empty studio. colour: [H, W, 3] linear; floor: [H, W, 2] x, y, inf off the floor."""

    colour: Image
    floor: Image


def pixel_rays(camera: Camera, columns: ArrayLike, rows: ArrayLike) -> Image:
    """[3, rows, columns] float32 world directions of unit depth through pixel positions (integers: the centres)."""
    across, down, corner = (camera.R.T @ np.linalg.inv(camera.K)).T
    i = np.asarray(columns, dtype=np.float64) + camera.pixel_offset
    j = np.asarray(rows, dtype=np.float64) + camera.pixel_offset
    horizontal = (across[:, None] * i).astype(np.float32)
    vertical = (down[:, None] * j + corner[:, None]).astype(np.float32)
    return horizontal[:, None, :] + vertical[:, :, None]


def backdrop(camera: Camera) -> Backdrop:
    """The empty studio from a camera: a pool of warm light on the floor, cool walls that darken upwards."""
    if camera.distorted:
        raise ValueError(f"camera {camera.name!r} has lens distortion: the sample is ray-traced for ideal lenses")
    eye = camera.position.astype(np.float32)
    rays = pixel_rays(camera, np.arange(camera.width), np.arange(camera.height))
    flat = rays[0] ** 2 + rays[1] ** 2
    half_b = eye[0] * rays[0] + eye[1] * rays[1]
    wall = (-half_b + np.sqrt(half_b**2 + flat * (FLOOR_RADIUS**2 - eye[0] ** 2 - eye[1] ** 2))) / flat
    with np.errstate(divide="ignore"):
        down = np.where(rays[2] < 0, -eye[2] / rays[2], np.inf)
    on_floor = down < wall
    t = np.where(on_floor, down, wall)
    x, y, z = eye[:, None, None] + t * rays
    # One coordinate runs outwards over the floor and on up the wall, so that no edge shows between them.
    run = np.where(on_floor, np.hypot(x, y), FLOOR_RADIUS + z)
    floor, far, wall_tone = colour("#e9dfd3"), colour("#b9bec6"), colour("#7f8a9a")
    tone = mix(floor[..., None], far[..., None], ramp(run, 0.4, 4.6)[None])
    tone = mix(tone, wall_tone[..., None], ramp(run, 4.0, 8.5)[None])
    ring = ramp(np.abs(run - 1.25), 0.020, 0.012) * 0.35
    tone = mix(tone, colour("#faf8f4")[..., None], ring[None])
    floor_points = np.where(on_floor[..., None], np.stack([x, y], axis=-1), np.inf)
    return Backdrop(np.moveaxis(tone, 0, -1).astype(np.float32), floor_points.astype(np.float32))


def floor_shadow(body: Occluders, hoop: Occluders) -> Image:
    """[cells, cells, 3] factor on the floor's colour over the square of SHADOW_HALF_WIDTH, rows along y."""
    axis = (np.arange(SHADOW_CELLS, dtype=np.float32) + 0.5) / SHADOW_CELLS * 2 - 1
    x, y = np.meshgrid(axis * SHADOW_HALF_WIDTH, axis * SHADOW_HALF_WIDTH)
    points = np.stack([x.ravel(), y.ravel(), np.zeros(x.size, np.float32)])
    up = np.broadcast_to(np.array([[0], [0], [1]], np.float32), points.shape)
    key, ambient = np.empty(points.shape[1], np.float32), np.empty(points.shape[1], np.float32)
    for begin in range(0, points.shape[1], 4096):
        part = slice(begin, begin + 4096)
        key[part] = key_visibility(points[:, part], body) * key_visibility(points[:, part], hoop)
        ambient[part] = ambient_visibility(points[:, part], up[:, part], body)
    warm, cool = np.array([0.46, 0.42, 0.37], np.float32), np.array([0.54, 0.58, 0.63], np.float32)
    shade = key[:, None] * warm + ambient[:, None] * cool
    fade = ramp(np.hypot(x, y), SHADOW_HALF_WIDTH, SHADOW_HALF_WIDTH - 0.5).reshape(-1, 1)
    return (1 + (shade - 1) * fade).reshape(SHADOW_CELLS, SHADOW_CELLS, 3).astype(np.float32)


def with_shadow(studio: Backdrop, shadow: Image) -> Image:
    """[H, W, 3] linear colour of the studio under a floor shadow."""
    cell = (studio.floor / SHADOW_HALF_WIDTH + 1) * (SHADOW_CELLS / 2) - 0.5
    cell = np.where(np.isfinite(cell), cell, -10).astype(np.float32)
    factor = cv2.remap(
        shadow, cell[..., 0], cell[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(1, 1, 1)
    )
    return studio.colour * factor
