"""The sizes of a field that kernels are made for, as whole numbers. `web/gpu/sizes.js` does the same in the browser."""

from __future__ import annotations

from collections.abc import Sequence

from dymap.config import FieldConfig
from dymap.errors import InputError
from dymap.kernels import HashLevels

NONE = 0xFFFFFFFF
"""A place of packed weights for which there is no channel (pack.wgsl)."""
MOST_QUADS = 64
"""Quads of channels, views and hidden units: kernels are written out for them."""


def field_constants(config: FieldConfig, grid: Sequence[int]) -> dict[str, int]:
    """The constants of the kernels, in their order. grid: voxels along x, y, z.

    Raises InputError for networks that are too large for the kernels.
    """
    levels = levels_of(config)
    C, V, H, F = config.channels, config.view_dim, config.hidden, config.hash.features
    unit = 4 if F % 4 == 0 else 2 if F % 2 == 0 else 1
    quads, view_quads, hidden_quads = quads_of(C), quads_of(V), quads_of(H)
    if max(quads, view_quads, hidden_quads) > MOST_QUADS:
        raise InputError(
            f"the renderer 'gpu' takes up to {4 * MOST_QUADS} channels, view numbers and hidden units, this field has "
            f"{C}, {V} and {H}; choose --renderer fast"
        )
    row = 4 * (quads + view_quads) + 3
    blocks = [-(-n // 4) for n in grid]
    return {
        "CHANNELS": C,
        "VIEWS": V,
        "HIDDEN": H,
        "FREQUENCIES": config.direction_degree,
        "QUADS": quads,
        "PLANE_QUADS": 2 * quads,
        "VIEW_QUADS": view_quads,
        "HIDDEN_QUADS": hidden_quads,
        "INPUT_QUADS": quads + view_quads,
        "MAP_QUADS": quads_of(config.map_params),
        "ROW": row,
        "NETWORK": hidden_quads * row,
        "PLANE_SIZE": config.plane_size,
        "MAP_SIZE": config.map_size,
        "OVERLAP": int(config.overlap),
        "LEVELS": config.hash.levels,
        "UNIT": unit,
        "LEVEL_UNITS": F // unit,
        "VERTICES": levels.plane_offsets[-1],
        "GRID_X": grid[0],
        "GRID_Y": grid[1],
        "GRID_Z": grid[2],
        "BLOCKS_X": blocks[0],
        "BLOCKS_Y": blocks[1],
        "BLOCKS_Z": blocks[2],
        "VOXEL_WORDS": -(-grid[0] * grid[1] * grid[2] // 32),
    }


def quads_of(count: int) -> int:
    """How many fours hold so many."""
    return -(-count // 4)


def levels_of(config: FieldConfig) -> HashLevels:
    return HashLevels(config.hash.levels, config.hash.log2_size, config.hash.base, config.hash.finest)


def network_lanes(config: FieldConfig) -> list[int]:
    """Which parameter of a map's network of two layers each number of a packed network is, NONE for zeros.

    [NETWORK * 4], in the order of march.wgsl.
    """
    C, V, H = config.channels, config.view_dim, config.hidden
    rows = [k if k < C else NONE for k in range(4 * quads_of(C))]
    rows += [C + v if v < V else NONE for v in range(4 * quads_of(V))]
    lanes = []
    for first in range(0, 4 * quads_of(H), 4):
        hidden = [h if h < H else NONE for h in range(first, first + 4)]
        for row in rows:
            lanes += [NONE if NONE in (row, h) else row * H + h for h in hidden]
        for colour in range(3):
            lanes += [NONE if h == NONE else (C + V) * H + 3 * h + colour for h in hidden]
    return lanes


def plain_lanes(channels: int, first: int = 0) -> list[int]:
    """Channels first, first + 1, ... one after the other, filled up to fours with NONE."""
    return [first + k if k < channels else NONE for k in range(4 * quads_of(channels))]


def buffer_bytes(constants: dict[str, int], numbers: str) -> dict[str, int]:
    """Bytes of each of a frame's buffers. numbers: f32, packed or f16."""
    number = 4 if numbers == "f32" else 2
    n = constants
    unit = n["UNIT"] * (4 if n["UNIT"] == 1 else number)
    blocks = n["BLOCKS_X"] * n["BLOCKS_Y"] * n["BLOCKS_Z"]
    return {
        "planes": 3 * n["PLANE_SIZE"] ** 2 * 8 * n["QUADS"] * number,
        "networks": 3 * n["MAP_SIZE"] ** 2 * n["NETWORK"] * (8 if numbers == "f16" else 16),
        "grids": 3 * n["VERTICES"] * n["LEVEL_UNITS"] * unit,
        "occupied": 4 * (n["VOXEL_WORDS"] + -(-blocks // 32)),
    }
