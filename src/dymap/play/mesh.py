"""Surfaces of a Frame: triangles by marching cubes of the density (method.md 7), and points spread over them.

Frame -> density on a lattice, cut off at empty voxels -> marching cubes -> pieces that are kept, simplified -> normals
-> colours seen along them
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.measure import marching_cubes
from torch import Tensor

from dymap.config import LEVEL, VOXEL
from dymap.errors import InputError
from dymap.field.frame import Frame
from dymap.pictures import to_bytes
from dymap.play.simplify import keep_pieces, simplify

MAX_POINTS = 2**28
"""Largest lattice: 1 GiB of densities."""
SLAB_POINTS = 2**23
"""Lattice points whose density is computed at once."""
CHUNK_COLOURS = 2**16
"""Vertices whose colour is computed at once."""
MAX_SAMPLES = 10**8
"""Most points that can be spread over a surface."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """A surface. vertices: [V, 3] float32 world, metres. faces: [F, 3] int32, counter-clockwise seen from outside.

    colours: [V, 3] uint8 RGB as in the images. normals: [V, 3] float32, unit, outward.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    colours: NDArray[np.uint8]
    normals: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Points:
    """Points on a surface. positions: [N, 3] float32 world, metres; colours and normals as a Mesh's, [N, 3]."""

    positions: NDArray[np.float32]
    colours: NDArray[np.uint8]
    normals: NDArray[np.float32]


@torch.no_grad()
def extract_mesh(
    frame: Frame,
    occupancy: Tensor | None = None,
    *,
    voxel: float = VOXEL,
    level: float = LEVEL,
    min_piece: float = 0.0,
    target: float | None = None,
) -> Mesh:
    """The closed surface where the raw density of a frame is `level`, coloured as seen from straight outside.

    occupancy: [gx, gy, gz] bool over the frame's box; what lies in its empty voxels is left out, as the marching
    renderer does. None: the whole box, as published. voxel: metres between lattice points. min_piece: pieces of less
    than this share of the largest one's area are left out; 1: only the largest stays. target: simplified to so many
    faces, or below 1 to such a share (`simplify`); colours are those of the vertices that are left.

    Density that reaches an empty voxel or a face of the box is cut off there, half a voxel from the last lattice point
    inside. Memory: 4 bytes a lattice point and the mesh itself.

    Raises InputError for a lattice that is too large or too coarse, if no density exceeds the level, and as
    `keep_pieces` and `simplify` do.
    """
    if not math.isfinite(level):
        raise InputError(f"level {level:g}: the density of a surface must be a finite number")
    lines = _lattice(frame.box, voxel)
    volume, largest = _densities(frame, lines, occupancy, level)
    if not volume.max() > level:
        where = "the box" if occupancy is None else "the occupied voxels"
        raise InputError(
            f"no surface: no raw density in {where} exceeds the level {level:g} (largest in the box: {largest:.3g}); "
            "take a lower --level, or train longer"
        )
    # "ascent" turns the faces counter-clockwise seen from the side of the lower density.
    corners, faces, _, _ = marching_cubes(volume, level, gradient_direction="ascent")
    world = [np.interp(corners[:, k], np.arange(len(line)), line.cpu().numpy()) for k, line in enumerate(lines)]
    vertices = np.stack(world, axis=1).astype(np.float32)
    if min_piece:
        vertices, faces = keep_pieces(vertices, faces, min_piece)
    if target is not None:
        vertices, faces = simplify(vertices, faces, target)
        if min_piece:  # thin necks have come apart
            vertices, faces = keep_pieces(vertices, faces, min_piece)
    normals = vertex_normals(vertices, faces)
    return Mesh(vertices, faces, _colours(frame, vertices, normals), normals)


def sample_points(mesh: Mesh, count: int, seed: int = 0) -> Points:
    """`count` points spread evenly over a mesh: every face gets its share by area, to within one point.

    Colours and normals are interpolated between the vertices. The same seed gives the same points.
    Raises InputError for a count below 1 or above MAX_SAMPLES, and for a mesh without area.
    """
    check_count(count)
    area = np.linalg.norm(_face_normals(mesh.vertices, mesh.faces), axis=1).cumsum()  # [F] up to and with each face
    if not (len(area) and area[-1] > 0):
        raise InputError("no points can be spread over a mesh without area")
    random = np.random.default_rng(seed)
    # One point in each of `count` equal parts of the area: shares without the scatter of independent draws.
    place = (np.arange(count) + random.random(count)) / count * area[-1]
    corners = mesh.faces[np.searchsorted(area, place, side="right").clip(max=len(area) - 1)]  # [N, 3]
    # A uniform point of the unit square, folded into its lower triangle.
    u, v = random.random((2, count))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    weights = np.stack([1 - u - v, u, v], axis=1)

    def between(values: NDArray[np.float32] | NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.einsum("nk,nkc->nc", weights, values[corners])

    colours = between(mesh.colours).round().astype(np.uint8)
    return Points(between(mesh.vertices).astype(np.float32), colours, _unit(between(mesh.normals)))


def check_count(count: int) -> None:
    """Raise InputError for a number of points that is none, or too large."""
    if not 1 <= count <= MAX_SAMPLES:
        raise InputError(f"--points {count}: expected a number from 1 to {MAX_SAMPLES}")


def area_of(mesh: Mesh) -> float:
    """Of its faces, square metres."""
    return float(np.linalg.norm(_face_normals(mesh.vertices, mesh.faces), axis=1).sum() / 2)


def _lattice(box: Tensor, voxel: float) -> list[Tensor]:
    """The mesh lattice's lines along x, y and z, world, metres; if one leaves the box it ends on the box's face.

    Refuses lattices before anything of their size is made.
    """
    if not 0 < voxel < math.inf:
        raise InputError(f"--voxel {voxel:g}: expected a length above 0, in metres")
    sides = [float(side) for side in box[1] - box[0]]
    size = " x ".join(f"{side:.2f}" for side in sides)
    if min(sides) <= voxel:
        raise InputError(f"voxels of {voxel:g} m are too coarse for the box of {size} m; take a smaller --voxel")

    def points(length: float) -> float:
        return math.prod(side / length + 1 for side in sides)

    if points(voxel) > MAX_POINTS:
        enough = (math.prod(sides) / MAX_POINTS) ** (1 / 3)
        while points(enough) > MAX_POINTS:
            enough *= 1.1
        enough = math.ceil(enough * 1e4) / 1e4  # to 0.1 mm
        raise InputError(
            f"voxels of {voxel * 1000:g} mm make a lattice of {points(voxel):.2g} points in the box of {size} m, "
            f"but at most {MAX_POINTS:.2g} are possible; take a larger --voxel, such as {enough:g}"
        )
    lines = mesh_lattice(box, (voxel, voxel, voxel))
    return [torch.cat([line[line < high], high[None]]) for line, high in zip(lines, box[1], strict=True)]


def mesh_lattice(box: Tensor, voxel: tuple[float, float, float]) -> list[Tensor]:
    """World coordinates of the mesh lattice along x, y and z, metres: arange(min, max + v, v) each."""
    return [
        torch.arange(float(box[0, axis]), float(box[1, axis]) + v, v, dtype=torch.float64).to(box)
        for axis, v in enumerate(voxel)
    ]


def _densities(
    frame: Frame, lines: list[Tensor], occupancy: Tensor | None, level: float
) -> tuple[NDArray[np.float32], float]:
    """Raw density [A, B, D] on the lattice, nowhere above the level outside; and the largest there was anywhere.

    Outside are the faces of the box and the empty voxels. Excess is mirrored at the level there, which closes the
    surface midway between the points, and hardly moves one that only just reaches an empty voxel.
    """
    low, high = frame.box
    coords = [((line - low[k]) / (high[k] - low[k])).clamp(0, 1) for k, line in enumerate(lines)]
    inner = [(line > low[k]) & (line < high[k]) for k, line in enumerate(lines)]
    volume = np.empty([len(line) for line in lines], np.float32)
    largest = -math.inf
    rows = max(1, SLAB_POINTS // volume[0].size)
    for start in range(0, len(volume), rows):
        slab = slice(start, start + rows)
        sigma = frame.density_lattice((coords[0][slab], coords[1], coords[2]))
        largest = max(largest, float(sigma.max()))
        inside = inner[0][slab, None, None] & inner[1][:, None] & inner[2]
        if occupancy is not None:
            # The voxel of a point as the marching renderer finds it (method.md 8).
            i, j, k = ((c * n).long().clamp(max=n - 1) for c, n in zip(coords, occupancy.shape, strict=True))
            inside &= occupancy[i[slab, None, None], j[:, None], k]
        volume[slab] = torch.where(inside, sigma, torch.minimum(sigma, 2 * level - sigma)).cpu().numpy()
    return volume, largest


def vertex_normals(vertices: NDArray[np.float32], faces: NDArray[np.int32]) -> NDArray[np.float32]:
    """[V, 3] unit: the mean of the adjacent faces' normals weighted by area; +z if all those faces are empty."""
    across = _face_normals(vertices, faces)
    summed = [np.bincount(faces.ravel(), np.repeat(across[:, k], 3), minlength=len(vertices)) for k in range(3)]
    return _unit(np.stack(summed, axis=1))


def _face_normals(vertices: NDArray[np.float32], faces: NDArray[np.int32]) -> NDArray[np.float64]:
    """[F, 3] outward, twice the face's area long."""
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    return np.cross(b - a, c - a)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 0, vectors / np.where(length > 0, length, 1), (0, 0, 1)).astype(np.float32)


def _colours(frame: Frame, vertices: NDArray[np.float32], normals: NDArray[np.float32]) -> NDArray[np.uint8]:
    """[V, 3] the field's colour at each vertex for a ray that comes in against its normal."""
    colours = np.empty(vertices.shape, np.uint8)
    for start in range(0, len(vertices), CHUNK_COLOURS):
        part = slice(start, start + CHUNK_COLOURS)
        position = frame.normalise(torch.from_numpy(vertices[part]).to(frame.box))
        _, feature = frame.density(position)
        rgb = frame.colour(position, feature, -torch.from_numpy(normals[part]).to(frame.box))
        colours[part] = to_bytes(rgb)
    return colours
