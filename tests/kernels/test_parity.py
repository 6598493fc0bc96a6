"""Every back end against the reference, forward and backward: encodings, hash tables and MLP maps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dymap import kernels
from dymap.kernels import CellWeights, using
from tests.kernels.cases import LEVELS, compare, each_variant, positions, strided

COUNTS = [0, 1, 77]
ENCODED = LEVELS.levels * 2
each_place = pytest.mark.parametrize("place", ["everywhere", "cell"])


def grids(features: int = 2) -> Tensor:
    return strided(3, LEVELS.plane_offsets[-1], features)


@each_variant
@each_place
@pytest.mark.parametrize("channels", [1, 3, 5, 7, 8, 13, 32])
def test_sample_planes(variant: str, channels: int, place: str) -> None:
    p = positions(77, place)
    for which in ((0, 1, 2), (1,), (0, 2)):
        compare(variant, lambda planes, w=which: kernels.sample_planes(planes, p, w), strided(3, 6, 6, channels))


@each_variant
@each_place
@pytest.mark.parametrize("features", [1, 2, 3, 4])
def test_hash_encode_at(variant: str, features: int, place: str) -> None:
    p = positions(77, place)
    for which in ((0, 1, 2), (2,), (0, 1)):
        compare(variant, lambda g, w=which: kernels.hash_encode_at(p, g, LEVELS, w), grids(features))


@each_variant
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("channels", [ENCODED, ENCODED + 1, 32])
def test_encode(variant: str, channels: int, count: int) -> None:
    p = positions(count)
    planes = strided(3, 9, 9, channels)
    compare(variant, lambda a, b: kernels.encode(a, b, LEVELS, p), planes, grids())
    compare(variant, lambda a: kernels.encode(a, None, LEVELS, p), planes)
    compare(variant, lambda b: kernels.encode(None, b, LEVELS, p, (1, 2)), grids())


@each_variant
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("channels", [ENCODED, 13, 32])
def test_density(variant: str, channels: int, count: int) -> None:
    p = positions(count)
    planes = strided(3, 9, 9, 2 * channels)
    compare(variant, lambda a, b: kernels.density(a, b, LEVELS, p), planes, grids())
    compare(variant, lambda a, b: kernels.density(a, b, LEVELS, p)[0], planes, grids())


@each_variant
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("features", [1, 2, 3])
@pytest.mark.parametrize("t", [0.0, 0.37, 1.0])
def test_hash_encode_3d(variant: str, features: int, count: int, t: float) -> None:
    p = positions(count)
    tables = [strided(LEVELS.offsets[-1], features) for _ in range(3)]
    compare(variant, lambda *tables: kernels.hash_encode_3d(tables, LEVELS, t, p), *tables)


@each_variant
@pytest.mark.parametrize("features", [1, 2, 3, 4])
@pytest.mark.parametrize("t", [0.0, 0.37, 0.999, 1.0])
def test_collapse_time(variant: str, features: int, t: float) -> None:
    tables = [strided(LEVELS.offsets[-1], features) for _ in range(3)]
    compare(variant, lambda *tables: kernels.collapse_time(tables, LEVELS, t), *tables)
    compare(variant, lambda table: kernels.collapse_time([table], LEVELS, t), tables[0])


@each_variant
def test_collapse_time_adds_to_gradients_that_are_kept(variant: str) -> None:
    weight, start = torch.randn(3, LEVELS.plane_offsets[-1], 2), torch.randn(3, LEVELS.offsets[-1], 2)
    found = []
    for name in (variant, "torch"):
        tables = [table.clone().requires_grad_() for table in start]
        for table in tables:
            kernels.keep_gradient(table)
        held = [table.grad for table in tables]
        with using(name):
            for t in (0.4, 0.5):
                (kernels.collapse_time(tables, LEVELS, t) * weight).sum().backward()
        assert all(table.grad is grad for table, grad in zip(tables, held, strict=True)), "in place"
        found.append(held)
    for a, b in zip(*found, strict=True):
        assert (b != 0).any()
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


@each_variant
@pytest.mark.parametrize("size", [4, 16, 40])
def test_collapse_time_into_memory_that_was_used_before(variant: str, size: int) -> None:
    """Points around pixels of the footprint find what they would find anywhere."""
    tables = [torch.randn(LEVELS.offsets[-1], 2) for _ in range(3)]
    with using("torch"):
        whole = kernels.collapse_time(tables, LEVELS, 0.4)
    out, before = torch.zeros_like(whole), None
    for _ in range(2):
        footprint = torch.rand(3, size, size) < 0.1
        footprint[:, 0, 0] = footprint[:, -1, -1] = True
        with using(variant):
            part = kernels.collapse_time_into(out, before, tables, LEVELS, 0.4, footprint)
        assert part is out
        before = footprint
        for plane, (first, second) in enumerate(kernels.PLANE_AXES):
            row, column = torch.nonzero(footprint[plane], as_tuple=True)
            p = torch.zeros(len(row), 3)
            p[:, first], p[:, second] = column / (size - 1), row / (size - 1)
            p = (p + (torch.rand_like(p) - 0.5) * 0.98 / (size - 1)).clamp(0, 1)
            with using("torch"):
                a, b = (kernels.hash_encode_at(p, g, LEVELS, (plane,)) for g in (part, whole))
            torch.testing.assert_close(a, b)


def networks(size: int, overlap: bool, inputs: int, hidden: int) -> tuple[Tensor, Tensor]:
    """Networks of every cell, as `cell_weights` lays them out. Multiples of 1/16, of which sums are exact: it is
    certain which hidden units are lit."""
    cells, many = ((size - 1) ** 2, 4) if overlap else (size**2, 1)
    first = torch.randint(-16, 17, (3, cells, inputs, many * hidden, 2))[..., 0] / 16
    return first, strided(3, cells, many * hidden, 3)


@each_variant
@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("hidden", [1, 3, 8, 17, 32])
@pytest.mark.parametrize("features", [1, 5, 8, 32])
def test_mlp_maps(variant: str, features: int, hidden: int, overlap: bool) -> None:
    size, view = 4, 3
    first, second = networks(size, overlap, features + view, hidden)
    cases = [(0, "", 0), (1, "", 1), (77, "everywhere", 7), (77, "cell", 7), (50, "everywhere", None)]
    for count, place, rays in cases:
        p = positions(count, place)
        ray = None if rays is None else torch.arange(count) * rays // max(count, 1)
        views = torch.randint(-16, 17, (view, count if rays is None else rays)).T / 16
        x = torch.randint(-16, 17, (count, features, 2))[..., 0] / 16

        def run(x: Tensor, a: Tensor, b: Tensor, p=p, ray=ray, views=views) -> Tensor:  # type: ignore[no-untyped-def]
            return kernels.mlp_maps(x, views, ray, p, CellWeights(a, b, size, overlap))

        compare(variant, run, x, first, second)


@each_variant
def test_positions_that_are_no_numbers(variant: str) -> None:
    """They weigh nothing in planes and tables, and crash nothing."""
    p = torch.tensor([[float(v)] * 3 for v in ("nan", "inf", "-inf", "1e30", "-1e30")])
    planes, tables = torch.randn(3, 6, 6, 2 * ENCODED), [torch.randn(LEVELS.offsets[-1], 2) for _ in range(3)]
    first, second = networks(4, True, 5, 3)
    with using(variant):
        assert not kernels.sample_planes(planes, p).any()
        assert not kernels.hash_encode_at(p, grids(), LEVELS).any()
        assert not kernels.density(planes, grids(), LEVELS, p)[0].any()
        assert not kernels.hash_encode_3d(tables, LEVELS, 0.3, p).any()
        x, a, b = torch.randn(5, 2, requires_grad=True), first.requires_grad_(), second.requires_grad_()
        kernels.mlp_maps(x, torch.randn(5, 3), None, p, CellWeights(a, b, 4, True)).sum().backward()
        assert torch.isfinite(a.grad).all()
        kernels.encode(planes.requires_grad_(), None, LEVELS, p).sum().backward()
        assert planes.grad is not None
        assert not planes.grad.any()
