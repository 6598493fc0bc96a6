"""Ray tracing of one view: which part every sample of every pixel sees, its colour, and the pixel's average."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from dymap.capture.sample.dance import HOOP_RADIUS, dance
from dymap.capture.sample.figure import HOOP_TUBE, Part, dancer
from dymap.capture.sample.frames import inverse_affine
from dymap.capture.sample.light import Occluders, body_occluders, hoop_occluders, shade
from dymap.capture.sample.shapes import Array
from dymap.capture.sample.studio import Backdrop, backdrop, floor_shadow, pixel_rays, with_shadow
from dymap.geometry.camera import Camera

# A square turned within the pixel: four samples on four different rows and columns, symmetric about the centre.
SAMPLES = ((-0.125, -0.375), (0.375, -0.125), (-0.375, 0.125), (0.125, 0.375))


@dataclass(frozen=True, eq=False)
class Scene:
    """The figure at one moment with what its lighting needs. shadow: [cells, cells, 3] of the floor."""

    parts: tuple[Part, ...]
    occluders: Occluders
    shadow: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class View:
    """What a camera needs for any frame. rays: [S, 3, H, W] float32 directions of unit depth for the S samples."""

    camera: Camera
    rays: NDArray[np.float32]
    backdrop: Backdrop


def make_scene(phase: float) -> Scene:
    """The scene at `phase` of the loop."""
    pose = dance(phase)
    body = body_occluders(pose)
    hoop = hoop_occluders(pose.hoop, HOOP_RADIUS, HOOP_TUBE)
    return Scene(tuple(dancer(phase)), body, floor_shadow(body, hoop))


def make_view(camera: Camera) -> View:
    """The rays and the empty studio of a camera without lens distortion."""
    if camera.distorted:
        raise ValueError(f"camera {camera.name!r} has lens distortion: the sample is ray-traced for ideal lenses")
    return View(camera, np.stack([pixel_rays(camera, offset) for offset in SAMPLES]), backdrop(camera))


def _window(part: Part, camera: Camera) -> tuple[slice, slice] | None:
    """Rows and columns of the image that the part's bounding box can touch; None if it is outside."""
    low, high = part.shape.bounds()
    corners = np.array(list(product(*zip(low, high, strict=True)))).T
    pixels, depth = camera.project((part.to_world[:, :3] @ corners + part.to_world[:, 3:]).T)
    if (depth <= 1e-3).any():
        return (slice(0, camera.height), slice(0, camera.width)) if (depth > 0).any() else None
    left, top = np.maximum(np.floor(pixels.min(axis=0)).astype(int) - 1, 0)
    right, bottom = np.ceil(pixels.max(axis=0)).astype(int) + 2
    window = slice(top, min(bottom, camera.height)), slice(left, min(right, camera.width))
    return window if all(axis.stop > axis.start for axis in window) else None


def trace(parts: tuple[Part, ...], view: View) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Depth along z [S, H, W], metres, and index of the part hit [S, H, W], -1 for none, for every sample."""
    samples, _, height, width = view.rays.shape
    depth = np.full((samples, height, width), np.inf, np.float32)
    index = np.full((samples, height, width), -1, np.int16)
    eye = view.camera.position
    for number, part in enumerate(parts):
        window = _window(part, view.camera)
        if window is None:
            continue
        to_local = inverse_affine(part.to_world)
        rays = view.rays[:, :, window[0], window[1]]
        direction = np.moveaxis(rays, 1, 0).reshape(3, -1)
        # Rays restart abreast of the part's centre, where float32 resolves its surface best.
        centre = part.to_world[:, :3] @ np.mean(part.shape.bounds(), axis=0) + part.to_world[:, 3]
        ahead = np.float32(view.camera.R[2] @ (centre - eye))
        local = to_local[:, :3].astype(np.float32) @ direction
        origin = (to_local[:, :3] @ eye + to_local[:, 3]).astype(np.float32)[:, None] + ahead * local
        near = part.shape.hit(origin, local)[0].astype(np.float32).reshape(samples, *rays.shape[2:]) + ahead
        seen = depth[:, window[0], window[1]]
        closer = (near < seen) & (near > 0)
        np.copyto(seen, near, where=closer)
        np.copyto(index[:, window[0], window[1]], np.int16(number), where=closer)
    return depth, index


def _surface(parts: tuple[Part, ...], points: Array, index: Array) -> tuple[Array, Array, Array]:
    """Normals [3, N], albedo [3, N] and gloss [N] at points [3, N] on the parts of `index` [N]."""
    normals, albedo = np.empty_like(points), np.empty_like(points)
    gloss = np.empty(points.shape[1], points.dtype)
    order = np.argsort(index, kind="stable")
    bounds = np.searchsorted(index[order], np.arange(len(parts) + 1))
    for number, part in enumerate(parts):
        where = order[bounds[number] : bounds[number + 1]]
        if not len(where):
            continue
        to_local = inverse_affine(part.to_world).astype(np.float32)
        point = points[:, where]
        normal = to_local[:, :3].T @ part.shape.normal(to_local[:, :3] @ point + to_local[:, 3:])
        normals[:, where] = normal / np.sqrt(np.einsum("in,in->n", normal, normal))
        texture = part.to_texture.astype(np.float32)
        albedo[:, where] = part.material.paint(texture[:, :3] @ point + texture[:, 3:])
        gloss[where] = part.material.gloss
    return normals, albedo, gloss


def encode(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Linear RGB -> sRGB bytes, the brightest tones rolled off softly instead of clipped."""
    value = np.maximum(linear, 0)
    knee = np.float32(0.72)
    value = np.where(value > knee, knee + (1 - knee) * np.tanh((value - knee) / (1 - knee)), value)
    encoded = np.where(value <= 0.0031308, 12.92 * value, 1.055 * np.maximum(value, 1e-6) ** (1 / 2.4) - 0.055)
    return np.round(encoded * 255).astype(np.uint8)


def draw(scene: Scene, view: View) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """RGB [H, W, 3] and labels [H, W] (0 = background) of a scene from a view."""
    depth, index = trace(scene.parts, view)
    sample, row, column = np.nonzero(index >= 0)
    hit = index[sample, row, column]
    eye = view.camera.position.astype(np.float32)
    points = eye[:, None] + depth[sample, row, column] * view.rays[sample, :, row, column].T
    normals, albedo, gloss = _surface(scene.parts, points, hit)
    names = list(dict.fromkeys(scene.occluders.bones))
    own = np.array([names.index(part.bone) if part.bone in names else -1 for part in scene.parts])[hit]
    light = shade(points, normals, albedo, gloss, eye, scene.occluders, own)

    samples, height, width = index.shape
    pixel = row * width + column
    figure = np.stack([np.bincount(pixel, channel, height * width) for channel in light], axis=-1)
    cover = (index >= 0).sum(axis=0)
    share = (cover / np.float32(samples))[..., None]
    linear = with_shadow(view.backdrop, scene.shadow) * (1 - share)
    linear += (figure / samples).reshape(height, width, 3).astype(np.float32)

    nearest = np.take_along_axis(index, depth.argmin(axis=0)[None], axis=0)[0]
    labels = np.array([part.label for part in scene.parts], np.uint8)[nearest]
    return encode(linear), np.where(2 * cover >= samples, labels, 0).astype(np.uint8)


def render_view(camera: Camera, time: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The sample seen by any camera at phase `time` of its loop, [0, 1).

    Gives RGB [H, W, 3] and labels [H, W]: 0 for the background, else the human-parsing label of the part seen.
    """
    return draw(make_scene(time), make_view(camera))
