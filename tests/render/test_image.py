"""Whole images: pixels in their places, backgrounds, where rays end, bytes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from dymap.config import RenderConfig
from dymap.errors import InputError
from dymap.field.frame import Frame
from dymap.geometry.camera import Camera, look_at
from dymap.geometry.rays import camera_rays
from dymap.kernels import BLOCK, Cancel
from dymap.render import image as images
from dymap.render.image import Background, Cancelled, Image, Rendered, assemble
from dymap.render.mixed import MixedRenderer
from dymap.render.renderer import RendererName, make_renderer
from dymap.render.volume import render_rays
from tests.disks import files_of_at_most
from tests.field.models import tiny_field
from tests.render.scenes import BOX, Analytic, analytic
from tests.variants import with_all_kernels


def camera(width: int = 20, height: int = 15) -> Camera:
    R, T = look_at((4, 0.5, 0.8), (0, 0, 0))
    return Camera(np.array([[22.0, 0, 10], [0, 22, 7], [0, 0, 1]]), R, T, width, height)


def soft() -> Analytic:
    frame = analytic(lambda p: 5 * (0.6 - p.norm(dim=-1)))
    frame.box = BOX.float()
    return frame


GRID = torch.ones(4, 4, 4, dtype=torch.bool)
SETTINGS = RenderConfig(samples=64, max_samples=64)

each_renderer = pytest.mark.parametrize("name", ["volume", "march"])


def render(
    name: RendererName,
    frame: Frame,
    view: Camera,
    settings: RenderConfig = SETTINGS,
    background: Background = "black",
) -> Image:
    grid = None if name == "volume" else GRID
    return make_renderer(name, frame, grid, settings).render(view, background)


def test_pixels_are_where_their_rays_point() -> None:
    frame = soft()
    image = render("volume", frame, camera(), RenderConfig(samples=16))
    rays, hit = camera_rays(camera(), frame.box)
    seen = render_rays(frame, rays, 16)
    assert image.rgb.shape == (15, 20, 3)
    assert torch.equal(image.hit.reshape(-1), hit)
    assert torch.equal(image.rgb[image.hit], seen.rgb)
    assert torch.equal(image.depth[image.hit], seen.depth)
    for row, column in ((7, 10), (6, 12)):
        one, _ = camera_rays(camera(), frame.box, [[column, row]])
        expected = render_rays(frame, one, 16)
        torch.testing.assert_close(image.rgb[row, column], expected.rgb[0])


@each_renderer
def test_what_misses_the_box_is_background(name: RendererName) -> None:
    image = render(name, soft(), camera())
    assert not image.hit.all()
    assert not image.rgb[~image.hit].any()
    assert not image.acc[~image.hit].any()
    assert torch.isinf(image.depth[~image.hit]).all()


@each_renderer
def test_backgrounds_fill_what_passes(name: RendererName) -> None:
    renderer = make_renderer(name, soft(), GRID, SETTINGS)
    black, white, clear = (renderer.render(camera(), background) for background in ("black", "white", "transparent"))
    torch.testing.assert_close(white.rgb, black.rgb + (1 - black.acc)[..., None])
    assert torch.equal(clear.rgb, black.rgb)
    picture = torch.rand(15, 20, 3)
    over = renderer.render(camera(), picture)
    torch.testing.assert_close(over.rgb, black.rgb + (1 - black.acc)[..., None] * picture)


def test_straight_alpha_composites_back() -> None:
    image = render("volume", soft(), camera(), background="transparent")
    rgba = image.rgba()
    assert rgba.shape == (15, 20, 4)
    back = rgba[..., :3] / 255 * (rgba[..., 3:] / 255)
    assert np.abs(back - image.rgb.numpy()).max() < 1.5 / 255


def test_wrong_backgrounds() -> None:
    with pytest.raises(ValueError, match=r"background image has shape \(3, 4, 3\), expected \(15, 20, 3\)"):
        render("volume", soft(), camera(), background=torch.zeros(3, 4, 3))
    with pytest.raises(ValueError, match="unknown background 'green'"):
        render("volume", soft(), camera(), background="green")  # type: ignore[arg-type]


@each_renderer
def test_what_lies_behind_the_camera_is_not_seen(name: RendererName) -> None:
    """near and far are negative there, which the published slab test still counts as a hit."""
    R, T = look_at((4, 0.5, 0.8), (8, 0, 0))
    past = Camera(camera().K, R, T, 20, 15)
    image = render(name, soft(), past, background="white")
    assert image.hit.any()
    assert not image.acc.any()
    assert (image.rgb == 1).all()


def test_both_renderers_agree_from_inside_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dymap.render.march.MIN_WEIGHT", 0.0)
    R, T = look_at((0.3, 0.2, 0.1), (1, 0, 0))
    inside = Camera(camera().K, R, T, 20, 15)
    settings = RenderConfig(samples=500, max_samples=1000)
    volume, marched = render("volume", soft(), inside, settings), render("march", soft(), inside, settings)
    torch.testing.assert_close(volume.acc, marched.acc, atol=0.01, rtol=0)
    assert volume.acc.max() > 0.1


def ends_by_slab_test(view: Camera, box: Tensor) -> Tensor:
    """[H, W] where rays leave the box; infinity if they miss it."""
    rays, hit = camera_rays(view, box)
    far = torch.full((view.height * view.width,), torch.inf)
    far[hit] = rays.far
    return far.reshape(view.height, view.width)


@with_all_kernels
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("name", ["volume", "march", "fast"])
def test_images_say_where_their_rays_end(name: RendererName, inside: bool) -> None:
    """A frame that a back end renders in one call, too."""
    R, T = look_at((0.3, 0.2, 0.1) if inside else (4, 0.5, 0.8), (1, 0, 0) if inside else (0, 0, 0.6))
    view = Camera(camera().K, R, T, 20, 15)
    with torch.no_grad():
        frames: list[Frame] = [soft(), tiny_field().at(0)]
    for frame in frames:
        image, expected = render(name, frame, view), ends_by_slab_test(view, frame.box)
        assert image.hit.all() == inside
        assert image.hit.any()
        assert torch.isinf(image.far[~image.hit]).all()
        torch.testing.assert_close(image.far[image.hit], expected[image.hit], atol=1e-5, rtol=1e-5)
        # Where nothing is seen, depth is that end, unless it lies behind the camera.
        empty = image.hit & (image.acc == 0) & (image.far > 0)
        torch.testing.assert_close(image.depth[empty], image.far[empty])


@each_renderer
def test_bands_of_rows_change_nothing(name: RendererName, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = render(name, soft(), camera())
    monkeypatch.setattr(images, "BAND_PIXELS", 50)  # two rows, and one that is left over
    part = render(name, soft(), camera())
    for key in ("rgb", "acc", "depth", "far", "hit"):
        torch.testing.assert_close(getattr(part, key), getattr(whole, key), msg=key)


@with_all_kernels
@pytest.mark.parametrize("name", ["volume", "march", "fast"])
def test_rows_that_are_rendered_by_themselves_are_those_of_the_image(name: RendererName) -> None:
    """To the bit; of two segments that are mixed, too."""
    view = camera(20, 3 * BLOCK + 15)
    with torch.no_grad():
        frames: list[Frame] = [soft(), tiny_field().at(0)]
    for frame in frames:
        one = make_renderer(name, frame, None if name == "volume" else GRID, SETTINGS)
        for renderer in (one, MixedRenderer(((one, 0.25), (one, 0.75)))):
            whole = renderer.render(view, "white", Cancel())
            bands = [(0, BLOCK), (BLOCK, 3 * BLOCK), (3 * BLOCK, view.height)]
            parts = [renderer.render(view, "white", Cancel(), rows) for rows in bands]
            for key in ("rgb", "acc", "depth", "far", "hit"):
                assert torch.equal(torch.cat([getattr(part, key) for part in parts]), getattr(whole, key)), key


@each_renderer
def test_an_image_can_be_cancelled_between_two_bands(name: RendererName, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "CANCEL_PIXELS", 20)  # a row
    cancel, rows = Cancel(), []

    class Cancelling(Analytic):
        def density(self, position: Tensor) -> tuple[Tensor, Tensor]:
            rows.append(len(position))
            cancel.cancel()
            return super().density(position)

    frame = Cancelling(lambda p: p.new_ones(len(p)), lambda p: p, BOX.float())
    with pytest.raises(Cancelled):
        make_renderer(name, frame, GRID, SETTINGS).render(camera(), cancel=cancel)
    asked = len(rows)
    assert 1 <= asked < 5, "the band that it was in"
    with pytest.raises(Cancelled):
        make_renderer(name, frame, GRID, SETTINGS).render(camera(), cancel=cancel)
    assert len(rows) == asked, "nothing is computed for an image that was cancelled before"


def test_assembling_no_rays() -> None:
    none = Rendered(torch.zeros(0, 3), torch.zeros(0), torch.zeros(0))
    image = assemble(none, torch.zeros(0), torch.zeros(300, dtype=torch.bool), camera().width)
    assert not image.rgb.any()
    assert not image.hit.any()
    assert torch.isinf(image.far).all()


def test_an_image_says_itself_in_one_line_and_saves_itself(tmp_path: Path) -> None:
    image = render("march", soft(), camera(), background="transparent")
    said = repr(image)
    assert "20 x 15" in said
    assert "depth" in said
    assert len(said) < 120
    assert "\n" not in said
    assert "tensor" not in said
    nothing = Image(*(torch.zeros_like(part) for part in (image.rgb, image.acc, image.depth, image.far, image.hit)))
    assert "opacity 0.0%" in repr(nothing)
    path = image.save(tmp_path / "new" / "a.png")
    seen = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert seen is not None
    np.testing.assert_array_equal(seen[..., ::-1], image.numpy())
    assert path.read_bytes() == image._repr_png_(), "what a notebook shows"
    clear = cv2.imread(str(image.save(str(tmp_path / "b.PNG"), transparent=True)), cv2.IMREAD_UNCHANGED)
    assert clear is not None
    np.testing.assert_array_equal(clear[..., [2, 1, 0, 3]], image.rgba())
    for name in ("a.jpg", "a"):
        with pytest.raises(InputError, match=rf"{name}: pictures end in \.png"):
            image.save(tmp_path / name)
    with files_of_at_most(10), pytest.raises(InputError, match=r"a\.png: cannot be written"):
        image.save(path)
    assert path.read_bytes() == image._repr_png_()
