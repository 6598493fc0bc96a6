"""Pictures of the GPU against the marching renderer in plain torch."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from dymap.cli import main
from dymap.config import HashConfig, RenderConfig
from dymap.errors import InputError
from dymap.field.field import Field
from dymap.field.segment import FrameModel, Segment
from dymap.geometry.camera import Camera, look_at
from dymap.gpu import segment as segments
from dymap.gpu.device import Gpu, Numbers
from dymap.gpu.tracer import GpuTracer, kept_on
from dymap.kernels import Cancel
from dymap.render.fused import FusedRenderer
from dymap.render.image import Cancelled, Image
from dymap.render.march import MarchRenderer, march_step
from dymap.render.renderer import RendererKey, make_renderer, renderer_maker
from dymap.video.packing import save_packed
from tests.field.models import tiny_field
from tests.golden.sources import Golden
from tests.video.videos import painted_video

Opener = Callable[[Numbers], Gpu]
STEPS = 64


def scene(grid: tuple[int, int, int] = (7, 9, 11), **changes: Any) -> Segment:
    """Two frames of noise in two fifths of the voxels."""
    field = tiny_field(density=3.0, **changes).requires_grad_(False)
    return Segment(field, torch.rand(2, *grid) > 0.6)


def camera(position: tuple[float, float, float] = (2.1, 1.3, 1.6), width: int = 43, height: int = 51) -> Camera:
    R, T = look_at(position, (0, 0.1, 0.7))
    return Camera(np.array([[60.0, 0, 21], [0, 61, 25], [0, 0, 1]]), R, T, width, height)


def pictures(segment: Segment, view: Camera, gpu: Gpu, frame: int = 1) -> tuple[Image, Image]:
    """By the GPU, and by the marching renderer."""
    step = march_step(segment.field.boxes[frame], STEPS)
    drawn = FusedRenderer(GpuTracer(FrameModel(segment, frame, 1.0), step, gpu)).render(view)
    return drawn, MarchRenderer(segment.field.at(frame), segment.occupancy[frame], step).render(view)


def assert_alike(drawn: Image, exact: Image, within: float) -> None:
    """On average over the picture; a sample that rounding puts into another voxel changes a pixel."""
    assert torch.equal(drawn.hit, exact.hit)
    assert (drawn.rgb - exact.rgb).abs().mean() < within
    assert (drawn.acc - exact.acc).abs().mean() < 2 * within
    assert (drawn.depth - exact.depth)[exact.hit].abs().mean() < 5 * within
    torch.testing.assert_close(drawn.far, exact.far, rtol=1e-5, atol=1e-5)
    assert drawn.depth[~exact.hit].isinf().all()


CONFIGURATIONS = {
    "published": {},
    "two layers": {"layers": 2},
    "no overlap": {"overlap": False},
    "one network": {"map_size": 1, "overlap": False},
    "maps as large as planes": {"map_size": 16},
    "harmonics": {"directions": "sh", "direction_degree": 3},
    "directions only": {"direction_degree": 0},
    "planes computed where something is": {"plane_size": 64, "map_size": 16},
    "two layers, planes computed where something is": {"plane_size": 64, "map_size": 8, "layers": 2},
    "other widths": {"width": 18, "plane_size": 32, "hidden": 6},
    "four features": {"hash": HashConfig(levels=2, log2_size=6, features=4, base=4, finest=30, time_share=0.3)},
    "eight features": {"hash": HashConfig(levels=1, log2_size=8, features=8, base=4, finest=16)},
    "three features": {"hash": HashConfig(levels=3, log2_size=8, features=3, base=2, finest=9)},
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_any_configuration_is_drawn_as_the_marching_renderer_draws_it(gpu_of: Opener, name: str) -> None:
    assert_alike(*pictures(scene(**CONFIGURATIONS[name]), camera(), gpu_of("f32")), within=1e-6)


@pytest.mark.parametrize("numbers", ["packed", "f16"])
@pytest.mark.parametrize("frame", [0, 1])
def test_numbers_of_16_bits_hardly_change_a_picture(gpu_of: Opener, numbers: Numbers, frame: int) -> None:
    assert_alike(*pictures(scene(), camera(), gpu_of(numbers), frame), within=1e-4)


@pytest.mark.parametrize("position", [(0.1, 0.05, 0.9), (0.0, -3.0, 0.7), (-1.5, 0.2, 2.9)])
def test_cameras_may_be_anywhere(gpu_of: Opener, position: tuple[float, float, float]) -> None:
    """Inside the box; looking along an axis; from above."""
    assert_alike(*pictures(scene(), camera(position), gpu_of("f32")), within=2e-6)


@pytest.mark.parametrize("size", [(3, 3), (8, 8), (64, 3), (5, 70)])
def test_pictures_may_have_any_size(gpu_of: Opener, size: tuple[int, int]) -> None:
    assert_alike(*pictures(scene(), camera().resized(*size), gpu_of("f32")), within=5e-6)


@pytest.mark.parametrize("grid", [(1, 1, 1), (4, 4, 4), (33, 2, 5)])
def test_grids_may_have_any_size(gpu_of: Opener, grid: tuple[int, int, int]) -> None:
    assert_alike(*pictures(scene(grid), camera(), gpu_of("f32")), within=2e-6)


def test_pixels_may_be_seen_through_their_middle(gpu_of: Opener) -> None:
    assert_alike(*pictures(scene(), replace(camera(), pixel_offset=0.5), gpu_of("f32")), within=2e-6)


def test_an_empty_frame_is_empty(gpu_of: Opener) -> None:
    whole = scene()
    empty = Segment(whole.field, torch.zeros_like(whole.occupancy))
    drawn, exact = pictures(empty, camera(), gpu_of("f32"))
    assert drawn.acc.max() == 0
    assert_alike(drawn, exact, within=1e-7)


def test_backgrounds_are_as_of_other_renderers(gpu_of: Opener) -> None:
    segment, view = scene(), camera()
    step = march_step(segment.field.boxes[0], STEPS)
    drawn = FusedRenderer(GpuTracer(FrameModel(segment, 0, 1.0), step, gpu_of("f32")))
    exact = MarchRenderer(segment.field.at(0), segment.occupancy[0], step)
    for background in ("white", "transparent", torch.rand(51, 43, 3)):
        torch.testing.assert_close(
            drawn.render(view, background).rgb, exact.render(view, background).rgb, atol=1e-4, rtol=0
        )


def test_bands_of_rows_change_nothing(gpu_of: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = scene()
    renderer = FusedRenderer(GpuTracer(FrameModel(segment, 0, 1.0), 0.05, gpu_of("f32")))
    whole = renderer.render(camera())
    monkeypatch.setattr("dymap.gpu.tracer.BAND_PIXELS", 500)
    assert torch.equal(whole.rgb, renderer.render(camera()).rgb)
    parts = [renderer.render(camera(), rows=rows) for rows in ((0, 32), (32, camera().height))]
    for key in ("rgb", "acc", "depth", "far", "hit"):
        assert torch.equal(torch.cat([getattr(part, key) for part in parts]), getattr(whole, key)), key


def test_a_cancelled_picture_ends(gpu_of: Opener) -> None:
    segment = scene()
    renderer = FusedRenderer(GpuTracer(FrameModel(segment, 0, 1.0), 0.05, gpu_of("f32")))
    cancel = Cancel()
    whole = renderer.render(camera(), cancel=cancel)
    assert torch.equal(whole.rgb, renderer.render(camera()).rgb)
    cancel.cancel()
    with pytest.raises(Cancelled):
        renderer.render(camera(), cancel=cancel)


def test_the_renderer_called_gpu_draws_clips(gpu_of: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = gpu_of("f32")
    monkeypatch.setattr("dymap.gpu.tracer.default_gpu", lambda: gpu)
    segment = scene()
    make = renderer_maker(segment.field, segment.occupancy, RenderConfig(max_samples=STEPS))
    drawn, exact = (make(RendererKey(1, name)) for name in ("gpu", "march"))  # type: ignore[arg-type]
    assert drawn.nbytes > 0
    assert_alike(drawn.render(camera()), exact.render(camera()), within=2e-6)
    with pytest.raises(IndexError, match="outside the clip"):
        make(RendererKey(2, "gpu"))
    with pytest.raises(ValueError, match="from segments only"):
        make_renderer("gpu", segment.field.at(0), segment.occupancy[0], RenderConfig())


def test_segments_are_uploaded_once_and_forgotten_with_their_segment(gpu_of: Opener) -> None:
    gpu, segment = gpu_of("f32"), scene()
    first, second = (segments.segment_on(gpu, segment) for _ in range(2))
    assert first is second
    del first, second, segment
    gc.collect()
    assert not segments._segments


def test_frames_that_do_not_fit_are_decoded_again(gpu_of: Opener) -> None:
    gpu, segment = gpu_of("f32"), scene()
    kept = kept_on(gpu)
    first, second = (GpuTracer(FrameModel(segment, frame, 1.0), 0.05, gpu) for frame in (0, 1))
    expected = FusedRenderer(first).render(camera())
    before, kept.most_bytes = kept.most_bytes, 1
    try:
        FusedRenderer(second).render(camera())
        assert kept.nbytes == second.frame().bytes
        assert torch.equal(FusedRenderer(first).render(camera()).rgb, expected.rgb)
        assert kept.nbytes == first.frame().bytes
    finally:
        kept.most_bytes = before
    del second
    first.frame()
    assert kept.nbytes == first.frame().bytes


def test_decoders_of_others_are_refused(gpu_of: Opener) -> None:
    class Other(torch.nn.Module):
        pass

    segment = scene()
    changed: Field = segment.field
    changed.decoder = Other()  # type: ignore[assignment]
    with pytest.raises(InputError, match="with dymap's own decoder"):
        GpuTracer(FrameModel(segment, 0, 1.0), 0.05, gpu_of("f32"))


def test_what_a_gpu_cannot_bind_is_told_in_a_sentence(gpu_of: Opener) -> None:
    gpu = gpu_of("f32")
    with pytest.raises(InputError, match=r"a frame's grids takes \d+ MiB, .* binds at most 128 MiB"):
        gpu.buffer(2**28, "a frame's grids")


def test_networks_that_are_too_large_for_the_kernels_are_refused(gpu_of: Opener) -> None:
    with pytest.raises(InputError, match="takes up to 256 channels, view numbers and hidden units"):
        GpuTracer(FrameModel(scene(hidden=300), 0, 1.0), 0.05, gpu_of("f32"))


def test_commands_draw_with_it(
    gpu_of: Opener, trimmed: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`dymap render --renderer gpu`, of a file of version 2."""
    gpu = gpu_of("packed")
    monkeypatch.setattr("dymap.gpu.tracer.default_gpu", lambda: gpu)
    save_packed(tmp_path / "body.dymap", painted_video(trimmed))
    for name in ("gpu", "march"):
        words = f"--fixed-view 1 --fixed-time 2 --renderer {name} --out {tmp_path / name}.png"
        assert main(["render", str(tmp_path / "body.dymap"), *words.split()]) == 0
    drawn, exact = (cv2.imdecode(np.fromfile(tmp_path / f"{name}.png", np.uint8), 1) for name in ("gpu", "march"))
    assert exact is not None
    assert exact.max() > 100
    assert np.abs(drawn.astype(int) - exact).mean() < 0.1  # type: ignore[union-attr]


@pytest.mark.parametrize("layers", [2, 3])
def test_large_planes_are_computed_only_where_something_is(gpu_of: Opener, layers: int) -> None:
    """As the marching renderer draws them whole; also of the second frame, of other voxels."""
    gpu = gpu_of("f32")
    whole = scene((24, 20, 40), plane_size=64, map_size=8, layers=layers)
    occupied = torch.zeros_like(whole.occupancy)
    occupied[0, 3:9, 11:15, 5:30] = True
    occupied[1, 12:20, 2:7, 20:33] = True
    segment = Segment(whole.field, occupied)
    for frame in (0, 1):
        assert_alike(*pictures(segment, camera(), gpu, frame), within=1e-6)
    on = segments.segment_on(gpu, segment)
    found = on.frame(0, segment.field.time(0), segments.bits_of(occupied[0]))
    planes = gpu.read(found.planes, on.sizes["planes"] // 4).reshape(3, 64 * 64, -1)
    assert 0.1 < (np.abs(planes).max(axis=2) > 0).mean() < 0.5
