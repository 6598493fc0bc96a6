"""Whole images: pixels in their places, backgrounds, bytes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dymap.geometry.camera import Camera, look_at
from dymap.geometry.rays import camera_rays
from dymap.render.image import assemble, render_image
from dymap.render.volume import Rendered, render_rays
from tests.render.scenes import BOX, Analytic, analytic


def camera(width: int = 20, height: int = 15) -> Camera:
    R, T = look_at((4, 0.5, 0.8), (0, 0, 0))
    return Camera(np.array([[22.0, 0, 10], [0, 22, 7], [0, 0, 1]]), R, T, width, height)


def soft() -> Analytic:
    frame = analytic(lambda p: 5 * (0.6 - p.norm(dim=-1)))
    assert isinstance(frame, Analytic)
    frame.box = BOX.float()
    return frame


GRID = torch.ones(4, 4, 4, dtype=torch.bool)


def test_pixels_are_where_their_rays_point() -> None:
    frame = soft()
    image = render_image(frame, camera(), samples=16)  # type: ignore[arg-type]
    rays, hit = camera_rays(camera(), frame.box)
    seen = render_rays(frame, rays, 16)  # type: ignore[arg-type]
    assert image.rgb.shape == (15, 20, 3)
    assert torch.equal(image.hit.reshape(-1), hit)
    assert torch.equal(image.rgb[image.hit], seen.rgb)
    assert torch.equal(image.depth[image.hit], seen.depth)
    for row, column in ((7, 10), (6, 12)):
        one, _ = camera_rays(camera(), frame.box, [[column, row]])
        expected = render_rays(frame, one, 16)  # type: ignore[arg-type]
        torch.testing.assert_close(image.rgb[row, column], expected.rgb[0])


@pytest.mark.parametrize("grid", [None, GRID])
def test_what_misses_the_box_is_background(grid: torch.Tensor | None) -> None:
    image = render_image(soft(), camera(), grid)  # type: ignore[arg-type]
    assert not image.hit.all()
    assert not image.rgb[~image.hit].any()
    assert not image.acc[~image.hit].any()
    assert torch.isinf(image.depth[~image.hit]).all()


@pytest.mark.parametrize("grid", [None, GRID])
def test_backgrounds_fill_what_passes(grid: torch.Tensor | None) -> None:
    black, white, clear = (
        render_image(soft(), camera(), grid, background=name)  # type: ignore[arg-type]
        for name in ("black", "white", "transparent")
    )
    torch.testing.assert_close(white.rgb, black.rgb + (1 - black.acc)[..., None])
    assert torch.equal(clear.rgb, black.rgb)
    picture = torch.rand(15, 20, 3)
    over = render_image(soft(), camera(), grid, background=picture)  # type: ignore[arg-type]
    torch.testing.assert_close(over.rgb, black.rgb + (1 - black.acc)[..., None] * picture)


def test_straight_alpha_composites_back() -> None:
    image = render_image(soft(), camera(), background="transparent")  # type: ignore[arg-type]
    rgba = image.rgba()
    assert rgba.shape == (15, 20, 4)
    back = rgba[..., :3] / 255 * (rgba[..., 3:] / 255)
    assert np.abs(back - image.rgb.numpy()).max() < 1.5 / 255


def test_wrong_backgrounds() -> None:
    with pytest.raises(ValueError, match=r"background image has shape \(3, 4, 3\), expected \(15, 20, 3\)"):
        render_image(soft(), camera(), background=torch.zeros(3, 4, 3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown background 'green'"):
        render_image(soft(), camera(), background="green")  # type: ignore[arg-type]


@pytest.mark.parametrize("grid", [None, GRID])
def test_what_lies_behind_the_camera_is_not_seen(grid: torch.Tensor | None) -> None:
    """near and far are negative there, which the published slab test still counts as a hit."""
    R, T = look_at((4, 0.5, 0.8), (8, 0, 0))
    past = Camera(camera().K, R, T, 20, 15)
    image = render_image(soft(), past, grid, background="white")  # type: ignore[arg-type]
    assert image.hit.any()
    assert not image.acc.any()
    assert (image.rgb == 1).all()


def test_both_renderers_agree_from_inside_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dymap.render.march.MIN_WEIGHT", 0.0)
    R, T = look_at((0.3, 0.2, 0.1), (1, 0, 0))
    inside = Camera(camera().K, R, T, 20, 15)
    volume = render_image(soft(), inside, samples=500)  # type: ignore[arg-type]
    marched = render_image(soft(), inside, GRID, max_samples=1000)  # type: ignore[arg-type]
    torch.testing.assert_close(volume.acc, marched.acc, atol=0.01, rtol=0)
    assert volume.acc.max() > 0.1


def test_assembling_no_rays() -> None:
    none = Rendered(torch.zeros(0, 3), torch.zeros(0), torch.zeros(0))
    image = assemble(none, torch.zeros(300, dtype=torch.bool), camera())
    assert not image.rgb.any()
    assert not image.hit.any()
