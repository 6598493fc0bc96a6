"""Everything that the field computes at points, against the golden arrays, with both kinds of hash look-up."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from dymap.field.directions import embed_directions
from dymap.field.field import Field
from dymap.field.frame import GridFrame
from dymap.kernels import PLANE_AXES, mlp_maps, sample_planes
from dymap.kernels.reference.hashgrid import hash_encode
from dymap.kernels.reference.mlp_maps import locate
from tests.field.models import frame_at
from tests.golden.sources import Arrays, Golden
from tests.variants import cached_for_each, with_all_kernels

MODELS = ["small", "small_mlp2", "small13"]
SIGMA = {"atol": 5e-3, "rtol": 1e-5}


class Points:
    """One golden file of point queries: its field and its three frames."""

    def __init__(self, golden: Golden, model: str):
        self.arrays: Arrays = golden.arrays(f"{model}_points")
        self.frames = [int(i) for i in self.arrays["frames"]]
        boxes = dict(zip(self.frames, self.arrays["wbounds"], strict=True))
        self.field: Field = golden.field(model, boxes).requires_grad_(False)

    @cached_for_each
    def at(self, k: int, collapse: bool = True) -> GridFrame:
        return frame_at(self.field, self.frames[k], collapse)

    @cache  # noqa: B019
    def planes(self, k: int) -> Tensor:
        """[3, P, P, 2 C] as an exact decoder makes them. In float32 they are up to 1.2e-4 off, by the order in which a
        machine's convolutions add: as much as samples of them may be."""
        return copy.deepcopy(self.field).double().at(self.frames[k]).planes.float()

    def check(self, key: str, k: int, values: Tensor, atol: float = 0.0, rtol: float = 0.0) -> None:
        """`values` are entry k of the array."""
        np.testing.assert_allclose(values.numpy(), self.arrays[key][k], atol=atol, rtol=rtol, err_msg=f"{key}[{k}]")

    def tensor(self, key: str, k: int) -> Tensor:
        return torch.from_numpy(self.arrays[key][k])


@pytest.fixture(params=MODELS, scope="module")
def points(golden: Golden, request: pytest.FixtureRequest) -> Points:
    return Points(golden, request.param)


each_frame = pytest.mark.parametrize("k", range(3))


def test_hash_levels(points: Points) -> None:
    levels, arrays = points.field.hash.levels, points.arrays
    assert arrays["hash_offsets"].tolist() == list(levels.offsets)
    assert arrays["hash_level_resolution"].tolist() == list(levels.resolutions)
    np.testing.assert_array_equal(np.array(levels.scales, np.float32), arrays["hash_level_scale"])
    assert 2**levels.growth_log2 == pytest.approx(float(arrays["hash_per_level_scale"]))
    assert points.field.num_frames == int(arrays["num_train_frame"])


@each_frame
def test_codes(points: Points, k: int) -> None:
    points.check("latent", k, points.field.code(points.frames[k]))


@each_frame
def test_decoded_planes_and_maps(points: Points, k: int) -> None:
    decoded = points.field.decoder(points.field.code(points.frames[k]))
    check = points.arrays.check
    check(f"trip_kn_features_f{k}", decoded.features, atol=1e-4, rtol=1e-5)
    check(f"trip_kn_density_params_f{k}", decoded.density, atol=1e-4, rtol=1e-5)
    check(f"trip_kn_rgb_params_f{k}", decoded.maps.flatten(0, 1), atol=1e-4, rtol=1e-5)


@each_frame
def test_normalised_positions(points: Points, k: int) -> None:
    points.check("norm", k, points.at(k, collapse=False).normalise(points.tensor("wpts", k)), atol=1e-6)


@each_frame
def test_hash_features_of_each_table(points: Points, k: int) -> None:
    """Points in 3D, with the float32 detour of u."""
    hash = points.field.hash
    norm = points.tensor("norm", k)
    time = norm.new_full((len(norm), 1), points.frames[k] / points.field.num_frames)
    for key, axes, table in zip(("xyt", "xzt", "yzt"), PLANE_AXES, hash.tables, strict=True):
        coords = torch.cat([norm[:, list(axes)], time], dim=1)
        points.check(f"hash_{key}", k, hash_encode(coords, table, hash.levels), atol=1e-6)


@with_all_kernels
@each_frame
def test_triplane_and_density_planes(points: Points, k: int) -> None:
    channels = points.field.config.channels
    sampled = sample_planes(points.planes(k), points.tensor("norm", k))
    points.check("triplane", k, sampled[:, :channels], atol=1e-4)
    points.check("density_weight", k, sampled[:, channels:], atol=1e-4, rtol=1e-6)


@pytest.mark.full_golden  # the trimmed copy has no whole planes
@with_all_kernels
@each_frame
def test_samples_of_the_golden_planes(points: Points, k: int) -> None:
    """Without our decoder: what differs is only the sampling, of values up to 200."""
    for golden, sampled in (("features", "triplane"), ("density_params", "density_weight")):
        planes = points.arrays[f"trip_kn_{golden}_f{k}"]
        values = sample_planes(torch.from_numpy(planes).permute(0, 2, 3, 1), points.tensor("norm", k))
        points.check(sampled, k, values, atol=2e-5, rtol=1e-6)


@with_all_kernels
@each_frame
@pytest.mark.parametrize("collapse", [True, False])
def test_feature_and_density(points: Points, k: int, collapse: bool) -> None:
    frame = points.at(k, collapse)
    sigma, feature = frame.density(frame.normalise(points.tensor("wpts", k)))
    points.check("xyz_feat", k, feature, atol=1e-4)
    points.check("sigma", k, sigma, **SIGMA)


@each_frame
def test_views(points: Points, k: int) -> None:
    config = points.field.config
    view = embed_directions(points.tensor("viewdir", k), config.directions, config.direction_degree)
    points.check("view_embed", k, view, atol=1e-6)


@with_all_kernels
@each_frame
@pytest.mark.parametrize("collapse", [True, False])
def test_colour(points: Points, k: int, collapse: bool) -> None:
    frame = points.at(k, collapse)
    position = frame.normalise(points.tensor("wpts", k))
    feature, _ = frame.features(position)
    view = points.tensor("view_embed", k)
    raw = mlp_maps(feature, view, None, position, frame.networks)
    points.check("rgb_raw", k, raw, atol=5e-4, rtol=1e-4)
    points.check("rgb", k, frame.colour(position, feature, points.tensor("viewdir", k)), atol=1e-4)


@each_frame
def test_networks_and_blending_weights(points: Points, k: int) -> None:
    config = points.field.config
    S = config.map_size
    position = points.tensor("norm", k)
    indices, weights = [], []
    for plane, axes in enumerate(PLANE_AXES):
        cell, weight = locate(position[:, list(axes)], S, config.overlap)
        cells = S - 1 if config.overlap else S
        network = torch.div(cell, cells, rounding_mode="floor") * S + cell % cells + plane * S * S
        corners = (0, 1, S, S + 1) if config.overlap else (0,)
        indices.append(network[:, None] + torch.tensor(corners))
        weights.append(weight)
    index, weight = torch.cat(indices, 1), torch.cat(weights, 1)
    counts = torch.bincount(index.flatten(), minlength=3 * S * S)
    points.check("mlp_net_idx", k, index)
    points.check("mlp_weight", k, weight, atol=1e-6)
    points.check("net_counts", k, counts)
    torch.testing.assert_close(weight.sum(1), torch.full((len(weight),), 3.0))


def test_points_reach_what_they_should(points: Points) -> None:
    """The golden points are worth testing with: some outside the box, about half in the body."""
    wpts, box = points.arrays["wpts"], points.arrays["wbounds"][:, :, None]
    outside = ((wpts < box[:, 0]) | (wpts > box[:, 1])).any(-1)
    assert outside.sum() > 10
    assert (points.arrays["sigma"] > 5).mean() > 0.1
