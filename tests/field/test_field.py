"""Field: parameters, frames, errors."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dymap.config import FieldConfig
from dymap.field.field import Field, count_parameters
from tests.field.models import BOXES, TINY, frame_at, tiny_field
from tests.golden.sources import Golden

ZJU = FieldConfig()
NHR = FieldConfig(codes="encoder", encoder_views=(1, 23, 38), directions="sh", direction_degree=3)


@pytest.mark.parametrize(("config", "frames", "expected"), [(ZJU, 300, 61_981_284), (NHR, 100, 70_215_844)])
def test_full_models_have_the_published_number_of_parameters(config: FieldConfig, frames: int, expected: int) -> None:
    with torch.device("meta"):
        assert count_parameters(Field(config, torch.zeros(frames, 2, 3))) == expected


def test_networks_have_the_published_sizes() -> None:
    assert (ZJU.map_params, ZJU.view_dim) == (2624, 15)
    assert (NHR.map_params, NHR.view_dim) == (2432, 9)


@pytest.mark.parametrize("model", ["small", "small_mlp2", "small13"])
def test_golden_models_have_as_many_parameters(golden: Golden, model: str) -> None:
    assert count_parameters(golden.field(model, {})) == golden.about(model)["num_parameters"]


def test_groups_come_in_the_optimisers_order_and_hold_everything_once() -> None:
    field = tiny_field()
    groups = field.parameter_groups()
    assert [name for name, _ in groups] == ["codes", "decoder", "hash"]
    held = [id(p) for _, parameters in groups for p in parameters]
    assert sorted(held) == sorted(id(p) for p in field.parameters())
    assert len(set(held)) == len(held)


def test_initial_hash_tables_are_tiny_and_symmetric() -> None:
    table = Field(TINY, BOXES).hash.xyt
    assert table.abs().max() <= 1e-4
    assert table.std().item() == pytest.approx(1e-4 / 3**0.5, rel=0.1)


@pytest.mark.parametrize(
    "changes", [{}, {"layers": 2}, {"overlap": False}, {"directions": "sh", "direction_degree": 4}]
)
def test_collapsed_and_pointwise_frames_agree(changes: dict) -> None:
    field = tiny_field(torch.float64, **changes)
    position = torch.rand(200, 3, dtype=torch.float64) * 1.2 - 0.1
    directions = torch.nn.functional.normalize(torch.randn(200, 3, dtype=torch.float64), dim=1)
    for frame in range(2):
        a, b = frame_at(field, frame, True), frame_at(field, frame, False)
        sigma, feature = a.density(position)
        torch.testing.assert_close(sigma, b.density(position)[0])
        torch.testing.assert_close(feature, b.density(position)[1])
        torch.testing.assert_close(a.colour(position, feature, directions), b.colour(position, feature, directions))


def test_gradients_of_collapsed_and_pointwise_frames_agree() -> None:
    field = tiny_field(torch.float64)
    position = torch.rand(50, 3, dtype=torch.float64)
    directions = torch.nn.functional.normalize(torch.randn(50, 3, dtype=torch.float64), dim=1)
    parameters = [p for name, p in field.named_parameters() if "logstd" not in name]
    grads = []
    for collapse in (True, False):
        frame = frame_at(field, 1, collapse)
        sigma, feature = frame.density(position)
        loss = sigma.sin().sum() + frame.colour(position, feature, directions).square().sum()
        grads.append(torch.autograd.grad(loss, parameters))
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-6)


def test_three_layers_multiply_out_exactly() -> None:
    """Frame.networks holds W1 and the first rows of W2 as one matrix; the layers of method.md 3 give the same."""
    field = tiny_field(torch.float64, overlap=False)
    frame = field.at(0)
    C, H, V = TINY.channels, TINY.hidden, TINY.view_dim
    feature, view = torch.randn(C, dtype=torch.float64), torch.randn(V, dtype=torch.float64)
    for plane, cell in ((0, 0), (1, 5), (2, 15)):
        row = frame.maps[plane, cell]
        w1 = row[: C * H].reshape(C, H)
        w2 = row[C * H : C * H + (H + V) * H].reshape(H + V, H)
        w3 = row[-3 * H :].reshape(H, 3)
        expected = (torch.cat([feature @ w1, view]) @ w2).relu() @ w3
        first, second = frame.networks.first[plane, cell], frame.networks.second[plane, cell]
        torch.testing.assert_close((torch.cat([feature, view]) @ first).relu() @ second, expected)


def test_codes_can_be_given() -> None:
    field = tiny_field()
    position = torch.rand(5, 3)
    given = field.at(0, code=field.code(1))
    assert not torch.equal(given.density(position)[0], field.at(0).density(position)[0])
    assert torch.equal(field.at(0, code=field.code(0)).planes, field.at(0).planes)


@pytest.mark.parametrize("frame", [-1, 2])
def test_frames_outside_the_clip(frame: int) -> None:
    with pytest.raises(IndexError, match="outside the clip of 2 frames"):
        tiny_field().at(frame)


def test_boxes_have_a_shape() -> None:
    with pytest.raises(ValueError, match=r"expected \[frames, 2, 3\]"):
        Field(TINY, torch.zeros(2, 3))


def test_an_encoder_needs_views_and_images() -> None:
    with pytest.raises(ValueError, match=r"field\.codes = encoder needs encoder_views"):
        Field(replace(TINY, codes="encoder"), BOXES)
    field = Field(replace(TINY, codes="encoder", encoder_views=(0,)), BOXES)
    with pytest.raises(ValueError, match="pass code="):
        field.at(0)
    assert field.at(0, code=torch.zeros(TINY.code_dim)).planes.shape[0] == 3


def test_frames_follow_the_fields_device_type() -> None:
    frame = tiny_field(torch.float64).at(0)
    assert frame.planes.dtype == torch.float64
    assert frame.planes.device == torch.device("cpu")


def test_time_share_puts_frames_closer_together() -> None:
    """With a share of 1/4 frame 1 of a clip reads the hash grids where frame 1/4 would be."""
    field = tiny_field()
    near = replace(field.config, hash=replace(field.config.hash, time_share=0.25))
    position = torch.rand(50, 3)
    expected = field.hash.at(1 / field.num_frames * 0.25)(position)
    field.config = near
    torch.testing.assert_close(field.at(1).hash(position), expected, atol=1e-6, rtol=1e-5)
