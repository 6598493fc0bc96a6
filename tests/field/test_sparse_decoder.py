"""The decoder that plays, against the one that trains."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from dymap.field.decoder import PlaneDecoder
from dymap.field.footprint import Footprint, footprint_of_voxels
from dymap.field.sparse_decoder import SparseDecoder
from tests.field.models import TINY

SIZES = [(16, 4), (8, 8), (32, 2), (64, 16)]
LARGE = replace(TINY, plane_size=64, map_size=16)


def decoded(decoder: PlaneDecoder, code: Tensor) -> tuple[Tensor, Tensor]:
    """Planes [3, P, P, 2 C] and maps of the whole decoder."""
    with torch.no_grad():
        features, density, maps = decoder(code)
    return torch.cat([features, density], dim=1).permute(0, 2, 3, 1), maps


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("share", [0.0, 0.02, 1.0])
def test_the_footprint_is_the_same_and_the_rest_is_zero(sizes: tuple[int, int], share: float) -> None:
    config = replace(TINY, plane_size=sizes[0], map_size=sizes[1])
    decoder, code = PlaneDecoder(config), torch.randn(config.code_dim)
    for layer in decoder.up:
        torch.nn.init.normal_(layer.bias)
    footprint = footprint_of_voxels(torch.rand(6, 7, 9) < share, config)
    planes, maps = SparseDecoder(decoder)(code, footprint)
    full_planes, full_maps = decoded(decoder, code)
    torch.testing.assert_close(planes[footprint.pixels], full_planes[footprint.pixels], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(maps[footprint.networks], full_maps[footprint.networks], rtol=1e-4, atol=1e-5)
    assert not maps[~footprint.networks].any()
    untouched = ~(planes != 0).any(-1)
    torch.testing.assert_close(planes[~untouched], full_planes[~untouched], rtol=1e-4, atol=1e-5)
    assert share != 0.0 or untouched.all()


def test_only_pixels_of_the_footprint_are_computed() -> None:
    pixels, networks = torch.rand(3, 64, 64) < 0.01, torch.rand(3, 16 * 16) < 0.01
    planes, maps = SparseDecoder(PlaneDecoder(LARGE))(torch.randn(TINY.code_dim), Footprint(pixels, networks))
    assert torch.equal((planes != 0).any(-1), pixels)
    assert torch.equal((maps != 0).any(-1), networks)


def test_memory_that_is_kept_leaves_no_traces() -> None:
    decoder, code = PlaneDecoder(LARGE), torch.randn(2, TINY.code_dim)
    whole = footprint_of_voxels(torch.ones(1, 1, 1, dtype=torch.bool), LARGE)
    part = Footprint(torch.rand(3, 64, 64) < 0.01, torch.rand(3, 16 * 16) < 0.05)
    used = SparseDecoder(decoder)
    used(code[0], whole)
    for a, b in zip(used(code[1], part), SparseDecoder(decoder)(code[1], part), strict=True):
        assert torch.equal(a, b)


def test_planes_and_maps_have_the_decoders_own_type() -> None:
    decoder, code = PlaneDecoder(LARGE).double(), torch.randn(TINY.code_dim, dtype=torch.float64)
    footprint = footprint_of_voxels(torch.rand(6, 7, 9) < 0.02, LARGE)
    planes, maps = SparseDecoder(decoder)(code, footprint)
    full_planes, full_maps = decoded(decoder, code)
    torch.testing.assert_close(planes[footprint.pixels], full_planes[footprint.pixels], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(maps[footprint.networks], full_maps[footprint.networks], rtol=1e-10, atol=1e-12)


def test_it_is_a_copy_without_gradients() -> None:
    decoder, code = PlaneDecoder(LARGE), torch.randn(TINY.code_dim, requires_grad=True)
    footprint = footprint_of_voxels(torch.ones(1, 1, 1, dtype=torch.bool), LARGE)
    sparse = SparseDecoder(decoder)
    before = sparse(code, footprint)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(1)
    for a, b in zip(sparse(code, footprint), before, strict=True):
        assert torch.equal(a, b)
        assert not a.requires_grad
