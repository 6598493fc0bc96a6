"""Each renderer on both scenes, at a standing time and while time moves.

Standing: the renderer is in the cache. Moving: every image is of a frame that is made from its code, on the first pass
through the clip; its occupancy is the baked one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from benchmarks.cases import Case, Timed, Work
from benchmarks.operations import sample_flops
from benchmarks.workloads import Workload
from dymap.geometry.camera import Camera
from dymap.geometry.rays import camera_rays
from dymap.render.fused import FusedRenderer
from dymap.render.image import Image
from dymap.render.renderer import RendererKey, RendererName, make_renderer, renderer_maker

NAMES: tuple[RendererName, ...] = ("march", "fast")
VOLUME_REFERENCE = 8
"""The reference of the volume renderer makes a smaller image of the same view: so many times smaller on each side."""
PUBLISHED = {"far march": 4.3, "far volume": 124.0}
"""Seconds of the published implementation: with rounds of early termination; with one thread."""


def renderers(workload: Workload) -> Iterator[Case]:
    """Cases `size/renderers/VIEW RENDERER` and `... moving`."""
    for view, camera in workload.cameras.items():
        for moving in ("", " moving"):
            for renderer in NAMES:
                name = f"{view} {renderer}{moving}"
                yield Case(
                    f"{workload.size}/renderers/{name}",
                    lambda view=view, renderer=renderer, moving=moving: images(workload, view, renderer, bool(moving)),
                    lambda view=view, renderer=renderer: march_work(workload, view, renderer),
                    reference_of=f"{view} march{moving}" if renderer == "fast" else None,
                    published=PUBLISHED.get(name) if workload.size == "full" else None,
                )
        small = camera.resized(camera.width // VOLUME_REFERENCE, camera.height // VOLUME_REFERENCE)
        yield Case(
            f"{workload.size}/renderers/{view} volume",
            lambda camera=camera: volume(workload, camera),
            lambda camera=camera: volume_work(workload, camera),
            reference=lambda small=small: volume(workload, small),
            reference_share=1 / VOLUME_REFERENCE**2,
            published=PUBLISHED.get(f"{view} volume") if workload.size == "full" else None,
        )


def images(workload: Workload, view: str, name: RendererName, moving: bool) -> Timed:
    """Images of the marching renderer or the fast one. Without the native core that is the marching renderer too."""
    make = renderer_maker(workload.field, workload.occupancy, workload.config.render)
    camera, clip = workload.cameras[view], itertools.cycle(workload.moving)
    standing = make(RendererKey(workload.index, name))

    def run() -> Image:
        renderer = make(RendererKey(next(clip), name)) if moving else standing
        return renderer.render(camera)

    return run


def volume(workload: Workload, camera: Camera) -> Timed:
    """The volume renderer at a standing time."""
    renderer = make_renderer("volume", workload.frame, None, workload.config.render)
    return lambda: renderer.render(camera)


def march_work(workload: Workload, view: str, name: RendererName) -> Work:
    """Samples are those of the exact march. `fast` looks densities up, so it multiplies for colours only, and for
    fewer of them than the exact march: its own number is counted by the core."""
    seen, flops = workload.seen(view), sample_flops(workload)
    if name == "march":
        return Work(seen.densities, seen.densities * flops.density + seen.colours * flops.colour)
    fast = renderer_maker(workload.field, workload.occupancy, workload.config.render)(RendererKey(workload.index, name))
    if not isinstance(fast, FusedRenderer):
        return Work(seen.densities)  # it was the marching renderer
    return Work(seen.densities, fast.trace(workload.cameras[view]).colours * flops.colour)


def volume_work(workload: Workload, camera: Camera) -> Work:
    """Every ray that hits the box takes all its samples; colours are few among them, and not counted."""
    _, hit = camera_rays(camera, workload.frame.box)
    samples = int(hit.sum()) * workload.config.render.samples
    return Work(samples, samples * sample_flops(workload).density)
