"""Every back end against the reference: marching, depths of samples, Adam, and whole images."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from dymap import kernels
from dymap.field.frame import GridFrame
from dymap.field.hashgrid import HashAtTime
from dymap.geometry.camera import Camera, look_at
from dymap.geometry.rays import Rays, camera_rays, slab_test
from dymap.kernels import AdamStep, using
from dymap.render.fused import FusedRenderer
from dymap.render.image import Cancelled
from dymap.render.march import march_rays, march_step
from tests.field.models import tiny_field
from tests.kernels.cases import each_variant, threads

BOX = torch.tensor([[-0.5, -0.4, -0.1], [0.6, 0.5, 1.5]])


def some_rays(count: int) -> Rays:
    """Rays that hit the box, from outside and from inside; not contiguous."""
    o = torch.randn(3, 4 * count).T * 2
    target = BOX[0] + torch.rand(4 * count, 3) * (BOX[1] - BOX[0])
    d = (target - o) / (target - o).norm(dim=1, keepdim=True)
    near, far, hit = slab_test(o, d, BOX)
    return Rays(o[hit], d[hit], near[hit], far[hit])[: 2 * count : 2]


@each_variant
@pytest.mark.parametrize("count", [0, 1, 300])
@pytest.mark.parametrize("limit", [1, 7, 200])
def test_march_intervals(variant: str, count: int, limit: int) -> None:
    r = some_rays(300)[:count]
    grid = (torch.rand(7, 5, 4) < 0.3).permute(2, 1, 0)
    found = []
    for name in (variant, "torch"):
        with using(name), threads(1 if name == "torch" else 3):
            near = r.near.clamp(min=0)
            found.append(kernels.march_intervals(r.origins, r.directions, near, r.far, BOX, grid, 0.03, limit))
    (a, counts, stand), (b, expected, stood) = found
    assert torch.equal(counts, expected)
    assert torch.equal(a, b), "to the bit"
    on = counts == limit
    assert torch.equal(stand[on], stood[on])


@each_variant
def test_marching_ends_wherever_rays_go(variant: str) -> None:
    bad = torch.tensor([float("nan"), float("inf"), 1e30, 0.0])
    o = torch.cartesian_prod(bad, bad, bad)
    grid = torch.rand(4, 5, 7) < 0.5
    for far in (1.0, 1e30, float("inf")):
        with using(variant):
            kernels.march_intervals(o, o.flip(0), torch.zeros(64), torch.full((64,), far), BOX, grid, 0.03, 8)


@each_variant
@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize("count", [0, 1, 200])
def test_hull_depths(variant: str, count: int, drawn: bool) -> None:
    r = some_rays(200)[:count]
    hull = (torch.rand(9, 7, 6) < 0.3).permute(2, 1, 0)
    sigma = torch.rand(3, 5, 4) * 20 - 10 if drawn else None
    jitter = torch.rand(17, len(r.near)).T
    found = []
    for name in (variant, "torch"):
        with using(name), threads(1 if name == "torch" else 3):
            found.append(kernels.hull_depths(r.origins, r.directions, r.near, r.far, BOX, hull, jitter, sigma))
    assert torch.equal(found[0].hit, found[1].hit)
    hit = found[1].hit
    # The middle of a bin on a voxel's face may fall on either side of it: one ray of 200, if any.
    for a, b in ((found[0].z, found[1].z), (found[0].dist, found[1].dist)):
        off = (a - b)[hit].abs() > 1e-4
        assert off.float().mean() < 1e-2 if off.numel() else True


@each_variant
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("shape", [(0,), (1,), (7, 5), (16,), (1000, 3)])
def test_adam(variant: str, shape: tuple[int, ...], lazy: bool) -> None:
    start = [torch.randn(shape), torch.randn(shape), torch.randn(shape) * 0.1, torch.rand(shape) * 0.1]
    if len(shape) == 2:
        start[1][len(start[1]) // 4 : len(start[1]) // 2] = 0
    found = []
    for name in (variant, "torch"):
        held = [t.clone() for t in start]
        with using(name), threads(1 if name == "torch" else 3):
            for step in (1, 2):
                kernels.adam(*held, AdamStep(step, 0.01, clip=0.7, lazy=lazy))  # type: ignore[arg-type]
                if lazy:
                    assert not held[1].any()
                    held[1].copy_(start[1])
        found.append(held)
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, atol=2e-6, rtol=2e-6)


@each_variant
def test_adam_refuses_what_it_would_copy(variant: str) -> None:
    apart = torch.zeros(5, 2).T
    with using(variant), pytest.raises((TypeError, RuntimeError)):
        kernels.adam(apart, torch.ones(2, 5), torch.zeros(2, 5), torch.zeros(2, 5), AdamStep(1, 0.01))


def ball_frame(**changes: object) -> GridFrame:
    """A smooth ball of density in the planes of a small random field."""
    field = tiny_field(**changes).requires_grad_(False)  # type: ignore[arg-type]
    frame = field.at(0)
    frame = replace(frame, hash=HashAtTime(field.hash, 0.0, 0.01 * frame.hash.collapse()))
    line = torch.linspace(-0.5, 0.5, frame.planes.shape[1])
    radius = line[:, None] ** 2 + line**2
    planes, C = frame.planes, frame.config.channels
    planes.copy_(torch.cos(torch.arange(2 * C) + 3 * line[:, None, None] + 2 * line[:, None]) * 0.2)
    planes[..., 0] = 1 / 3
    planes[..., C] = 40 * (0.16 / 3 - radius / 2)
    return frame


def camera(width: int, height: int, inside: bool) -> Camera:
    eye, target = ((0.3, 0.2, 1.2), (0, 0, 0.4)) if inside else ((2.4, 0.7, 1.1), (0.05, 0.05, 0.7))
    R, T = look_at(eye, target)
    focal = 0.6 * width if inside else 1.5 * width
    return Camera(np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]]), R, T, width, height)


def ball_grid() -> Tensor:
    line = [(torch.arange(n) + 0.5) / n - 0.5 for n in (7, 5, 9)]
    return torch.stack(torch.meshgrid(*line, indexing="ij"), -1).norm(dim=-1) < 0.6


MODELS = [{}, {"layers": 2}, {"overlap": False}, {"directions": "sh", "direction_degree": 3}]


def fused(frame: GridFrame, grid: Tensor, fast: bool = False) -> FusedRenderer:
    """The renderer of a back end that draws whole images."""
    tracer = frame.tracer(grid, march_step(frame.box, 100), fast)
    if tracer is None:
        pytest.skip("this back end draws no whole images")
    return FusedRenderer(tracer)


@each_variant
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("changes", MODELS, ids=str)
@pytest.mark.parametrize("size", [(1, 1), (33, 19), (16, 47)])
def test_exact_images(variant: str, size: tuple[int, int], changes: dict[str, object], inside: bool) -> None:
    frame, view, grid = ball_frame(**changes), camera(*size, inside), ball_grid()
    rays, hit = camera_rays(view, frame.box)
    with using("torch"):
        expected = march_rays(frame, rays, grid, march_step(frame.box, 100))
    for count in (1, 3):
        with using(variant), threads(count):
            image = fused(frame, grid).render(view)
        seen = image.hit
        assert torch.equal(seen.reshape(-1), hit)
        assert torch.isinf(image.far[~seen]).all()
        torch.testing.assert_close(image.far[seen], rays.far, rtol=1e-5, atol=1e-5)
        # A weight at the threshold of 1e-3 may fall on either side of it.
        pairs = ((image.rgb, expected.rgb), (image.acc, expected.acc), (image.depth / 10, expected.depth / 10))
        for a, b in ((a[seen], b) for a, b in pairs):
            assert not ((a - b).abs() > 3e-3).any()
            assert not (a - b).abs().mean() > 5e-5
        if size[0] > 1:
            assert image.acc.max() > 0.9


@each_variant
@pytest.mark.parametrize("inside", [False, True])
def test_fast_images_are_close_to_exact_ones(variant: str, inside: bool) -> None:
    frame, view, grid = ball_frame(), camera(61, 43, inside), ball_grid()
    with using(variant), threads(2):
        a, b = (fused(frame, grid, fast).render(view) for fast in (False, True))
    assert torch.equal(a.hit, b.hit)
    assert torch.equal(a.far, b.far)
    assert -10 * math.log10(float((a.rgb - b.rgb).square().mean())) > 40
    assert a.acc.max() > 0.9


@each_variant
@pytest.mark.parametrize("inside", [False, True])
def test_no_bit_depends_on_threads_or_on_which_rows_are_drawn(variant: str, inside: bool) -> None:
    frame, view, grid = ball_frame(), camera(150, 2 * kernels.BLOCK + 9, inside), ball_grid()
    rows = [(0, kernels.BLOCK), (kernels.BLOCK, 2 * kernels.BLOCK), (2 * kernels.BLOCK, view.height)]
    for fast in (False, True):
        with using(variant):
            renderer = fused(frame, grid, fast)
            with threads(3):
                whole, parts = renderer.trace(view), [renderer.trace(view, None, part) for part in rows]
            with threads(1):
                alone = renderer.trace(view)
        for index in range(5):
            assert torch.equal(whole[index], alone[index])
            assert torch.equal(whole[index], torch.cat([part[index] for part in parts]))


@each_variant
@pytest.mark.parametrize("rows", [(1, 32), (0, 31), (32, 100), (-32, 32), (64, 32)])
def test_rows_that_begin_or_end_elsewhere(variant: str, rows: tuple[int, int]) -> None:
    with using(variant), pytest.raises((ValueError, RuntimeError)):
        fused(ball_frame(), ball_grid()).trace(camera(40, 70, False), None, rows)


@each_variant
def test_a_cancelled_image_ends_at_once(variant: str) -> None:
    view, cancel = camera(64, 48, False), kernels.Cancel()
    with using(variant):
        renderer = fused(ball_frame(), ball_grid())
    assert renderer.trace(view, cancel).done == 1
    cancel.cancel()
    traced = renderer.trace(view, cancel)
    assert traced.done == 0
    assert not traced.rgb.any()
    assert not traced.acc.any()
    with pytest.raises(Cancelled):
        renderer.render(view, cancel=cancel)


@each_variant
def test_cameras_that_are_not_finite(variant: str) -> None:
    view = camera(8, 8, False)
    for fast in (False, True):
        with using(variant):
            tracer = fused(ball_frame(), ball_grid(), fast).tracer
        with pytest.raises(ValueError, match="a camera that is not finite"):
            tracer.trace(view.R.T, np.array([0, math.nan, 0]), 0.0, (8, 8))
        # From so far away that a step is lost in rounding there is nothing to see, but an end.
        tracer.trace(view.R.T @ np.linalg.inv(view.K), np.array([1e20, 0, 0]), 0.0, (8, 8))
