"""Surfaces: where they lie, which way they face, what colour they have, and that they close."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.config import FieldConfig, HashConfig
from dymap.errors import InputError
from dymap.field.frame import Frame, GridFrame
from dymap.field.hashgrid import HashGrids
from dymap.play import mesh as meshes
from dymap.play.mesh import Mesh, extract_mesh, sample_points, vertex_normals

BOX = torch.tensor([[-0.9, -1.0, -0.8], [1.0, 0.9, 1.1]])
CONFIG = FieldConfig(hash=HashConfig(levels=1, log2_size=8, features=1, base=4, finest=4), map_size=4, hidden=4)
VOXEL = 0.04
RADIUS = 0.6
LEVEL = 5.0


def ball(centre: tuple[float, float, float] = (0, 0, 0), radius: float = RADIUS, plane_size: int = 129) -> Frame:
    """A Frame whose density is LEVEL + 40 (radius^2 - |p - centre|^2) but for the planes' interpolation.

    Its colours are random networks, which change with the place and the direction.
    """
    x, y, z = (torch.linspace(float(a), float(b), plane_size) - c for a, b, c in zip(*BOX, centre, strict=True))
    planes = torch.zeros(3, plane_size, plane_size, 2)  # [plane, second axis, first axis, feature and coefficient]
    planes[0, ..., 0] = LEVEL + 40 * (radius**2 - x.square() - y[:, None].square())
    planes[0, ..., 1] = 1
    planes[2, ..., 0] = -40 * z[:, None].square()
    g = torch.Generator().manual_seed(1)
    maps = torch.randn(3, 16, CONFIG.map_params, generator=g) / 3
    hash = HashGrids(CONFIG.hash).requires_grad_(False)
    for table in hash.tables:
        table.zero_()
    return GridFrame(CONFIG, BOX, planes, maps, hash.at(0.0))


def density(frame: Frame, points: NDArray[np.float32]) -> Tensor:
    return frame.density(frame.normalise(torch.from_numpy(points)))[0]


def volume_of(mesh: Mesh) -> float:
    """Enclosed volume: positive if the faces are counter-clockwise seen from outside."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(np.float64) for k in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


def is_closed(mesh: Mesh) -> bool:
    """Whether every edge of a face is some other face's edge in the opposite direction."""
    edges = np.concatenate([mesh.faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    there, back = np.sort(edges @ (len(mesh.vertices), 1)), np.sort(edges @ (1, len(mesh.vertices)))
    return np.array_equal(there, back)


@pytest.fixture(scope="module")
def frame() -> Frame:
    return ball()


@pytest.fixture(scope="module")
def surface(frame: Frame) -> Mesh:
    return extract_mesh(frame, voxel=VOXEL)


def test_surface_lies_on_the_level(frame: Frame, surface: Mesh) -> None:
    assert len(surface.vertices) > 1000
    # Between lattice points the density bends by 40 voxel^2 / 4 at most; it falls by 48 a metre.
    assert (density(frame, surface.vertices) - LEVEL).abs().max() < 40 * VOXEL**2 / 2
    assert np.abs(np.linalg.norm(surface.vertices, axis=1) - RADIUS).max() < 1e-3
    lower = extract_mesh(frame, voxel=VOXEL, level=LEVEL - 40 * (0.7**2 - RADIUS**2))
    assert np.abs(np.linalg.norm(lower.vertices, axis=1) - 0.7).max() < 1e-3


def test_surface_faces_outwards(surface: Mesh) -> None:
    assert volume_of(surface) == pytest.approx(4 / 3 * math.pi * RADIUS**3, rel=0.01)
    outward = surface.vertices / np.linalg.norm(surface.vertices, axis=1, keepdims=True)
    assert (surface.normals * outward).sum(axis=1).min() > 0.98
    np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=1), 1, atol=1e-5)


def test_surface_is_closed_and_whole(surface: Mesh) -> None:
    assert is_closed(surface)
    assert np.array_equal(np.unique(surface.faces), np.arange(len(surface.vertices)))
    assert len(surface.vertices) - len(surface.faces) // 2 == 2, "Euler's formula: one sphere"
    assert not is_closed(dataclasses.replace(surface, faces=surface.faces[1:]))


def test_types_and_shapes(surface: Mesh) -> None:
    assert surface.vertices.dtype == surface.normals.dtype == np.float32
    assert surface.colours.dtype == np.uint8
    assert surface.faces.dtype == np.int32
    assert surface.vertices.shape == surface.normals.shape == surface.colours.shape
    assert surface.faces.shape[1] == 3


def test_colours_are_seen_from_outside(frame: Frame, surface: Mesh) -> None:
    position = frame.normalise(torch.from_numpy(surface.vertices))
    inward = -torch.from_numpy(surface.normals)
    feature = frame.density(position)[1]
    expected = frame.colour(position, feature, inward).numpy() * 255
    assert np.abs(surface.colours - expected).max() < 0.51
    assert np.ptp(surface.colours, axis=0).min() > 50, "the colours say something"
    from_inside = frame.colour(position, feature, -inward).numpy() * 255
    assert np.abs(surface.colours - from_inside).max() > 5


def test_parts_do_not_show(frame: Frame, surface: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """Densities by slabs of one plane and colours by a few vertices: the same mesh."""
    monkeypatch.setattr(meshes, "SLAB_POINTS", 1)
    monkeypatch.setattr(meshes, "CHUNK_COLOURS", 333)
    again = extract_mesh(frame, voxel=VOXEL)
    np.testing.assert_allclose(again.vertices, surface.vertices, atol=1e-6)
    assert np.array_equal(again.faces, surface.faces)
    assert np.abs(again.colours.astype(int) - surface.colours).max() <= 1


@pytest.mark.parametrize("voxel", [0.05, 0.0613, 0.1])
def test_surface_is_closed_at_the_box(voxel: float) -> None:
    """A ball that sticks out of three faces of the box is cut off within the box's last voxels."""
    mesh = extract_mesh(ball(centre=(0.7, -0.8, 0.9)), voxel=voxel)
    assert is_closed(mesh)
    low, high = BOX.numpy()
    assert (mesh.vertices >= low).all()
    assert (mesh.vertices <= high).all()
    for axis, (face, end) in enumerate([(high, "max"), (low, "min"), (high, "max")]):
        assert abs(getattr(mesh.vertices[:, axis], end)() - face[axis]) < voxel
    assert 0 < volume_of(mesh) < 4 / 3 * math.pi * RADIUS**3 / 2


def test_empty_voxels_hold_no_surface(frame: Frame, surface: Mesh) -> None:
    """Half of the grid is empty: what remains is the half ball, closed by a flat face."""
    grid = torch.ones(10, 8, 6, dtype=torch.bool)
    grid[5:] = False
    half = extract_mesh(frame, grid, voxel=VOXEL)
    middle = float(BOX[:, 0].mean())
    assert is_closed(half)
    assert half.vertices[:, 0].max() <= middle + VOXEL / 2
    assert half.vertices[:, 0].max() > middle - VOXEL
    flat = half.normals[:, 0] > 0.99
    assert np.ptp(half.vertices[flat, 0]) < 0.01
    depth = RADIUS + half.vertices[flat, 0].mean()  # of the spherical cap that remains
    assert volume_of(half) == pytest.approx(math.pi * depth**2 * (RADIUS - depth / 3), rel=0.02)
    everything = extract_mesh(frame, torch.ones_like(grid), voxel=VOXEL)
    assert np.array_equal(everything.vertices, surface.vertices)


def test_grid_is_found_as_the_renderer_finds_it(frame: Frame) -> None:
    """One voxel inside the ball: the mesh is that voxel, within one distance of lattice points."""
    grid = torch.zeros(10, 10, 10, dtype=torch.bool)
    grid[3, 5, 4] = True
    mesh = extract_mesh(frame, grid, voxel=0.01)
    low, high = BOX.numpy()
    side = (high - low) / 10
    corner = low + side * (3, 5, 4)
    np.testing.assert_allclose(mesh.vertices.min(axis=0), corner, atol=0.01)
    np.testing.assert_allclose(mesh.vertices.max(axis=0), corner + side, atol=0.01)


def test_a_bulge_into_an_empty_voxel_stays(frame: Frame, surface: Mesh) -> None:
    """A surface that leaves the occupied voxels by a hair is not cut back to their last lattice point."""
    grid = torch.ones(10, 10, 10, dtype=torch.bool)
    edge = float(BOX[0, 0]) + 0.19 * 8  # 0.62: the ball of 0.6 ends just before
    grid[8:] = False
    assert np.array_equal(extract_mesh(frame, grid, voxel=VOXEL).vertices, surface.vertices)
    mesh = extract_mesh(ball(radius=edge + 0.002), grid, voxel=VOXEL)
    assert is_closed(mesh)
    assert mesh.vertices[:, 0].max() == pytest.approx(edge, abs=0.005)


def test_no_surface_says_why(frame: Frame) -> None:
    top = float(density(frame, np.zeros((1, 3), np.float32)))
    with pytest.raises(InputError, match=rf"in the box exceeds the level 50 \(largest in the box: {top:.2g}.*--level"):
        extract_mesh(frame, voxel=VOXEL, level=50)
    with pytest.raises(InputError, match="in the occupied voxels exceeds the level 5"):
        extract_mesh(frame, torch.zeros(3, 4, 5, dtype=torch.bool), voxel=VOXEL)


@pytest.mark.parametrize("voxel", [1e-4, 1e-9, 1e-300])
def test_large_lattices_are_refused_before_they_are_made(
    frame: Frame, monkeypatch: pytest.MonkeyPatch, voxel: float
) -> None:
    monkeypatch.setattr(meshes, "mesh_lattice", None)
    with pytest.raises(InputError, match=r"points in the box of 1.90 x 1.90 x 1.90 m.*take a larger --voxel"):
        extract_mesh(frame, voxel=voxel)


def test_the_suggested_voxel_fits(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meshes, "MAX_POINTS", 40**3)
    with pytest.raises(InputError, match=r"voxels of 20 mm make a lattice of 8.8e\+05 points") as caught:
        extract_mesh(frame, voxel=0.02)
    suggested = float(str(caught.value).rpartition(" ")[2])
    assert suggested < 0.06
    assert len(extract_mesh(frame, voxel=suggested).faces)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"voxel": 0.0}, "--voxel 0: expected a length above 0"),
        ({"voxel": -1.0}, "--voxel -1"),
        ({"voxel": math.nan}, "--voxel nan"),
        ({"voxel": math.inf}, "--voxel inf"),
        ({"voxel": 2.5}, "too coarse for the box of 1.90 x 1.90 x 1.90 m"),
        ({"level": math.nan}, "level nan"),
    ],
)
def test_impossible_options(frame: Frame, options: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        extract_mesh(frame, **options)


def flat() -> Mesh:
    """Two right triangles in the plane z = 1, of areas 2 and 6; colours and normals are those of the place."""
    vertices = np.array([[0, 0, 1], [2, 0, 1], [0, 2, 1], [10, 0, 1], [14, 0, 1], [10, 3, 1]], np.float32)
    colours = (vertices * (10, 20, 30)).astype(np.uint8)
    faces = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    return Mesh(vertices, faces, colours, np.tile(np.float32([0, 0, 1]), (6, 1)))


def test_points_are_spread_by_area() -> None:
    points = sample_points(flat(), 4000)
    second = points.positions[:, 0] > 5
    assert abs(second.sum() - 3000) <= 1
    for chosen, corner, legs in ((~second, (0, 0), (2, 2)), (second, (10, 0), (4, 3))):
        inside = (points.positions[chosen, :2] - corner) / legs
        assert inside.min() >= 0
        assert inside.sum(axis=1).max() <= 1 + 1e-6
        # A uniform point of the unit triangle: mean 1/3, second moment 1/6, half of them near the long side.
        np.testing.assert_allclose(inside.mean(axis=0), 1 / 3, atol=0.03)
        np.testing.assert_allclose((inside**2).mean(axis=0), 1 / 6, atol=0.03)
        assert (inside.sum(axis=1) > math.sqrt(0.5)).mean() == pytest.approx(0.5, abs=0.06)


def test_points_take_what_is_between_the_vertices() -> None:
    points = sample_points(flat(), 500)
    np.testing.assert_allclose(points.colours, points.positions * (10, 20, 30), atol=0.51)
    np.testing.assert_array_equal(points.normals, np.tile([0, 0, 1], (500, 1)))
    assert (points.positions.dtype, points.colours.dtype, points.normals.dtype) == (np.float32, np.uint8, np.float32)


def test_points_of_a_ball(surface: Mesh) -> None:
    points = sample_points(surface, 20_000)
    radius = np.linalg.norm(points.positions, axis=1)
    assert np.abs(radius - RADIUS).max() < VOXEL**2
    outward = points.positions / radius[:, None]
    assert np.abs(outward.mean(axis=0)).max() < 0.01
    np.testing.assert_allclose((outward**2).mean(axis=0), 1 / 3, atol=0.01)
    assert (points.normals * outward).sum(axis=1).min() > 0.98
    np.testing.assert_allclose(np.linalg.norm(points.normals, axis=1), 1, atol=1e-5)


def test_points_come_again_with_their_seed(surface: Mesh) -> None:
    a, b, other = sample_points(surface, 50, 1), sample_points(surface, 50, 1), sample_points(surface, 50, 2)
    assert np.array_equal(a.positions, b.positions)
    assert np.array_equal(a.colours, b.colours)
    assert not np.array_equal(a.positions, other.positions)
    assert len(sample_points(surface, 1).positions) == 1


def test_impossible_points(surface: Mesh) -> None:
    for count in (0, -3, 10**12):
        with pytest.raises(InputError, match=f"--points {count}"):
            sample_points(surface, count)
    for faces in (np.zeros((0, 3), np.int32), np.array([[0, 0, 1]], np.int32)):
        with pytest.raises(InputError, match="without area"):
            sample_points(dataclasses.replace(surface, faces=faces), 10)


def test_normals_of_a_corner() -> None:
    """Three faces of a cube meet: areas weigh. A vertex without area still has a unit normal."""
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3], [9, 9, 9]], np.float32)
    faces = np.array([[0, 2, 1], [0, 3, 2], [0, 1, 3], [4, 4, 4]], np.int32)
    normals = vertex_normals(vertices, faces)
    np.testing.assert_allclose(normals[0], -np.array([6, 3, 2]) / 7, atol=1e-6)
    np.testing.assert_array_equal(normals[4], [0, 0, 1])
