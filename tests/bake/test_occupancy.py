"""Occupancy grids: a voxel is occupied if a sub-sample is dense."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dymap.bake.bake import bake_grids
from dymap.bake.occupancy import bake_coordinates, bake_lattice, bake_occupancy, within_hull
from dymap.config import BakeConfig
from dymap.geometry.box import box_of_points
from dymap.play.mesh import mesh_lattice
from tests.field.models import tiny_field
from tests.golden.sources import Golden
from tests.variants import with_all_kernels

MODELS = ["small", "small13"]


def subsamples(lattice: list[torch.Tensor], counts: tuple[int, ...]) -> torch.Tensor:
    """[gx, gy, gz, n, 3] the points of every voxel, as the golden arrays list them."""
    axes = []
    for line, n in zip(lattice, counts, strict=True):
        voxels = (len(line) - 1) // (n - 1)
        axes.append(torch.stack([line[i * (n - 1) : i * (n - 1) + n] for i in range(voxels)]))  # [g, n]
    gx, gy, gz = (len(a) for a in axes)
    nx, ny, nz = counts
    x = axes[0][:, None, None, :, None, None].expand(gx, gy, gz, nx, ny, nz)
    y = axes[1][None, :, None, None, :, None].expand(gx, gy, gz, nx, ny, nz)
    z = axes[2][None, None, :, None, None, :].expand(gx, gy, gz, nx, ny, nz)
    return torch.stack([x, y, z], -1).reshape(gx, gy, gz, nx * ny * nz, 3)


@pytest.mark.parametrize("counts", [(5, 5, 5), (2, 3, 4)])
def test_neighbours_share_their_face(counts: tuple[int, int, int]) -> None:
    box = torch.tensor([[-0.5, -0.4, -0.1], [0.6, 0.5, 1.5]])
    lattice = bake_lattice(box, (3, 4, 5), counts)
    points = subsamples(lattice, counts)
    assert points.shape == (3, 4, 5, counts[0] * counts[1] * counts[2], 3)
    low = points.amin(3)
    high = points.amax(3)
    torch.testing.assert_close(low[1:, ..., 0], high[:-1, ..., 0])
    torch.testing.assert_close(torch.stack([low.amin((0, 1, 2)), high.amax((0, 1, 2))]), box)


@with_all_kernels
@torch.no_grad()
def test_occupied_by_brute_force() -> None:
    frame = tiny_field().at(1)
    grid, counts = (3, 4, 5), (3, 2, 4)
    points = subsamples(bake_lattice(frame.box, grid, counts), counts)
    sigma = frame.density(frame.normalise(points.reshape(-1, 3)))[0].reshape(*grid, -1)
    largest = sigma.amax(-1).flatten().sort()[0]
    # Neighbours share their faces, so some maxima are equal but for rounding: the threshold goes where none is near,
    # and about half of the voxels exceed it.
    below = 20 + int(largest[20:41].diff().argmax())
    assert largest[below + 1] - largest[below] > 0.1
    threshold = float(largest[below : below + 2].mean())
    config = BakeConfig(grid, counts, threshold)
    baked = bake_occupancy(frame, bake_coordinates(frame.box, config), config)
    assert torch.equal(baked, (sigma > threshold).any(-1))
    assert 20 < baked.sum() < 40


@with_all_kernels
def test_grids_of_a_clip_are_those_of_its_frames() -> None:
    """A field that plays computes what the lattice reads and no more; hulls cut their frames."""
    field, config = tiny_field(plane_size=32), BakeConfig((3, 4, 5), (3, 2, 4), 1.0)
    hulls = torch.rand(2, 6, 8, 10) < 0.02
    told: list[tuple[int, int]] = []
    grids = bake_grids(field, config, lambda done, count: told.append((done, count)))
    cut = bake_grids(field, config, hull=lambda index: hulls[index])
    assert told == [(1, 2), (2, 2)]
    for index in range(2):
        lines = bake_coordinates(field.boxes[index], config)
        expected = bake_occupancy(field.at(index), lines, config)
        assert torch.equal(grids[index], expected)
        assert torch.equal(cut[index], within_hull(expected, hulls[index]))
    assert grids.any()
    assert not grids.all()


def test_both_faces_are_needed() -> None:
    with pytest.raises(ValueError, match="at least 2 an axis"):
        bake_lattice(torch.zeros(2, 3), (2, 2, 2), (5, 1, 5))


def test_mesh_lattice_covers_the_box() -> None:
    box = torch.tensor([[-0.5, -0.4, -0.1], [0.6, 0.5, 1.5]])
    for axis, line in enumerate(mesh_lattice(box, (0.1, 0.07, 0.3))):
        assert line[0] == box[0, axis]
        assert line[-1] >= box[1, axis] - 1e-6
        torch.testing.assert_close(line.diff(), torch.full((len(line) - 1,), (0.1, 0.07, 0.3)[axis]))


def test_golden_subsamples(golden: Golden) -> None:
    arrays = golden.arrays("geometry")
    lattice = bake_lattice(arrays.tensor("wbounds"), (3, 4, 5), (2, 3, 4))
    arrays.check("occ_pts_3x4x5_2x3x4", subsamples(lattice, (2, 3, 4)), atol=1e-6)


def test_golden_mesh_points(golden: Golden) -> None:
    arrays = golden.arrays("geometry")
    voxel = tuple(float(v) for v in arrays["mesh_voxel_size"])
    lattice = mesh_lattice(arrays.tensor("wbounds"), voxel)  # type: ignore[arg-type]
    arrays.check("mesh_pts", torch.stack(torch.meshgrid(*lattice, indexing="ij"), -1), atol=1e-6)


@with_all_kernels
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("number", range(5))
def test_golden_grids(golden: Golden, model: str, number: int) -> None:
    arrays = golden.arrays(f"{model}_fast")
    field = golden.field(model, {number: arrays[f"occ_wbounds_f{number}"]})
    config = golden.bake(model)
    lines = bake_coordinates(field.boxes[number], config)
    arrays.check(f"occ_grid_f{number}", bake_occupancy(field.at(number), lines, config))
    arrays.check(f"encoding_f{number}", field.code(number))
    if number == int(arrays["fast_frame"]):
        lattice = bake_lattice(field.boxes[number], config.grid, config.subsamples)
        arrays.check(f"occ_pts_f{number}", subsamples(lattice, config.subsamples), atol=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_golden_configuration(golden: Golden, model: str) -> None:
    arrays, about, config = golden.arrays(f"{model}_fast"), golden.about(model)["config"], golden.bake(model)
    arrays.check("grid_resolution", np.array(config.grid))
    arrays.check("subgrid_resolution", np.array(config.subsamples))
    arrays.check("max_samples", np.array(about["max_samples"]))
    assert float(arrays["weight_thres"]) == 1e-3
    assert config.threshold == BakeConfig().threshold


def test_the_published_grid_is_the_default() -> None:
    assert BakeConfig().grid == (24, 24, 48)
    box = torch.from_numpy(box_of_points(np.array([[0, 0, 0], [1, 1, 2]]), 0.0))
    assert [len(line) for line in bake_lattice(box, BakeConfig().grid, BakeConfig().subsamples)] == [97, 97, 193]


def test_hull_limits_the_grid_without_losing_what_it_touches() -> None:
    """A voxel stays if any part of the hull, at whatever resolution, lies in it."""
    full = torch.ones(4, 3, 5, dtype=torch.bool)
    for shape in ((8, 9, 10), (7, 5, 11), (2, 3, 4)):
        hull = torch.zeros(shape, dtype=torch.bool)
        hull[shape[0] // 2, shape[1] // 2, shape[2] // 2] = True
        kept = within_hull(full, hull)
        low, high = ([(c // 2 + side) / c for c in shape] for side in (0, 1))
        for index in torch.cartesian_prod(*(torch.arange(n) for n in full.shape)):
            overlaps = all(
                int(i) < b * n and int(i) + 1 > a * n for i, n, a, b in zip(index, full.shape, low, high, strict=True)
            )
            if overlaps:
                assert kept[tuple(index)]
        assert not kept.all()
        assert not within_hull(~full, hull).any()
