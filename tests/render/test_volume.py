"""The volume renderer: conservation, closed forms, brute force."""

from __future__ import annotations

import pytest
import torch

from dymap.kernels import opacity, ray_weights
from dymap.render import volume
from dymap.render.sampling import intervals, ray_depths
from dymap.render.volume import integrate, render_rays
from tests.field.models import tiny_field
from tests.render.scenes import analytic, ball, rays


def samples(count: int = 24, rays_: int = 10) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(rays_, count, dtype=torch.float64) * 3, torch.rand(rays_, count, dtype=torch.float64)


def test_depths_include_both_ends() -> None:
    near, far = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 2.5])
    z = ray_depths(near, far, 7)
    torch.testing.assert_close(z[:, 0], near)
    torch.testing.assert_close(z[:, -1], far)
    torch.testing.assert_close(z[:, 1:] - z[:, :-1], ((far - near) / 6)[:, None].expand(2, 6))


def test_stratified_depths_stay_between_their_neighbours_middles() -> None:
    near, far = torch.rand(30), torch.rand(30) + 2
    z = ray_depths(near, far, 9)
    middle = (z[:, 1:] + z[:, :-1]) / 2
    low, high = torch.cat([z[:, :1], middle], 1), torch.cat([middle, z[:, -1:]], 1)
    drawn = ray_depths(near, far, 9, torch.rand(30, 9))
    assert (drawn >= low - 1e-6).all()
    assert (drawn <= high + 1e-6).all()
    torch.testing.assert_close(ray_depths(near, far, 9, torch.zeros(30, 9)), low)
    torch.testing.assert_close(ray_depths(near, far, 9, torch.ones(30, 9)), high)


def test_the_last_interval_repeats_its_predecessor() -> None:
    z = torch.tensor([[0.0, 1.0, 3.0, 3.5]])
    assert intervals(z).tolist() == [[1.0, 2.0, 0.5, 0.5]]


def test_weights_sum_to_one_minus_what_passes() -> None:
    alpha = opacity(*samples())
    passed = (1 - alpha).prod(1)
    torch.testing.assert_close(ray_weights(alpha).sum(1), 1 - passed, atol=1e-8, rtol=0)


def test_weights_by_definition() -> None:
    alpha = opacity(*samples())
    expected = torch.stack([alpha[:, i] * (1 - alpha[:, :i] + 1e-10).prod(1) for i in range(alpha.shape[1])], 1)
    torch.testing.assert_close(ray_weights(alpha), expected)


def test_opacity_is_a_probability_and_composes() -> None:
    """Two intervals of the same density are one of their joint length."""
    sigma, dist = samples()
    alpha = opacity(sigma, dist)
    assert ((alpha >= 0) & (alpha <= 1)).all()
    assert not alpha[sigma <= 0].any()
    torch.testing.assert_close(1 - (1 - alpha) * (1 - opacity(sigma, 2 * dist)), opacity(sigma, 3 * dist))


def test_opacity_weights_gradients() -> None:
    sigma, dist = samples(6, 3)
    sigma = (sigma + 4).requires_grad_()  # away from the kink of relu
    assert torch.autograd.gradcheck(lambda s: ray_weights(opacity(s, dist)), sigma)


@pytest.mark.parametrize("sigma", [0.3, 2.0])
def test_constant_density_has_a_closed_form(sigma: float) -> None:
    r = rays()
    seen = render_rays(analytic(sigma, lambda p: torch.full_like(p, 0.25)), r, 65)
    acc = 1 - torch.exp(-sigma * (r.far - r.near) * 65 / 64)  # the last interval counts twice
    torch.testing.assert_close(seen.acc, acc)
    torch.testing.assert_close(seen.rgb, 0.25 * acc[:, None].expand(-1, 3))


def test_colour_converges_to_the_integral() -> None:
    """Against the radiance integral by fine quadrature."""
    r = rays()
    coarse, fine = (render_rays(analytic(ball), r, n) for n in (400, 6400))
    torch.testing.assert_close(coarse.rgb, fine.rgb, atol=5e-3, rtol=0)
    torch.testing.assert_close(coarse.depth, fine.depth, atol=2e-2, rtol=0)


def test_an_opaque_surface_is_seen_where_it_is() -> None:
    r = rays()
    seen = render_rays(analytic(lambda p: torch.where(p.square().sum(-1) < 0.36, 1e6, -1.0)), r, 2000)
    b = (r.origins * r.directions).sum(1)
    root = b * b - r.origins.square().sum(1) + 0.36
    hit = root > 0.01
    assert hit.sum() > 10
    torch.testing.assert_close(seen.depth[hit], (-b - root.clamp(min=0).sqrt())[hit], atol=3e-3, rtol=0)
    torch.testing.assert_close(seen.acc[hit], torch.ones_like(seen.acc[hit]))
    assert not seen.acc[root < -0.01].any()
    torch.testing.assert_close(seen.depth[root < -0.01], r.far[root < -0.01])


def test_nothing_is_seen_of_negative_density() -> None:
    frame = analytic(-3.0)
    seen = render_rays(frame, rays(), 16)
    assert not seen.rgb.any()
    assert not seen.acc.any()
    assert frame.asked[1] == 0, "no colour is evaluated"


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = render_rays(analytic(ball), rays(33), 16)
    monkeypatch.setattr(volume, "CHUNK_SAMPLES", 7 * 16)
    for a, b in zip(render_rays(analytic(ball), rays(33), 16), whole, strict=True):
        torch.testing.assert_close(a, b)


def test_no_rays() -> None:
    seen = render_rays(analytic(ball), rays(3)[:0], 16)
    assert [tuple(part.shape) for part in seen] == [(0, 3), (0,), (0,)]


def test_skipping_unseen_colours_is_exact_forward_and_backward() -> None:
    """colour_threshold = 0 drops only what weighs nothing; keeping all colours gives the same values and gradients."""
    field = tiny_field(torch.float64)
    r = rays(20)
    z = ray_depths(r.near, r.far, 12)
    results = []
    for threshold in (0.0, -1.0):
        seen = integrate(field.at(0), r, z, intervals(z), colour_threshold=threshold)
        loss = seen.rgb.square().sum() + seen.acc.sin().sum() + seen.depth.sum()
        results.append((seen, torch.autograd.grad(loss, field.parameters(), allow_unused=True)))
    for a, b in zip(results[0][0], results[1][0], strict=True):
        torch.testing.assert_close(a, b)
    for a, b in zip(results[0][1], results[1][1], strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-6)


@pytest.mark.parametrize("threshold", [1e-4, 1e-2])
def test_skipped_colours_lose_no_more_than_they_say(threshold: float) -> None:
    r = rays()
    z = ray_depths(r.near, r.far, 40)
    frame = analytic(ball)
    whole = integrate(analytic(ball), r, z, intervals(z))
    part = integrate(frame, r, z, intervals(z), colour_threshold=threshold)
    torch.testing.assert_close(part.acc, whole.acc)
    assert (whole.rgb - part.rgb).abs().max() <= 40 * threshold
    assert frame.asked[1] < frame.asked[0]


@pytest.mark.parametrize("chosen", [[], [3, 0, 17]])
def test_rays_among_others_that_see_nothing(chosen: list[int]) -> None:
    r, which = rays(), torch.tensor(chosen, dtype=torch.int64)
    some = r[which]
    seen = integrate(analytic(ball), some, z := ray_depths(some.near, some.far, 40), intervals(z))
    spread = seen.among(r, which)
    for a, b in zip(spread, seen, strict=True):
        torch.testing.assert_close(a[which], b)
    others = torch.ones(len(r), dtype=torch.bool).index_fill(0, which, False)
    assert not spread.acc[others].any()
    assert not spread.rgb[others].any()
    assert torch.equal(spread.depth[others], r.far[others])


def test_gradients_of_a_whole_ray() -> None:
    """Central differences of the loss along random directions in parameter space."""
    field = tiny_field(torch.float64, overlap=False)
    r = rays(8)
    z = ray_depths(r.near, r.far, 8)
    parameters = [field.hash.xzt, field.decoder.density.bias, field.decoder.map_x.bias, field.decoder.features.weight]

    def loss() -> torch.Tensor:
        seen = integrate(field.at(1), r, z, intervals(z))
        return seen.rgb.square().sum() + seen.acc.sum() + 0.1 * seen.depth.sum()

    for parameter in parameters:
        grad = torch.autograd.grad(loss(), parameter)[0]
        direction = torch.randn_like(parameter)
        with torch.no_grad():
            ends = []
            for sign in (1, -1):
                parameter += sign * 1e-6 * direction
                ends.append(float(loss()))
                parameter -= sign * 1e-6 * direction
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(float((grad * direction).sum()), rel=1e-3, abs=1e-6)
