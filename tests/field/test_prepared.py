"""The decoder for rendering, against the decoder."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from dymap.field.decoder import PlaneDecoder
from dymap.field.needed import Needed, needed_parts
from dymap.field.prepared import PreparedDecoder
from tests.field.models import TINY, tiny_field

SIZES = [(16, 4), (8, 8), (32, 2), (64, 16)]
LARGE = replace(TINY, plane_size=64, map_size=16)


def decoded(decoder: PlaneDecoder, code: Tensor) -> tuple[Tensor, Tensor]:
    """Planes [3, P, P, 2 C] and maps of the whole decoder."""
    with torch.no_grad():
        features, density, maps = decoder(code)
    return torch.cat([features, density], dim=1).permute(0, 2, 3, 1), maps


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("share", [0.0, 0.02, 1.0])
def test_what_is_needed_is_the_same_and_the_rest_is_zero(sizes: tuple[int, int], share: float) -> None:
    config = replace(TINY, plane_size=sizes[0], map_size=sizes[1])
    decoder, code = PlaneDecoder(config), torch.randn(config.code_dim)
    for layer in decoder.up:
        torch.nn.init.normal_(layer.bias)
    needed = needed_parts(torch.rand(6, 7, 9) < share, config)
    planes, maps = PreparedDecoder(decoder)(code, needed)
    full_planes, full_maps = decoded(decoder, code)
    torch.testing.assert_close(planes[needed.pixels], full_planes[needed.pixels], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(maps[needed.networks], full_maps[needed.networks], rtol=1e-4, atol=1e-5)
    assert not maps[~needed.networks].any()
    untouched = ~(planes != 0).any(-1)
    torch.testing.assert_close(planes[~untouched], full_planes[~untouched], rtol=1e-4, atol=1e-5)
    assert share != 0.0 or untouched.all()


def test_only_needed_pixels_are_computed() -> None:
    pixels, networks = torch.rand(3, 64, 64) < 0.01, torch.rand(3, 16 * 16) < 0.01
    planes, maps = PreparedDecoder(PlaneDecoder(LARGE))(torch.randn(TINY.code_dim), Needed(pixels, networks))
    assert torch.equal((planes != 0).any(-1), pixels)
    assert torch.equal((maps != 0).any(-1), networks)


def test_memory_that_is_kept_leaves_no_traces() -> None:
    decoder, code = PlaneDecoder(LARGE), torch.randn(2, TINY.code_dim)
    whole = needed_parts(torch.ones(1, 1, 1, dtype=torch.bool), LARGE)
    part = Needed(torch.rand(3, 64, 64) < 0.01, torch.rand(3, 16 * 16) < 0.05)
    used = PreparedDecoder(decoder)
    used(code[0], whole)
    for a, b in zip(used(code[1], part), PreparedDecoder(decoder)(code[1], part), strict=True):
        assert torch.equal(a, b)


def test_bfloat16_keeps_two_digits() -> None:
    decoder, code = PlaneDecoder(replace(LARGE, width=64)), torch.randn(TINY.code_dim)
    needed = needed_parts(torch.ones(1, 1, 1, dtype=torch.bool), LARGE)
    parts = PreparedDecoder(decoder, "bfloat16")(code, needed)
    for part, full in zip(parts, decoded(decoder, code), strict=True):
        assert part.dtype == torch.float32
        assert 0 < (part - full).norm() < 0.01 * full.norm()


def test_float32_means_the_decoders_own_type() -> None:
    decoder, code = PlaneDecoder(LARGE).double(), torch.randn(TINY.code_dim, dtype=torch.float64)
    needed = needed_parts(torch.rand(6, 7, 9) < 0.02, LARGE)
    planes, maps = PreparedDecoder(decoder)(code, needed)
    full_planes, full_maps = decoded(decoder, code)
    torch.testing.assert_close(planes[needed.pixels], full_planes[needed.pixels], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(maps[needed.networks], full_maps[needed.networks], rtol=1e-10, atol=1e-12)


def test_it_is_a_copy_without_gradients() -> None:
    decoder, code = PlaneDecoder(LARGE), torch.randn(TINY.code_dim, requires_grad=True)
    needed = needed_parts(torch.ones(1, 1, 1, dtype=torch.bool), LARGE)
    prepared = PreparedDecoder(decoder)
    before = prepared(code, needed)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(1)
    for a, b in zip(prepared(code, needed), before, strict=True):
        assert torch.equal(a, b)
        assert not a.requires_grad


def test_a_limited_frame_is_the_frame_in_its_voxels() -> None:
    field = tiny_field(plane_size=32)
    occupied = torch.zeros(5, 5, 8, dtype=torch.bool)
    occupied[1, 3, 2] = True
    position = (torch.rand(200, 3) + torch.tensor([1, 3, 2])) / torch.tensor([5, 5, 8])
    directions = torch.nn.functional.normalize(torch.randn(200, 3), dim=1)
    full = field.at(1)
    sigma, feature = full.density(position)
    for limited in (field.at(1, occupied=occupied), field.at(1, decoder=PreparedDecoder(field.decoder))):
        torch.testing.assert_close(limited.density(position)[0], sigma, rtol=1e-4, atol=1e-4)
        colour = limited.colour(position, feature, directions)
        torch.testing.assert_close(colour, full.colour(position, feature, directions), rtol=1e-4, atol=1e-5)
    given = field.at(0, code=field.code(1), occupied=occupied)
    assert torch.equal(given.planes, field.at(1, occupied=occupied).planes)
    assert field.at(1, collapse=False, occupied=occupied).maps.shape == full.maps.shape
