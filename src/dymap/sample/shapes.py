"""Analytic shapes and where a ray meets them.

Every shape lives in its own local frame; a part of the figure places it with an affine map, under which the ray
parameter t keeps its meaning. Points and directions are [3, N]; directions need not have unit length. The convex
shapes give the whole interval of t inside them, which lets half-spaces cut them (cuffs, hems, a hairline).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Interval = tuple[Array, Array]

GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


class Shape(Protocol):
    """A closed surface in its local frame."""

    def hit(self, origin: Array, direction: Array) -> Interval:
        """t [N] at which each line enters and leaves; (inf, -inf) where it misses."""
        ...

    def normal(self, point: Array) -> Array:
        """[3, N] unit outward normals at surface points [3, N]."""
        ...

    def bounds(self) -> tuple[Array, Array]:
        """Lowest and highest corner [3] of a box around the shape."""
        ...

    def surface(self, count: int) -> Array:
        """[3, about count] points on the surface."""
        ...


def sphere_directions(count: int) -> Array:
    """[3, count] directions spread evenly over the unit sphere (a Fibonacci spiral)."""
    index = np.arange(count) + 0.5
    z = 1 - 2 * index / count
    ring = np.sqrt(1 - z**2)
    return np.stack([ring * np.cos(GOLDEN_ANGLE * index), ring * np.sin(GOLDEN_ANGLE * index), z])


def _normalized(vector: Array) -> Array:
    return vector / np.sqrt(np.einsum("in,in->n", vector, vector))


def _roots(a: Array, half_b: Array, c: Array) -> Interval:
    """Both roots of a t^2 + 2 half_b t + c = 0, nan where there is none."""
    root = np.sqrt(half_b * half_b - a * c)
    return (-half_b - root) / a, (-half_b + root) / a


def _sphere_roots(origin: Array, direction: Array, a: Array, height: float, radius: float) -> Interval:
    """Roots for a sphere of `radius` centred at (0, 0, height); a = |direction|^2."""
    x, y, z = origin[0], origin[1], origin[2] - height
    half_b = x * direction[0] + y * direction[1] + z * direction[2]
    return _roots(a, half_b, x * x + y * y + z * z - radius * radius)


def _closed(near: Array, far: Array) -> Interval:
    """Replace the nan of a miss by the empty interval."""
    miss = np.isnan(near)
    return np.where(miss, np.inf, near), np.where(miss, -np.inf, far)


@dataclass(frozen=True)
class Ball:
    """The unit sphere: under an affine map, any ellipsoid."""

    def hit(self, origin: Array, direction: Array) -> Interval:
        a = np.einsum("in,in->n", direction, direction)
        with np.errstate(invalid="ignore"):
            return _closed(*_sphere_roots(origin, direction, a, 0.0, 1.0))

    def normal(self, point: Array) -> Array:
        return _normalized(point)

    def bounds(self) -> tuple[Array, Array]:
        return -np.ones(3), np.ones(3)

    def surface(self, count: int) -> Array:
        return sphere_directions(count)


@dataclass(frozen=True)
class RoundCone:
    """The convex hull of two spheres: radius `start` about the origin, radius `end` about (0, 0, length).

    Equal radii make a capsule. The tangent cone between the spheres has the radius (start - slope z) / cosine at
    height z, where slope = (start - end) / length is the sine of its half opening angle.
    """

    length: float
    start: float
    end: float

    def __post_init__(self) -> None:
        if abs(self.start - self.end) >= self.length:
            raise ValueError("one end of a round cone swallows the other")

    @property
    def slope(self) -> float:
        return (self.start - self.end) / self.length

    def hit(self, origin: Array, direction: Array) -> Interval:
        slope = self.slope
        cosine = float(np.sqrt(1 - slope * slope))
        dx, dy, dz = direction
        x, y, z = origin
        flat = dx * dx + dy * dy
        with np.errstate(invalid="ignore", divide="ignore"):
            a = flat + dz * dz
            enter_start, leave_start = _sphere_roots(origin, direction, a, 0.0, self.start)
            enter_end, leave_end = _sphere_roots(origin, direction, a, self.length, self.end)
            shrink = (slope / cosine) * dz
            radius = (self.start - slope * z) / cosine
            side = _roots(flat - shrink * shrink, x * dx + y * dy + radius * shrink, x * x + y * y - radius * radius)
            low, high = self.start * slope, self.length + self.end * slope
            near = np.fmin(enter_start, enter_end)
            far = np.fmax(leave_start, leave_end)
            for t in side:  # unordered where the cone's quadratic opens downwards, so each counts for both ends
                height = z + t * dz
                valid = (height >= low) & (height <= high)
                near = np.fmin(near, np.where(valid, t, np.inf))
                far = np.fmax(far, np.where(valid, t, -np.inf))
        return _closed(np.where(far > near, near, np.nan), far)

    def normal(self, point: Array) -> Array:
        slope = self.slope
        centre = np.clip((point[2] - slope * self.start) / (1 - slope * slope), 0.0, self.length)
        return _normalized(np.stack([point[0], point[1], point[2] - centre]))

    def bounds(self) -> tuple[Array, Array]:
        widest = max(self.start, self.end)
        return np.array([-widest, -widest, -self.start]), np.array([widest, widest, self.length + self.end])

    def surface(self, count: int) -> Array:
        directions = sphere_directions(count // 2)
        beyond = directions[2] >= self.slope
        caps = directions * np.where(beyond, self.end, self.start)
        caps[2] += np.where(beyond, self.length, 0.0)
        index = np.arange(count - count // 2)
        centre = self.length * (index + 0.5) / len(index)
        radius = self.start - self.slope * centre
        ring = radius * np.sqrt(1 - self.slope**2)
        angle = GOLDEN_ANGLE * index
        side = np.stack([ring * np.cos(angle), ring * np.sin(angle), centre + radius * self.slope])
        return np.concatenate([caps, side], axis=1)


@dataclass(frozen=True)
class Box:
    """The box of half extents `half` [3] about the origin."""

    half: tuple[float, float, float]

    def hit(self, origin: Array, direction: Array) -> Interval:
        half = np.asarray(self.half, dtype=origin.dtype)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            one, two = (-half - origin) / direction, (half - origin) / direction
        near, far = np.fmin(one, two).max(axis=0), np.fmax(one, two).min(axis=0)
        return _closed(np.where(far > near, near, np.nan), far)

    def normal(self, point: Array) -> Array:
        share = point / np.asarray(self.half, dtype=point.dtype)[:, None]
        face = np.abs(share).argmax(axis=0)
        columns = np.arange(point.shape[1])
        normal = np.zeros_like(point)
        normal[face, columns] = np.sign(share[face, columns])
        return normal

    def bounds(self) -> tuple[Array, Array]:
        half = np.asarray(self.half, dtype=np.float64)
        return -half, half

    def surface(self, count: int) -> Array:
        directions = sphere_directions(count)
        return directions / np.abs(directions).max(axis=0) * np.asarray(self.half)[:, None]


@dataclass(frozen=True)
class Ring:
    """A torus about z: a tube of radius `tube` around the circle of `radius`. Only its entry t is meaningful."""

    radius: float
    tube: float

    def distance(self, point: Array) -> Array:
        """[N] signed distance to the surface."""
        return np.hypot(np.hypot(point[0], point[1]) - self.radius, point[2]) - self.tube

    def hit(self, origin: Array, direction: Array) -> Interval:
        """By sphere tracing from the slab |z| <= tube on, of the few rays whose stay in the slab crosses the tube."""
        near = np.full(origin.shape[1], np.inf, dtype=origin.dtype)
        speed = np.sqrt(np.einsum("in,in->n", direction, direction))
        reach = self.radius + self.tube
        start, end = Box((reach, reach, self.tube)).hit(origin, direction)
        inner = (self.radius - self.tube) ** 2
        candidate = np.zeros(near.shape, dtype=bool)
        entered = np.flatnonzero(end > start)
        for t in (start[entered], end[entered]):
            point = origin[:2, entered] + t * direction[:2, entered]
            candidate[entered] |= point[0] ** 2 + point[1] ** 2 > inner
        active = np.flatnonzero(candidate)
        t = start[active].astype(np.float64)
        for _ in range(64):
            gap = self.distance(origin[:, active] + t * direction[:, active])
            done = gap < 1e-5
            near[active[done]] = t[done]
            t = t + gap / speed[active]
            keep = ~done & (t < end[active])
            active, t = active[keep], t[keep]
            if not len(active):
                break
        return near, np.where(np.isfinite(near), near, -np.inf)

    def normal(self, point: Array) -> Array:
        flat = np.hypot(point[0], point[1])
        out = 1 - self.radius / flat
        return _normalized(np.stack([point[0] * out, point[1] * out, point[2]]))

    def bounds(self) -> tuple[Array, Array]:
        reach = self.radius + self.tube
        high = np.array([reach, reach, self.tube])
        return -high, high

    def surface(self, count: int) -> Array:
        index = np.arange(count)
        around, across = 2 * np.pi * (index + 0.5) / count, GOLDEN_ANGLE * index
        flat = self.radius + self.tube * np.cos(across)
        return np.stack([flat * np.cos(around), flat * np.sin(around), self.tube * np.sin(across)])


@dataclass(frozen=True)
class Cut:
    """The part of a convex shape where n . p <= d for every plane (nx, ny, nz, d), n of unit length."""

    shape: Shape
    planes: tuple[tuple[float, float, float, float], ...]

    def hit(self, origin: Array, direction: Array) -> Interval:
        near, far = self.shape.hit(origin, direction)
        for nx, ny, nz, d in self.planes:
            rate = nx * direction[0] + ny * direction[1] + nz * direction[2]
            gap = d - (nx * origin[0] + ny * origin[1] + nz * origin[2])
            with np.errstate(divide="ignore", invalid="ignore"):
                t = gap / rate
            near = np.where(rate < 0, np.maximum(near, t), near)
            far = np.where(rate > 0, np.minimum(far, t), far)
        miss = ~(far > near)
        return np.where(miss, np.inf, near), np.where(miss, -np.inf, far)

    def normal(self, point: Array) -> Array:
        normal = self.shape.normal(point)
        for *n, d in self.planes:
            on_plane = np.abs(n[0] * point[0] + n[1] * point[1] + n[2] * point[2] - d) < 1e-5 * max(1.0, abs(d))
            normal = np.where(on_plane, np.asarray(n, dtype=point.dtype)[:, None], normal)
        return normal

    def bounds(self) -> tuple[Array, Array]:
        low, high = self.shape.bounds()
        for *n, d in self.planes:
            axis = int(np.argmax(np.abs(n)))
            if abs(n[axis]) > 1 - 1e-9:  # only planes across an axis tighten the box
                if n[axis] > 0:
                    high[axis] = min(high[axis], d)
                else:
                    low[axis] = max(low[axis], -d)
        return low, high

    def surface(self, count: int) -> Array:
        points = self.shape.surface(count)
        keep = np.ones(points.shape[1], dtype=bool)
        for nx, ny, nz, d in self.planes:
            keep &= nx * points[0] + ny * points[1] + nz * points[2] <= d
        return points[:, keep]
