"""The decoder's shapes, its blocks and its widths; what it computes is in the golden planes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dymap.config import FieldConfig, HashConfig
from dymap.field.decoder import PlaneDecoder, backbone_widths, trunk_widths
from dymap.field.field import Field
from tests.field.models import TINY


def test_full_widths() -> None:
    assert backbone_widths(FieldConfig()) == [256, 256, 128, 128, 64, 64, 64]
    assert trunk_widths(FieldConfig()) == [64, 64, 128, 128, 256]


@pytest.mark.parametrize("sizes", [(16, 4), (8, 8), (32, 2), (64, 16)])
def test_shapes(sizes: tuple[int, int]) -> None:
    config = replace(TINY, plane_size=sizes[0], map_size=sizes[1])
    decoded = PlaneDecoder(config)(torch.randn(config.code_dim))
    P, S, C = config.plane_size, config.map_size, config.channels
    assert decoded.features.shape == decoded.density.shape == (3, C, P, P)
    assert decoded.maps.shape == (3, S * S, config.map_params)


@pytest.mark.parametrize("head", ["features", "density"])
def test_heads_emit_blocks_xy_yz_xz(head: str) -> None:
    """Planes come in the order xy, xz, yz: the second block of channels is the third plane."""
    decoder = PlaneDecoder(TINY)
    conv = getattr(decoder, head)
    with torch.no_grad():
        conv.weight.zero_()
        conv.bias.copy_(torch.arange(3 * TINY.channels))
        planes = getattr(decoder(torch.randn(TINY.code_dim)), head)
    first = planes[:, 0, 0, 0].tolist()
    C = TINY.channels
    assert first == [0, 2 * C, C]
    assert planes[0, :, 0, 0].tolist() == list(range(C))


def test_each_map_comes_from_the_head_of_the_axis_it_leaves_out() -> None:
    decoder = PlaneDecoder(TINY)
    with torch.no_grad():
        for number, head in enumerate((decoder.map_x, decoder.map_y, decoder.map_z)):
            head.weight.zero_()
            head.bias.fill_(number)
        xy, xz, yz = decoder(torch.randn(TINY.code_dim)).maps
    assert (xy.unique().item(), xz.unique().item(), yz.unique().item()) == (2, 1, 0)


def test_map_index_is_row_times_size_plus_column() -> None:
    """A change of the trunk at one pixel changes the networks around it."""
    decoder = PlaneDecoder(TINY)
    S = TINY.map_size
    trunk = torch.zeros(1, decoder.map_z.in_channels, S, S)
    trunk[0, 0, 1, 2] = 1
    decoder.trunk = torch.nn.Sequential(_Constant(trunk))
    with torch.no_grad():
        for head in (decoder.map_x, decoder.map_y, decoder.map_z):
            head.bias.zero_()
            head.weight.zero_()
            head.weight[:, 0, 1, 1] = 1
        maps = decoder(torch.randn(TINY.code_dim)).maps
    assert torch.nonzero(maps[..., 0])[:, 1].tolist() == [1 * S + 2] * 3


class _Constant(torch.nn.Module):
    def __init__(self, value: torch.Tensor):
        super().__init__()
        self.value = value

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        return self.value


def test_gradient_reaches_every_parameter() -> None:
    decoder = PlaneDecoder(TINY)
    decoded = decoder(torch.randn(TINY.code_dim))
    sum(part.square().sum() for part in decoded).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in decoder.parameters())


def test_quick_start_is_fog_with_live_colours() -> None:
    """Every sample has a density gradient, and colours depend on features from the first step."""
    config = FieldConfig(hash=HashConfig(4, 10, 4, 4, 32), code_dim=8, width=64, plane_size=32, map_size=4, hidden=8)
    torch.manual_seed(0)
    field = Field(config, torch.tensor([[[0.0, 0, 0], [1, 1, 1]]]))
    field.decoder.quick_start()
    frame = field.at(0)
    position = torch.rand(500, 3)
    sigma, feature = frame.density(position)
    assert (sigma > 0).float().mean() > 0.95
    assert 1 < sigma.mean() < 20
    moved = frame.colour(position, feature + 1, torch.nn.functional.normalize(torch.ones(500, 3), dim=1))
    still = frame.colour(position, feature, torch.nn.functional.normalize(torch.ones(500, 3), dim=1))
    assert (moved - still).abs().mean() > 0.02
