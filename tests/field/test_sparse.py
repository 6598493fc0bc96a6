"""The field that plays, against the field that trains."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from dymap.field.decoder import Decoded, PlaneDecoder
from dymap.field.field import Field
from dymap.field.sparse import SparseField
from tests.field.models import tiny_field
from tests.variants import with_all_kernels

VOXEL = (1, 3, 2)
GRID = (5, 5, 8)


def one_voxel() -> Tensor:
    occupied = torch.zeros(GRID, dtype=torch.bool)
    occupied[VOXEL] = True
    return occupied


def inside_it(count: int = 200) -> Tensor:
    return (torch.rand(count, 3) + torch.tensor(VOXEL)) / torch.tensor(GRID)


class OtherDecoder(nn.Module):
    """A decoder of another kind; its planes and maps are those of the one that it holds."""

    def __init__(self, inner: PlaneDecoder):
        super().__init__()
        self.inner = inner

    def forward(self, code: Tensor) -> Decoded:
        return self.inner(code)


def with_other_decoder(field: Field) -> Field:
    field.decoder = OtherDecoder(field.decoder)  # type: ignore[assignment]
    return field


@with_all_kernels
def test_a_limited_frame_is_the_frame_in_its_voxels() -> None:
    field, position = tiny_field(plane_size=32), inside_it()
    directions = torch.nn.functional.normalize(torch.randn(200, 3), dim=1)
    full = field.at(1)
    sigma, feature = full.density(position)
    sparse = SparseField(field)
    for limited in (sparse.at(1, one_voxel()), sparse.at(1)):
        torch.testing.assert_close(limited.density(position)[0], sigma, rtol=1e-4, atol=1e-4)
        colour = limited.colour(position, feature, directions)
        torch.testing.assert_close(colour, full.colour(position, feature, directions), rtol=1e-4, atol=1e-5)
        assert not limited.planes.requires_grad
        assert not limited.density(position)[0].requires_grad


def test_without_a_limit_it_is_the_fields_own_frame() -> None:
    field = tiny_field()
    whole, expected = SparseField(field).at(0), field.at(0)
    assert torch.equal(whole.planes, expected.planes)
    assert torch.equal(whole.maps, expected.maps)
    with torch.no_grad():
        assert torch.equal(whole.hash.collapse(), expected.hash.collapse())


def test_nothing_is_computed_far_from_what_is_occupied() -> None:
    frame = SparseField(tiny_field(plane_size=32)).at(1, one_voxel())
    assert frame.planes.any()
    assert not frame.planes[0, -1].any()
    assert not SparseField(tiny_field()).at(1, torch.zeros(4, 4, 4, dtype=torch.bool)).planes.any()


@with_all_kernels
@torch.no_grad()
def test_a_lattices_frame_has_the_density_on_it() -> None:
    field = tiny_field(plane_size=32)
    lines = [torch.arange(n + 1) / n for n in (5, 8, 21)]
    found = SparseField(field).on_lattice(1, lines)
    torch.testing.assert_close(found.density_lattice(lines), field.at(1).density_lattice(lines), rtol=1e-4, atol=1e-4)
    assert not found.maps.any(), "no colours are asked for"


@with_all_kernels
@torch.no_grad()
def test_frames_that_follow_each_other_leave_no_traces() -> None:
    """Memory goes from one frame to the next, whatever both show."""
    field = tiny_field(plane_size=32)
    sparse, parts = SparseField(field), [torch.rand(GRID) < share for share in (1.0, 0.02, 0.3, 0.02)]
    for index, part in zip(itertools.cycle((0, 1)), parts, strict=False):
        used, fresh = sparse.at(index, part), SparseField(field).at(index, part)
        assert torch.equal(used.planes, fresh.planes)
        assert torch.equal(used.maps, fresh.maps)
        position = (torch.nonzero(part) + torch.rand(int(part.sum()), 3)) / torch.tensor(GRID)
        torch.testing.assert_close(used.density(position)[0], fresh.density(position)[0])
        del used, fresh


def test_a_decoder_of_another_kind_makes_whole_frames() -> None:
    plain, other = tiny_field(), tiny_field()
    other.load_state_dict(plain.state_dict())
    sparse = SparseField(with_other_decoder(other))
    for frame in (sparse.at(1, one_voxel()), sparse.on_lattice(1, [torch.rand(3)] * 3)):
        assert torch.equal(frame.planes, plain.at(1).planes)
        assert torch.equal(frame.maps, plain.at(1).maps)


@pytest.mark.parametrize("index", [-1, 2])
def test_frames_outside_the_clip_are_refused(index: int) -> None:
    sparse = SparseField(tiny_field())
    for ask in (
        lambda: sparse.at(index),
        lambda: sparse.at(index, one_voxel()),
        lambda: sparse.on_lattice(index, [torch.rand(3)] * 3),
    ):
        with pytest.raises(IndexError):
            ask()
