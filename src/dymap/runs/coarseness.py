"""How coarse a clip may be rounded: as much as pictures hardly show, measured on pictures of the model itself.

some frames from some cameras -> pictures of the exact model -> of rounded ones -> the coarseness at which they differ
by QUALITY
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dymap.geometry.camera import Camera
from dymap.play.video import Video
from dymap.video.clip import BakedVideo
from dymap.video.packing import start_seed
from dymap.video.quantise import (
    STANDARD,
    decoder_start,
    dequantise,
    quantise,
    steps_of,
    with_parameters,
    without_untouched,
)

QUALITY = 43.0
"""dB between pictures of the exact and of the rounded model, over the pixels that show something. A model that comes to
within 27 dB of what was filmed loses 0.1 dB by it; rounding errors add to others as independent ones do."""
NEAR = 0.7
"""dB from QUALITY at which it is near enough."""
RUNGS = 8
"""Coarsenesses are STANDARD times powers of 2, and so many between two: sums in another order, as with more threads,
change the last digits of a picture, and must not change the file."""
TRIES = 5
VIEWS, FRAMES, PIXELS = 4, 3, 192
"""Pictures that are compared: of so many cameras at so many moments, so wide at most."""

Pictures = list[tuple[NDArray[np.float32], NDArray[np.bool_]]]


def coarseness_of(baked: BakedVideo, trained: Sequence[float | None]) -> float:
    """What a clip is rounded by: as its segments were trained to be (mean of logarithms), or by what hardly shows."""
    known = [one for one in trained if one is not None]
    if len(known) < len(trained):
        return standard_coarseness(baked)
    return math.exp(sum(math.log(one) for one in known) / len(known))


def standard_coarseness(baked: BakedVideo) -> float:
    """The coarseness of about QUALITY; without cameras, or if nothing is seen, the usual one."""
    first = baked.part(0)
    cameras = cameras_of(first)
    exact = pictures(first, cameras) if cameras else []
    if not any(seen.any() for _, seen in exact):
        return STANDARD
    field = without_untouched(first.field, first.occupancy, first.render.max_samples)
    start = decoder_start(field.config, start_seed(first))
    coarseness = STANDARD
    for _ in range(TRIES):
        steps = steps_of(field, coarseness)
        values = dequantise(quantise(field, steps, start), steps, field.hash.levels.offsets, start)
        rounded = with_parameters(field, {name: value.to(first.device) for name, value in values.items()})
        error = difference(pictures(first.part(0, rounded), cameras), exact)
        lacking = QUALITY + 10 * math.log10(max(error, 1e-12))
        if abs(lacking) < NEAR:
            break
        coarseness = on_ladder(coarseness * 10 ** (-lacking / 20))  # errors are in proportion to the steps
    return coarseness


def on_ladder(coarseness: float) -> float:
    """The nearest one that is allowed."""
    return STANDARD * 2 ** (round(RUNGS * math.log2(coarseness / STANDARD)) / RUNGS)


def cameras_of(baked: BakedVideo) -> list[Camera]:
    """Some of the cameras, spread, with small pictures."""
    chosen = baked.cameras[:: max(len(baked.cameras) // VIEWS, 1)][:VIEWS]
    return [small(camera, PIXELS) for camera in chosen]


def small(camera: Camera, pixels: int) -> Camera:
    """The same with a picture of which the longer side has so many pixels at most."""
    scale = min(1.0, pixels / max(camera.width, camera.height))
    return camera.fitted(max(round(camera.width * scale), 1), max(round(camera.height * scale), 1))


def pictures(baked: BakedVideo, cameras: list[Camera]) -> Pictures:
    """Colours [H, W, 3], and where something is seen [H, W], from all cameras at some moments."""
    video, count = Video(baked), len(baked.frames)
    out = []
    for frame in sorted({count * (2 * index + 1) // (2 * FRAMES) for index in range(FRAMES)}):
        for camera in cameras:
            image = video.render(camera, frame, renderer="fast")
            out.append((image.rgb.cpu().numpy().clip(0, 1), (image.acc > 0.5).cpu().numpy()))
    video.close()
    return out


def difference(found: Pictures, expected: Pictures) -> float:
    """Mean squared difference over what is seen in the expected ones."""
    errors = [((a - b) ** 2)[seen] for (a, _), (b, seen) in zip(found, expected, strict=True)]
    return float(np.concatenate(errors).mean())
