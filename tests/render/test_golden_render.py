"""Both renderers against the golden images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dymap.config import RenderConfig
from dymap.field.frame import Frame
from dymap.geometry.camera import Camera
from dymap.geometry.rays import Rays, camera_rays, slab_test
from dymap.kernels import march_intervals, opacity
from dymap.render.march import march_rays, march_step
from dymap.render.renderer import make_renderer
from dymap.render.sampling import intervals, ray_depths
from dymap.render.volume import render_rays
from tests.golden.sources import Arrays, Golden
from tests.variants import cached_for_each, with_all_kernels


@cached_for_each
def volume_scene(golden: Golden, model: str, k: int) -> tuple[Arrays, Frame, Rays]:
    arrays = golden.arrays(f"{model}_render")
    frame = int(arrays["frames"][k])
    field = golden.field(model, {frame: arrays["wbounds"][k]}).requires_grad_(False)
    rays = Rays(*(arrays.tensor(f"{key}_f{k}") for key in ("ray_o", "ray_d", "near", "far")))
    return arrays, field.at(frame), rays


each_volume = pytest.mark.parametrize("model", ["small", "small_mlp2"])
each_frame = pytest.mark.parametrize("k", range(3))


@each_volume
@each_frame
def test_golden_rays_and_ranges(golden: Golden, model: str, k: int) -> None:
    arrays, frame, rays = volume_scene(golden, model, k)
    near, far, hit = slab_test(rays.origins, rays.directions, frame.box)
    assert hit.all()
    arrays.check(f"near_f{k}", near, atol=2e-6)
    arrays.check(f"far_f{k}", far, atol=2e-6)
    eyes = np.stack([-R.T @ T[:, 0] for R, T in zip(arrays["R"], arrays["T"], strict=True)])
    nearest = np.linalg.norm(rays.origins.numpy()[:, None] - eyes, axis=2).min(1)
    assert nearest.max() < 1e-5, "rays start at the cameras"


@each_volume
@each_frame
def test_golden_pixels(golden: Golden, model: str, k: int) -> None:
    """Each ray passes through a pixel of one of the cameras."""
    arrays, _, rays = volume_scene(golden, model, k)
    points = (rays.origins + 3 * rays.directions).numpy()
    away = []
    for c in range(4):
        camera = Camera(arrays["K"][c], arrays["R"][c], arrays["T"][c], 64, 64)
        mine = np.linalg.norm(rays.origins.numpy() - camera.position, axis=1) < 1e-5
        pixels = camera.project(points[mine])[0]
        away.append(np.abs(pixels - np.round(pixels)))
    assert sum(map(len, away)) == len(points)
    assert np.concatenate(away).max() < 1e-4


@with_all_kernels
@each_volume
@each_frame
def test_golden_volume_images(golden: Golden, model: str, k: int) -> None:
    arrays, frame, rays = volume_scene(golden, model, k)
    seen = render_rays(frame, rays, int(arrays["N_samples"]))
    arrays.check(f"rgb_map_f{k}", seen.rgb, atol=1e-4)
    arrays.check(f"acc_map_f{k}", seen.acc, atol=1e-4)
    arrays.check(f"depth_map_f{k}", seen.depth, atol=1e-3)
    assert seen.acc.min() < 0.01
    assert seen.acc.max() > 0.9


@with_all_kernels
@each_volume
@each_frame
def test_golden_samples(golden: Golden, model: str, k: int) -> None:
    """Colour and alpha of every sample of every 16th ray."""
    arrays, frame, rays = volume_scene(golden, model, k)
    rays = rays[::16]
    z = ray_depths(rays.near, rays.far, int(arrays["N_samples"]))
    points = rays.origins[:, None] + rays.directions[:, None] * z[..., None]
    position = frame.normalise(points.reshape(-1, 3))
    sigma, feature = frame.density(position)
    colour = frame.colour(position, feature, rays.directions.repeat_interleave(z.shape[1], dim=0))
    alpha = opacity(sigma.reshape(z.shape), intervals(z))
    arrays.check(f"raw_every16_f{k}", torch.cat([colour.reshape(*z.shape, 3), alpha[..., None]], -1), atol=2e-4)


@each_volume
def test_golden_stratified_samples(golden: Golden, model: str) -> None:
    arrays, _, rays = volume_scene(golden, model, 2)
    rays = rays[:16]
    z = ray_depths(rays.near, rays.far, int(arrays["N_samples"]), arrays.tensor("strat_t_rand"))
    arrays.check("strat_z_vals", z, atol=2e-6)
    arrays.check("strat_pts", rays.origins[:, None] + rays.directions[:, None] * z[..., None], atol=2e-6)


class Counting(Frame):
    """A Frame that counts the samples it is asked for."""

    def __init__(self, frame: Frame):
        self.frame, self.box = frame, frame.box
        self.asked = [0, 0]

    def density(self, position: Tensor) -> tuple[Tensor, Tensor]:
        self.asked[0] += len(position)
        return self.frame.density(position)

    def colour(self, position: Tensor, feature: Tensor, directions: Tensor, ray: Tensor | None = None) -> Tensor:
        self.asked[1] += len(position)
        return self.frame.colour(position, feature, directions, ray)


@cached_for_each
def march_scene(golden: Golden, model: str) -> tuple[Arrays, Frame, Rays, Tensor, float]:
    arrays = golden.arrays(f"{model}_fast")
    number = int(arrays["fast_frame"])
    field = golden.field(model, {number: arrays[f"occ_wbounds_f{number}"]}).requires_grad_(False)
    frame = field.at(number)
    o, d = arrays.tensor("fast_ray_o"), arrays.tensor("fast_ray_d")
    near, far, hit = slab_test(o, d, frame.box)
    assert hit.all()
    step = march_step(frame.box, int(arrays["max_samples"]))
    return arrays, frame, Rays(o, d, near, far), arrays.tensor(f"occ_grid_f{number}"), step


def march_camera(arrays: Arrays) -> Camera:
    return Camera(arrays["fast_K"], arrays["fast_R"], arrays["fast_T"], 64, 64)


each_march = pytest.mark.parametrize("model", ["small", "small13"])


@each_march
def test_golden_march_rays(golden: Golden, model: str) -> None:
    arrays, frame, _, _, step = march_scene(golden, model)
    rays, hit = camera_rays(march_camera(arrays), frame.box)
    arrays.check("fast_mask_at_box", hit)
    arrays.check("fast_ray_o", rays.origins, atol=1e-6)
    arrays.check("fast_ray_d", rays.directions, atol=2e-6)
    assert step == pytest.approx(float(arrays["fast_step"]), rel=1e-7)


@with_all_kernels
@each_march
def test_golden_intervals_to_the_bit(golden: Golden, model: str) -> None:
    arrays, frame, rays, grid, step = march_scene(golden, model)
    found, counts, _ = march_intervals(
        rays.origins, rays.directions, rays.near.clamp(min=0), rays.far, frame.box, grid, step, 200
    )
    starts = torch.cumsum(counts, 0) - counts
    packed = arrays["fast_packed_info"]
    np.testing.assert_array_equal(counts.numpy(), packed[:, 1])
    np.testing.assert_array_equal(starts.numpy()[packed[:, 1] > 0], packed[packed[:, 1] > 0, 0])
    each = found[torch.arange(200) < counts[:, None]]
    arrays.check("fast_t_starts", each[:, 0])
    arrays.check("fast_t_ends", each[:, 1])


@with_all_kernels
@each_march
@pytest.mark.parametrize(("name", "rounds"), [("noert", 200), ("ert8", 8), ("ert32", 32)])
def test_golden_march_images(golden: Golden, model: str, name: str, rounds: int) -> None:
    arrays, frame, rays, grid, step = march_scene(golden, model)
    counting = Counting(frame)
    seen = march_rays(counting, rays, grid, step, round_samples=rounds)
    arrays.check(f"fast_{name}_rgb_map", seen.rgb, atol=1e-4)
    arrays.check(f"fast_{name}_acc_map", seen.acc[:, None], atol=1e-4)
    arrays.check(f"fast_{name}_density_color_points", counting.asked)


@with_all_kernels
@each_march
@pytest.mark.parametrize("name", ["noert", "ert64"])
def test_golden_march_without_empty_voxels(golden: Golden, model: str, name: str) -> None:
    """An all-true grid; `fast_ones_ert8` shows the published bug and is left out."""
    arrays, frame, rays, grid, step = march_scene(golden, model)
    rounds = {"noert": 200, "ert64": 64}[name]
    seen = march_rays(frame, rays, torch.ones_like(grid), step, round_samples=rounds)
    arrays.check(f"fast_ones_{name}_rgb_map", seen.rgb, atol=1e-4)
    arrays.check(f"fast_ones_{name}_acc_map", seen.acc[:, None], atol=1e-4)


@with_all_kernels
@each_march
def test_short_rounds_without_empty_voxels_are_not_black(golden: Golden, model: str) -> None:
    """What `fast_ones_ert8` should have shown: the same image as without rounds (method.md 15)."""
    arrays, frame, rays, grid, step = march_scene(golden, model)
    seen = march_rays(frame, rays, torch.ones_like(grid), step, round_samples=8)
    arrays.check("fast_ones_noert_rgb_map", seen.rgb, atol=1e-4)
    arrays.check("fast_ones_noert_acc_map", seen.acc[:, None], atol=1e-4)


@with_all_kernels
@each_march
def test_golden_whole_images(golden: Golden, model: str) -> None:
    """Pixels, background, occupancy. The golden ones start from rays made in float32."""
    arrays, frame, _, grid, _ = march_scene(golden, model)
    settings = RenderConfig(max_samples=int(arrays["max_samples"]))
    image = make_renderer("march", frame, grid, settings).render(march_camera(arrays))
    for name in ("noert", "ert8", "ert32"):
        arrays.check(f"fast_{name}_full_rgb", image.rgb, atol=1e-4)
        arrays.check(f"fast_{name}_full_acc", image.acc[..., None], atol=1e-4)
