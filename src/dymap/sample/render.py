"""Ray tracing of one view: which part every sample of every pixel sees, its colour, and the pixel's average."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dymap.geometry.camera import Camera
from dymap.sample.dance import HOOP_RADIUS, dance
from dymap.sample.figure import HOOP_TUBE, Part, dancer
from dymap.sample.light import Occluders, body_occluders, hoop_occluders, shade, visibility
from dymap.sample.shapes import Array
from dymap.sample.studio import Backdrop, backdrop, floor_shadow, pixel_rays, with_shadow

# A square turned within the pixel: four samples on four different rows and columns, symmetric about the centre.
SAMPLES = ((-0.125, -0.375), (0.375, -0.125), (-0.375, 0.125), (0.125, 0.375))


BRIGHTEST = 2.5  # linear; brighter than any surface here, and white to 1 part in 256


def render_view(camera: Camera, time: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The sample seen by any camera at phase `time` of its loop, [0, 1).

    Gives RGB [H, W, 3] and labels [H, W]: 0 for the background, else the human-parsing label of the part seen.
    """
    return draw(make_scene(time), camera, backdrop(camera))


@dataclass(frozen=True, eq=False)
class Scene:
    """The figure at one moment with what its lighting needs. shadow: [cells, cells, 3] of the floor."""

    parts: tuple[Part, ...]
    occluders: Occluders
    shadow: NDArray[np.float32]


def make_scene(phase: float) -> Scene:
    """The scene at `phase` of the loop."""
    pose = dance(phase)
    body = body_occluders(pose)
    hoop = hoop_occluders(pose.hoop, HOOP_RADIUS, HOOP_TUBE)
    return Scene(tuple(dancer(phase)), body, floor_shadow(body, hoop))


def draw(scene: Scene, camera: Camera, studio: Backdrop) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """RGB [H, W, 3] and labels [H, W] (0 = background) of a scene; `studio` is the camera's backdrop."""
    windows = part_windows(scene.parts, camera)
    linear = with_shadow(studio, scene.shadow)
    labels = np.zeros((camera.height, camera.width), np.uint8)
    drawn = windows[(windows[:, 0] < windows[:, 1]) & (windows[:, 2] < windows[:, 3])]
    if len(drawn):
        (top, left), (bottom, right) = drawn[:, ::2].min(axis=0), drawn[:, 1::2].max(axis=0)
        rows, columns = slice(top, bottom), slice(left, right)
        rays = sample_rays(camera, columns, rows)
        figure, cover, labels[rows, columns] = _draw_figure(scene, camera, rays, windows - [top, top, left, left])
        linear[rows, columns] = linear[rows, columns] * (1 - cover[..., None]) + figure
    return encode(linear), labels


def _draw_figure(
    scene: Scene, camera: Camera, rays: NDArray[np.float32], windows: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]:
    """The figure on black in a window of the image: colour [H, W, 3], its share of each pixel [H, W], labels [H, W]."""
    depth, index = trace(scene.parts, camera, rays, windows)
    samples, height, width = index.shape
    sample, row, column = np.nonzero(index >= 0)
    hit, pixel = index[sample, row, column], row * width + column
    eye = camera.position.astype(np.float32)
    points = eye[:, None] + depth[sample, row, column] * rays[sample, :, row, column].T
    normals, albedo, gloss = _surface(scene.parts, points, hit)
    # Shadows are soft: one sample stands for all that see the same part in a pixel.
    _, first, group = np.unique(pixel * len(scene.parts) + hit, return_index=True, return_inverse=True)
    names = scene.occluders.names
    own = np.array([names.index(part.bone) if part.bone in names else -1 for part in scene.parts])[hit[first]]
    key, ambient = visibility(points[:, first], normals[:, first], scene.occluders, own)
    light = shade(points, normals, albedo, gloss, eye, key[group], ambient[group])
    total = np.stack([np.bincount(pixel, channel, height * width) for channel in light], axis=-1)
    colour = (total / samples).reshape(height, width, 3).astype(np.float32)

    count = (index >= 0).sum(axis=0)
    nearest = np.take_along_axis(index, depth.argmin(axis=0)[None], axis=0)[0]
    labels = np.array([part.label for part in scene.parts], np.uint8)[nearest]
    cover = (count / np.float32(samples)).astype(np.float32)
    return colour, cover, np.where(2 * count >= samples, labels, 0).astype(np.uint8)


def sample_rays(camera: Camera, columns: slice, rows: slice) -> NDArray[np.float32]:
    """[S, 3, H, W] world directions of unit depth through the S samples of the pixels in a window of the image."""
    i, j = np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop)
    return np.stack([pixel_rays(camera, i + right, j + down) for right, down in SAMPLES])


def part_windows(parts: tuple[Part, ...], camera: Camera) -> NDArray[np.intp]:
    """[P, 4] top, bottom, left, right of the pixels that each part's bounding box can touch (ends excluded)."""
    corners = np.concatenate([part.corners for part in parts], axis=1).T
    size = np.array([camera.width, camera.height])
    pixels, depth = camera.project(corners)
    pixels, depth = pixels.reshape(-1, 8, 2), depth.reshape(-1, 8)
    low = np.clip(np.floor(pixels.min(axis=1)) - 1, 0, size)
    high = np.clip(np.ceil(pixels.max(axis=1)) + 2, 0, size)
    beside = (depth.min(axis=1) <= 1e-3)[:, None]  # a box that reaches behind the camera can be anywhere
    low, high = np.where(beside, 0, low), np.where(beside, size, high)
    return np.stack([low[:, 1], high[:, 1], low[:, 0], high[:, 0]], axis=1).astype(np.intp)


def trace(
    parts: tuple[Part, ...], camera: Camera, rays: NDArray[np.float32], windows: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Depth along z [S, H, W], metres, and index of the part hit [S, H, W], -1 for none, for every sample.

    rays: [S, 3, H, W]; windows: [P, 4] rows and columns of `rays` that can meet each part.
    """
    samples, _, height, width = rays.shape
    depth = np.full((samples, height, width), np.inf, np.float32)
    index = np.full((samples, height, width), -1, np.int16)
    eye = camera.position
    for number, (part, (top, bottom, left, right)) in enumerate(zip(parts, windows, strict=True)):
        if top >= bottom or left >= right:
            continue
        window = (..., slice(top, bottom), slice(left, right))
        direction = rays[window].swapaxes(0, 1).reshape(3, -1)
        # Rays restart abreast of the part's centre, where float32 resolves its surface best.
        ahead = np.float32(camera.R[2] @ (part.corners.mean(axis=1) - eye))
        turn, shift = part.to_local[:, :3], part.to_local[:, 3]
        local = turn.astype(np.float32) @ direction
        origin = (turn @ eye + shift).astype(np.float32)[:, None] + ahead * local
        seen = depth[window]
        near = part.shape.hit(origin, local)[0].astype(np.float32, copy=False).reshape(seen.shape) + ahead
        closer = (near < seen) & (near > 0)
        np.copyto(seen, near, where=closer)
        np.copyto(index[window], np.int16(number), where=closer)
    return depth, index


def _surface(parts: tuple[Part, ...], points: Array, index: NDArray[np.int16]) -> tuple[Array, Array, Array]:
    """Normals [3, N], albedo [3, N] and gloss [N] at points [3, N] on the parts of `index` [N]."""
    normals, albedo = np.empty_like(points), np.empty_like(points)
    gloss = np.empty(points.shape[1], points.dtype)
    order = np.argsort(index, kind="stable")
    bounds = np.searchsorted(index[order], np.arange(len(parts) + 1))
    for number, part in enumerate(parts):
        where = order[bounds[number] : bounds[number + 1]]
        if not len(where):
            continue
        to_local = part.to_local.astype(np.float32)
        point = points[:, where]
        normal = to_local[:, :3].T @ part.shape.normal(to_local[:, :3] @ point + to_local[:, 3:])
        normals[:, where] = normal / np.sqrt(np.einsum("in,in->n", normal, normal))
        texture = part.to_texture.astype(np.float32)
        albedo[:, where] = part.material.paint(texture[:, :3] @ point + texture[:, 3:])
        gloss[where] = part.material.gloss
    return normals, albedo, gloss


def encode(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Linear RGB -> sRGB bytes, the brightest tones rolled off softly instead of clipped."""
    table = _tone_curve()
    return table[np.clip(linear * ((len(table) - 1) / BRIGHTEST), 0, len(table) - 1).astype(np.intp)]


@cache
def _tone_curve() -> NDArray[np.uint8]:
    """sRGB byte of every linear value from 0 to BRIGHTEST, in steps finer than any byte's."""
    value, knee = np.linspace(0, BRIGHTEST, 2**14), 0.72
    value = np.where(value > knee, knee + (1 - knee) * np.tanh((value - knee) / (1 - knee)), value)
    encoded = np.where(value <= 0.0031308, 12.92 * value, 1.055 * np.maximum(value, 1e-6) ** (1 / 2.4) - 0.055)
    return np.round(encoded * 255).astype(np.uint8)
