"""Each renderer on both scenes, at a standing time and while time moves.

Standing: the frame is in the cache. Moving: every image is of a frame that is made from its code, on the first pass
through the clip; its occupancy is the baked one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch

from benchmarks.cases import Case, Timed, Work
from benchmarks.operations import forward, sample_flops
from benchmarks.scenes import Scene
from dymap import kernels
from dymap.geometry.camera import Camera
from dymap.geometry.rays import camera_rays
from dymap.render.cache import FrameKey, frame_maker
from dymap.render.image import Image, render_image
from dymap.render.march import MIN_WEIGHT

MERGE = 3
"""Samples that share a colour in fast images, as in `dymap.kernels.native`."""
VOLUME_TWIN = 8
"""The twin of the volume renderer makes a smaller image of the same view: so many times smaller on each side."""
PUBLISHED = {"far march": 4.3, "far volume": 124.0}
"""Seconds of the published implementation: with rounds of early termination; with one thread."""


def renderers(scene: Scene) -> Iterator[Case]:
    """Cases `size/renderers/VIEW RENDERER` and `... moving`."""
    for view, camera in scene.cameras.items():
        for moving in ("", " moving"):
            for renderer in ("march", "fast"):
                name = f"{view} {renderer}{moving}"
                yield Case(
                    f"{scene.size}/renderers/{name}",
                    lambda view=view, fast=renderer == "fast", moving=moving: images(scene, view, fast, bool(moving)),
                    lambda view=view, fast=renderer == "fast": march_work(scene, view, fast),
                    twin_of=f"{view} march{moving}" if renderer == "fast" else None,
                    published=PUBLISHED.get(name) if scene.size == "full" else None,
                )
        small = camera.resized(camera.width // VOLUME_TWIN, camera.height // VOLUME_TWIN)
        yield Case(
            f"{scene.size}/renderers/{view} volume",
            lambda camera=camera: volume(scene, camera),
            lambda camera=camera: volume_work(scene, camera),
            twin=lambda small=small: volume(scene, small),
            twin_share=1 / VOLUME_TWIN**2,
            published=PUBLISHED.get(f"{view} volume") if scene.size == "full" else None,
        )


def images(scene: Scene, view: str, fast: bool, moving: bool) -> Timed:
    """The marching renderer, or the fast one. Without the native core that is the marching renderer too."""
    make = frame_maker(scene.field, scene.occupancy, scene.max_samples)
    camera, held = scene.cameras[view], make(FrameKey(scene.index, fast=fast))
    clip = itertools.cycle(scene.moving)

    def run() -> Image:
        index = next(clip) if moving else scene.index
        frame = make(FrameKey(index, fast=fast)) if moving else held
        return render_image(frame, camera, scene.occupancy[index], max_samples=scene.max_samples)

    return forward(run)


def volume(scene: Scene, camera: Camera) -> Timed:
    """The volume renderer at a standing time."""
    frame = scene.frame
    return forward(lambda: render_image(frame, camera, samples=scene.config.render.samples))


def march_work(scene: Scene, view: str, fast: bool) -> Work:
    """Samples are those of the exact march. `fast` looks densities up, so it multiplies for colours only, and for
    fewer of them than the exact march: its own number is counted by the core."""
    seen, flops = scene.seen(view), sample_flops(scene)
    if not fast:
        return Work(seen.densities, seen.densities * flops.density + seen.colours * flops.colour)
    if kernels.backend() == "torch":
        return Work(seen.densities)  # it was the marching renderer
    return Work(seen.densities, fast_colours(scene, view) * flops.colour)


def fast_colours(scene: Scene, view: str) -> int:
    """Colours that `fast` works out for an image: the report of one call of the core, which the package drops."""
    camera = scene.cameras[view]
    fast = frame_maker(scene.field, scene.occupancy, scene.max_samples)(FrameKey(scene.index, fast=True))
    assert isinstance(fast, kernels.Scene)
    ray = camera.R.T @ np.linalg.inv(camera.K)
    shape = (camera.height, camera.width)
    out = (torch.empty(*shape, 3), torch.empty(shape), torch.empty(shape), torch.empty(shape, dtype=torch.bool))
    report = fast._core.render(
        ray, np.linalg.inv(ray), camera.position, camera.pixel_offset, *out, True, MERGE, MIN_WEIGHT, None,
        torch.get_num_threads(),
    )  # fmt: skip
    return report[3]


def volume_work(scene: Scene, camera: Camera) -> Work:
    """Every ray that hits the box takes all its samples; colours are few among them, and not counted."""
    _, hit = camera_rays(camera, scene.frame.box)
    samples = int(hit.sum()) * scene.config.render.samples
    return Work(samples, samples * sample_flops(scene).density)
