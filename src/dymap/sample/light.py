"""Soft light on the figure and the floor, without a shadow ray.

The body is also a set of capsules, its bones with flesh. How much of the key light (a disc in the sky) and of the
ambient light a capsule hides from a point has a closed approximation, and the shares that pass all capsules multiply.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dymap.sample.dance import Pose
from dymap.sample.frames import Frame, unit
from dymap.sample.materials import colour, ramp
from dymap.sample.shapes import Array

KEY_DIRECTION = unit((-0.50, -0.62, 0.82))
KEY_COLOUR = colour("#ffe9cf") * np.float32(1.45)
KEY_WRAP = 0.12  # how far, as a cosine, the key light reaches past the terminator
KEY_SOFTNESS = 0.16  # tangent of the half angle of the key light's disc
RIM_DIRECTION = unit((0.72, 0.60, 0.42))
RIM_COLOUR = colour("#bcd4ff") * np.float32(0.95)
SKY_COLOUR = colour("#dfe9f7") * np.float32(0.60)
GROUND_COLOUR = colour("#d9c3ae") * np.float32(0.40)
CHUNK = 2048  # points shaded at once: the tables of points by capsules then stay in the cache


@dataclass(frozen=True, eq=False)
class Occluders:
    """M capsules. start, end: [M, 3]; radius: [M], metres; bones: their M names."""

    start: NDArray[np.float32]
    end: NDArray[np.float32]
    radius: NDArray[np.float32]
    bones: tuple[str, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The bones, each once."""
        return tuple(dict.fromkeys(self.bones))

    @cached_property
    def bone(self) -> NDArray[np.float32]:
        """[M, 3] from start to end."""
        return self.end - self.start


def body_occluders(pose: Pose) -> Occluders:
    """The capsules of a pose; the hoop is a chain of 24."""

    def across(frame: Frame, x: float, y: float, z: float) -> tuple[Array, Array]:
        return frame.point((-x, y, z)), frame.point((x, y, z))

    capsules = [
        ("pelvis", *across(pose.pelvis, 0.045, 0.0, 0.0), 0.105),
        ("belly", *across(pose.waist, 0.035, 0.0, 0.03), 0.090),
        ("chest", *across(pose.chest, 0.045, 0.004, -0.13), 0.098),
        ("chest", *across(pose.chest, 0.110, 0.004, -0.03), 0.075),
        ("neck", pose.chest.point((0, 0, 0.03)), pose.head.point((0, 0, -0.06)), 0.042),
        ("head", pose.head.point((0, 0, -0.02)), pose.head.point((0, 0.012, 0.03)), 0.085),
        ("tail", pose.tail[1], pose.tail[2], 0.036),
    ]
    for arm in pose.arms:
        side = "left" if arm.side > 0 else "right"
        tip = arm.hand.point((0.0, 0.0, 0.09))
        capsules += [
            (f"{side} upper arm", arm.shoulder, arm.elbow, 0.042),
            (f"{side} forearm", arm.elbow, arm.wrist, 0.031),
            (f"{side} hand", arm.hand.point((0.0, 0.0, 0.03)), tip, 0.024),
        ]
    for leg in pose.legs:
        side = "left" if leg.side > 0 else "right"
        capsules += [
            (f"{side} thigh", leg.hip, leg.knee, 0.074),
            (f"{side} shin", leg.knee, leg.ankle, 0.050),
            (f"{side} foot", leg.foot.point((0, 0.04, -0.045)), leg.foot.point((0, -0.12, -0.055)), 0.034),
        ]
    names, starts, ends, radii = zip(*capsules, strict=True)
    start, end, radius = (np.asarray(value, dtype=np.float32) for value in (starts, ends, radii))
    return Occluders(start, end, radius, names)


def hoop_occluders(hoop: Frame, radius: float, tube: float, count: int = 32) -> Occluders:
    """The hoop as a chain of `count` capsules, for its shadow on the floor."""
    angle = 2 * np.pi * np.arange(count) / count
    circle = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.zeros(count)])
    start = (hoop.origin[:, None] + hoop.axes @ circle).T.astype(np.float32)
    return Occluders(start, np.roll(start, -1, axis=0), np.full(count, tube, np.float32), ("hoop",) * count)


def _square_distance(p: Array, q: Array) -> Array:
    """[N, M] squared distances between points [N, 3] and [M, 3]."""
    return np.einsum("ni,ni->n", p, p)[:, None] - 2 * (p @ q.T) + np.einsum("mi,mi->m", q, q)


def key_visibility(points: Array, occluders: Occluders, skip: Array | None = None) -> Array:
    """[N] share of the key light's disc that points [3, N] see past the capsules.

    skip: [N, M] true where a capsule is a point's own bone. A capsule hides the disc by how deep the ray to the
    light's centre runs inside it, measured in the disc's radius at that distance.
    """
    light = KEY_DIRECTION.astype(np.float32)
    bone = occluders.bone
    length2 = np.maximum(np.einsum("mi,mi->m", bone, bone), 1e-8)
    slant = bone @ light
    p = points.T
    along_light = (p @ light)[:, None] - occluders.start @ light
    along_bone = p @ bone.T - np.einsum("mi,mi->m", occluders.start, bone)
    square = _square_distance(p, occluders.start)
    s = np.clip((along_bone - along_light * slant) / np.maximum(length2 - slant * slant, 1e-6), 0, 1)
    t = np.maximum(s * slant - along_light, 0)
    distance2 = square + t * (t + 2 * along_light) + s * (s * length2 - 2 * along_bone - 2 * t * slant)
    distance = np.sqrt(np.maximum(distance2, 0))
    blur = KEY_SOFTNESS * t + 0.004
    # The disc spans 2 blur across the ray; it sets fully behind a capsule broader than it, partly behind a thin one.
    cover = np.clip((occluders.radius + blur - distance) / (2 * blur), 0, 1)
    cover = cover * cover * (3 - 2 * cover) * np.minimum(occluders.radius / blur * 1.2, 1)
    cover = np.where(t > 0, cover, 0)
    if skip is not None:
        cover = np.where(skip, 0, cover)
    return np.prod(1 - cover, axis=1)


def ambient_visibility(points: Array, normals: Array, occluders: Occluders, skip: Array | None = None) -> Array:
    """[N] share of the ambient light that points [3, N] with unit normals [3, N] receive past the capsules.

    A capsule counts as the sphere about its point nearest to the surface point, which hides (r/d)^2 cos of the
    hemisphere, raised by half as a capsule is longer than that sphere.
    """
    bone = occluders.bone
    length2 = np.maximum(np.einsum("mi,mi->m", bone, bone), 1e-8)
    p, n = points.T, normals.T
    along_bone = p @ bone.T - np.einsum("mi,mi->m", occluders.start, bone)
    square = _square_distance(p, occluders.start)
    s = np.clip(along_bone / length2, 0, 1)
    distance2 = np.maximum(square + s * (s * length2 - 2 * along_bone), occluders.radius**2)
    rise = n @ occluders.start.T - np.einsum("ni,ni->n", n, p)[:, None] + s * (n @ bone.T)
    cosine = rise / np.sqrt(distance2)
    cover = np.clip(0.5 * cosine + 0.3, 0, 1) * np.minimum(1.15 * occluders.radius**2 / distance2, 0.9)
    if skip is not None:
        cover = np.where(skip, 0, cover)
    return np.prod(1 - cover, axis=1)


def _wrapped(cosine: Array, wrap: float) -> Array:
    """Lambert's cosine that reaches `wrap` past the terminator, as if the light were broad."""
    return np.clip((cosine + wrap) / (1 + wrap), 0, 1)


def visibility(points: Array, normals: Array, occluders: Occluders, own: Array) -> tuple[Array, Array]:
    """Shares [N] of the key light and of the ambient light that reach points [3, N] with unit normals [3, N].

    own: [N] index of each point's bone in `occluders.names`, -1 for none: a bone does not shade itself.
    """
    key, ambient = np.zeros(points.shape[1], points.dtype), np.empty(points.shape[1], points.dtype)
    bones = np.array([occluders.names.index(bone) for bone in occluders.bones])
    lit = KEY_DIRECTION.astype(points.dtype) @ normals > -KEY_WRAP
    for begin in range(0, points.shape[1], CHUNK):
        part = slice(begin, begin + CHUNK)
        skip = own[part, None] == bones
        ambient[part] = ambient_visibility(points[:, part], normals[:, part], occluders, skip)
        facing = begin + np.flatnonzero(lit[part])
        key[facing] = key_visibility(points[:, facing], occluders, skip[facing - begin])
    return key, ambient


def shade(points: Array, normals: Array, albedo: Array, gloss: Array, eye: Array, key: Array, ambient: Array) -> Array:
    """Linear RGB [3, N] of surface points [3, N] that the shares `key` and `ambient` [N] of the lights reach.

    albedo: [3, N]; gloss: [N]; eye: [3] the camera's centre.
    """
    light, rim = KEY_DIRECTION.astype(points.dtype), RIM_DIRECTION.astype(points.dtype)
    ambient = ambient * (0.55 + 0.45 * ramp(points[2], 0.0, 0.30))  # the floor hides light from what is near it
    key = _wrapped(light @ normals, KEY_WRAP) * key
    up = 0.5 + 0.5 * normals[2]
    fill = GROUND_COLOUR + (SKY_COLOUR - GROUND_COLOUR) * up
    diffuse = KEY_COLOUR * key + (RIM_COLOUR * _wrapped(rim @ normals, 0.2) + fill) * ambient
    colour = albedo * diffuse
    glossy = np.flatnonzero((gloss > 0) & (key > 0))
    half = eye[:, None] - points[:, glossy]
    half = half / np.sqrt(np.einsum("in,in->n", half, half)) + light[:, None]
    half /= np.sqrt(np.einsum("in,in->n", half, half))
    cosine = np.clip(np.einsum("in,in->n", half, normals[:, glossy]), 0, 1)
    colour[:, glossy] += KEY_COLOUR * (gloss[glossy] * key[glossy] * cosine**40)
    return colour
