"""What a frame costs before anything is seen of it: decoder, collapse, occupancy, what `fast` derives."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch

from benchmarks.cases import Case, Timed, Work
from benchmarks.operations import forward
from benchmarks.scenes import Scene
from dymap.bake.bake import bake_frame, prepare
from dymap.bake.occupancy import bake_occupancy
from dymap.config import FieldConfig
from dymap.field.decoder import backbone_widths, trunk_widths
from dymap.field.needed import Needed, needed_parts
from dymap.field.prepared import Precision, PreparedDecoder
from dymap.render.fused import fast_scene

PUBLISHED_BAKE = 46.0
"""Seconds a frame that the published implementation takes on two cores."""


def decoder_flops(config: FieldConfig, needed: Needed | None = None) -> float:
    """Of one code; the heads at the needed pixels and networks only."""
    P, S, width = config.plane_size, config.map_size, config.width
    flops = 2.0 * config.code_dim * width * 16
    side = 4
    up = backbone_widths(config)
    for a, b in itertools.pairwise(up):
        flops += 2 * a * b * 16 * side**2
        side *= 2
    trunk = trunk_widths(config)
    for a, b in itertools.pairwise(trunk):
        side //= 2
        flops += 2 * a * b * 9 * side**2
    pixels = 3 * P * P if needed is None else int(needed.pixels.sum())
    networks = 3 * S * S if needed is None else int(needed.networks.sum())
    return flops + 2 * 9 * (pixels * up[-1] * 2 * config.channels + networks * trunk[-1] * config.map_params)


def frames(scene: Scene) -> Iterator[Case]:
    """Cases `size/frame/...`."""
    config, index = scene.config.field, scene.index

    def needed() -> Needed:
        return needed_parts(scene.occupancy[index], config)

    def plain() -> Timed:
        return forward(lambda: scene.field.decoder(scene.field.code(index)))

    yield Case(f"{scene.size}/frame/decoder", plain, lambda: Work(flops=decoder_flops(config)), twin_of="")

    def prepared(precision: Precision) -> Timed:
        decoder, parts, code = PreparedDecoder(scene.field.decoder, precision), needed(), scene.field.code(index)
        return lambda: decoder(code, parts)

    for precision in ("float32", "bfloat16"):
        name = f"{scene.size}/frame/decoder prepared {precision}"
        yield Case(
            name, lambda p=precision: prepared(p), lambda: Work(flops=decoder_flops(config, needed())), twin_of=""
        )

    def collapse() -> Timed:
        parts, t = needed(), index / scene.field.num_frames * config.hash.time_share
        return forward(lambda: scene.field.hash.at(t, parts.pixels))

    yield Case(f"{scene.size}/frame/collapse where occupied", collapse)

    def whole() -> Timed:
        return forward(lambda: scene.field.at(index))

    yield Case(f"{scene.size}/frame/whole frame", whole)

    def bricks() -> Timed:
        grid = scene.occupancy[index]
        with torch.no_grad():
            frame = scene.field.at(index, occupied=grid)
            _ = frame.networks
        return forward(lambda: fast_scene(frame, grid, scene.max_samples))

    yield Case(f"{scene.size}/frame/bricks and tiles", bricks, twin_of="")

    def occupancy() -> Timed:
        _ = scene.frame
        return lambda: bake_occupancy(scene.frame, scene.config.bake)

    yield Case(f"{scene.size}/frame/occupancy", occupancy)

    def bake() -> Timed:
        bake_config, decoder = scene.config.bake, prepare(scene.field)
        return forward(lambda: bake_occupancy(bake_frame(scene.field, index, bake_config, decoder), bake_config))

    published = PUBLISHED_BAKE if scene.size == "full" else None
    yield Case(f"{scene.size}/frame/bake", bake, published=published)
