"""What a frame costs before anything is seen of it: decoder, collapse, occupancy, what `fast` derives."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.cases import Case, Timed, Work
from benchmarks.operations import forward
from benchmarks.workloads import Workload
from dymap.bake.occupancy import bake_coordinates, bake_occupancy
from dymap.config import FieldConfig
from dymap.field.decoder import backbone_widths, trunk_widths
from dymap.field.footprint import Footprint, footprint_of_voxels
from dymap.field.memory import Memory
from dymap.field.sparse import SparseField
from dymap.field.sparse_decoder import SparseDecoder
from dymap.kernels import collapse_time_into
from dymap.render.renderer import make_renderer

PUBLISHED_BAKE = 46.0
"""Seconds a frame that the published implementation takes on two cores."""


def decoder_flops(config: FieldConfig, footprint: Footprint | None = None) -> float:
    """Of one code; the heads at the pixels and networks of a footprint only."""
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
    pixels = 3 * P * P if footprint is None else int(footprint.pixels.sum())
    networks = 3 * S * S if footprint is None else int(footprint.networks.sum())
    return flops + 2 * 9 * (pixels * up[-1] * 2 * config.channels + networks * trunk[-1] * config.map_params)


def frames(workload: Workload) -> Iterator[Case]:
    """Cases `size/frame/...`."""
    config, index = workload.config.field, workload.index

    def footprint() -> Footprint:
        return footprint_of_voxels(workload.occupancy[index], config)

    def plain() -> Timed:
        return forward(lambda: workload.field.decoder(workload.field.code(index)))

    yield Case(f"{workload.size}/frame/decoder", plain, lambda: Work(flops=decoder_flops(config)), reference_of="")

    def sparse_decoder() -> Timed:
        decoder, parts, code = SparseDecoder(workload.field.decoder), footprint(), workload.field.code(index)
        return lambda: decoder(code, parts)

    def sparse_work() -> Work:
        return Work(flops=decoder_flops(config, footprint()))

    yield Case(f"{workload.size}/frame/decoder where occupied", sparse_decoder, sparse_work, reference_of="")

    def collapse() -> Timed:
        pixels, t, memory = footprint().pixels, workload.field.time(index), Memory()
        levels, tables = workload.field.hash.levels, workload.field.hash.tables
        shape = (len(tables), levels.plane_offsets[-1], tables[0].shape[1])

        def run() -> Tensor:
            out, before = memory.take(shape, tables[0], pixels)
            return collapse_time_into(out, before, tables, levels, t, pixels)

        return run

    yield Case(f"{workload.size}/frame/collapse where occupied", collapse)

    def whole() -> Timed:
        sparse = SparseField(workload.field)
        return lambda: sparse.at(index)

    yield Case(f"{workload.size}/frame/whole frame", whole)

    def bricks() -> Timed:
        grid = workload.occupancy[index]
        with torch.no_grad():
            frame = SparseField(workload.field).at(index, grid)
            _ = frame.networks
        return forward(lambda: make_renderer("fast", frame, grid, workload.config.render))

    yield Case(f"{workload.size}/frame/bricks and tiles", bricks, reference_of="")

    def occupancy() -> Timed:
        frame = workload.frame
        lines = bake_coordinates(frame.box, workload.config.bake)
        return lambda: bake_occupancy(frame, lines, workload.config.bake)

    yield Case(f"{workload.size}/frame/occupancy", occupancy)

    def bake() -> Timed:
        bake_config, sparse = workload.config.bake, SparseField(workload.field)

        def run() -> Tensor:
            lines = bake_coordinates(workload.field.boxes[index], bake_config)
            return bake_occupancy(sparse.on_lattice(index, lines), lines, bake_config)

        run()  # packs the decoder's weights
        return run

    published = PUBLISHED_BAKE if workload.size == "full" else None
    yield Case(f"{workload.size}/frame/bake", bake, published=published)
