"""The marching renderer: conservation, rounds, agreement with the volume renderer."""

from __future__ import annotations

import math

import pytest
import torch

from dymap.geometry.rays import Rays
from dymap.kernels import MIN_TRANSMITTANCE, MIN_WEIGHT
from dymap.render import march
from dymap.render.march import march_rays, march_step
from dymap.render.volume import render_rays
from tests.render.scenes import BOX, analytic, ball, rays

FULL = torch.ones(4, 4, 4, dtype=torch.bool)


def ball_grid(size: int = 12) -> torch.Tensor:
    """Voxels that meet the ball of radius 0.6, by sampling."""
    line = (torch.arange(size * 5, dtype=torch.float64) + 0.5) / (size * 5) * 2 - 1
    points = torch.stack(torch.meshgrid(line, line, line, indexing="ij"), -1)
    inside = (ball(points) > 0).reshape(size, 5, size, 5, size, 5)
    return torch.nn.functional.max_pool3d(inside.any(5).any(3).any(1).double()[None, None], 3, 1, 1)[0, 0] > 0


def test_step_divides_the_diagonal() -> None:
    assert march_step(BOX, 100) == pytest.approx(2 * 3**0.5 / 100)


@pytest.mark.parametrize("sigma", [0.3, 1.5])
def test_constant_density_has_a_closed_form(sigma: float) -> None:
    r, step = rays(), 0.02
    seen = march_rays(analytic(sigma, lambda p: torch.full_like(p, 0.5)), r, FULL, step)
    alpha = 1 - math.exp(-sigma * step)
    heavy = math.ceil(math.log(MIN_WEIGHT / alpha) / math.log(1 - alpha))  # later samples weigh too little
    steps = torch.ceil((r.far - r.near) / step - 0.5).clamp(max=heavy)
    acc = 1 - torch.exp(-sigma * steps * step)
    torch.testing.assert_close(seen.acc, acc)
    torch.testing.assert_close(seen.rgb, 0.5 * acc[:, None].expand(-1, 3))


def test_agrees_with_the_volume_renderer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(march, "MIN_WEIGHT", 0.0)
    r = rays()
    expected = render_rays(analytic(ball), r, 4000)
    seen = march_rays(analytic(ball), r, ball_grid(), 2e-3)
    torch.testing.assert_close(seen.acc, expected.acc, atol=3e-3, rtol=0)
    torch.testing.assert_close(seen.rgb, expected.rgb, atol=3e-3, rtol=0)
    torch.testing.assert_close(seen.depth, expected.depth, atol=1e-2, rtol=0)


def test_empty_voxels_save_work_and_change_nothing() -> None:
    whole, part = analytic(ball), analytic(ball)
    r = rays()
    a = march_rays(whole, r, torch.ones_like(ball_grid()), 0.01)
    b = march_rays(part, r, ball_grid(), 0.01)
    # skipping moves samples by less than a step
    torch.testing.assert_close(a.acc, b.acc, atol=2e-2, rtol=0)
    torch.testing.assert_close(a.rgb, b.rgb, atol=2e-2, rtol=0)
    assert part.asked[0] < 0.8 * whole.asked[0]


@pytest.mark.parametrize("samples", [1, 3, 8, 32, 10_000])
def test_rounds_change_work_and_not_images(samples: int) -> None:
    """Early termination in rounds of any length; a published bug stopped all rays when a round added nothing."""
    frame, reference = analytic(ball), analytic(ball)
    expected = march_rays(reference, rays(), ball_grid(), 0.01, round_samples=100_000)
    seen = march_rays(frame, rays(), ball_grid(), 0.01, round_samples=samples)
    for a, b in zip(seen, expected, strict=True):
        torch.testing.assert_close(a, b)
    assert frame.asked[1] == reference.asked[1]
    if samples <= 8:
        assert frame.asked[0] < reference.asked[0]


def test_empty_rounds_do_not_end_other_rays() -> None:
    """All voxels occupied but empty of density in front: the first rounds add nothing to any ray."""
    frame = analytic(lambda p: torch.where(p.square().sum(-1) < 0.09, 50.0, -1.0).to(p))
    r = Rays(*(value[:1] for value in vars(rays()).values()))
    target = Rays(r.origins, -r.origins / r.origins.norm(), r.near, r.far)
    seen = march_rays(frame, target, FULL, 0.01, round_samples=2)
    assert seen.acc.item() > 0.99


def test_opaque_rays_end() -> None:
    """With sigma * step = 1 a ray passes e^-n after n samples: seven reach a transmittance of 1e-3."""
    frame = analytic(1 / 0.01)
    seen = march_rays(frame, rays(10), FULL, 0.01, round_samples=1)
    assert frame.asked[0] == 10 * 7
    assert (seen.acc > 1 - MIN_TRANSMITTANCE).all()


def test_light_samples_enter_nothing() -> None:
    frame = analytic(0.05)  # alpha = 5e-4 a step
    seen = march_rays(frame, rays(), FULL, 0.01)
    assert not seen.acc.any()
    assert not seen.rgb.any()
    assert frame.asked[1] == 0


def test_what_lies_behind_the_origin_is_not_seen() -> None:
    d = torch.tensor([[1.0, 0, 0]], dtype=torch.float64)
    inside = Rays(
        torch.tensor([[0.5, 0, 0]], dtype=torch.float64), d, -1.5 * torch.ones(1).double(), 0.5 * torch.ones(1).double()
    )
    seen = march_rays(analytic(1.0), inside, FULL, 0.01)
    torch.testing.assert_close(seen.acc, 1 - torch.exp(-inside.far), atol=5e-3, rtol=0)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = march_rays(analytic(ball), rays(33), ball_grid(), 0.02)
    monkeypatch.setattr(march, "CHUNK_RAYS", 7)
    for a, b in zip(march_rays(analytic(ball), rays(33), ball_grid(), 0.02), whole, strict=True):
        torch.testing.assert_close(a, b)


def test_no_rays_and_no_occupied_voxels() -> None:
    seen = march_rays(analytic(ball), rays(3)[:0], ball_grid(), 0.02)
    assert [tuple(part.shape) for part in seen] == [(0, 3), (0,), (0,)]
    seen = march_rays(analytic(ball), rays(5), torch.zeros_like(FULL), 0.02)
    assert not seen.acc.any()
    torch.testing.assert_close(seen.depth, rays(5).far)


def test_counting_frames_count() -> None:
    frame = analytic(ball)
    march_rays(frame, rays(5), FULL, 0.1)
    assert frame.asked[0] > frame.asked[1] > 0
