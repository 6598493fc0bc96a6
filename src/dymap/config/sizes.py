"""How much memory a field takes, from its numbers only: what cannot be held is refused before anything is made.

Bounds, not measurements: never less than what is stored, and of the same order.
"""

from __future__ import annotations

import math

MOST_PARAMETERS = 2**32
"""Of a field; Adam keeps four numbers of 4 bytes for each while it is trained. The published fields have 57 million."""
MOST_OF_A_FRAME = 2**30
"""Numbers of 4 bytes that a field becomes at one time; the published ones 31 million."""
MOST_POINTS = 2**31
"""Of a lattice of densities, a number each."""
MOST_SAMPLES = 2**28
"""Samples of the rays of an item, a few hundred numbers each."""


def hash_sizes(levels: int, log2_size: int, base: int, finest: int) -> tuple[int, int]:
    """Entries of one table of hash grids, and vertices of its levels at one time."""
    growth = (finest / base) ** (1 / max(levels - 1, 1))
    sides = [math.ceil(base * growth**level) + 1 for level in range(levels)]
    return sum(min(2**log2_size, side**3) for side in sides), sum(side**2 for side in sides)


def decoder_parameters(
    code_dim: int, width: int, plane_size: int, map_size: int, channels: int, map_params: int
) -> int:
    """Parameters of the decoder (method.md 4), at most: as if no layer had fewer channels than the widest."""
    upsamplings = int(math.log2(plane_size)) - 2
    halvings = int(math.log2(plane_size // map_size))
    deepest = max(width // 4, 1) * 2 ** (halvings // 2)
    first = 16 * width * (code_dim + 2) + upsamplings * width * (16 * width + plane_size**2)
    planes, maps = 2 * 3 * channels * 9 * width, 3 * map_params * 9 * deepest
    return first + planes + halvings * 9 * deepest**2 + maps


def check_memory(stored: int, frame: int) -> None:
    """Raises ValueError for a field of too many numbers: stored: parameters; frame: what it becomes at one time."""
    for what, count, most in (("", stored, MOST_PARAMETERS), (" for every frame", frame, MOST_OF_A_FRAME)):
        if count > most:
            raise ValueError(
                f"field: these sizes make about {count:.1e} numbers{what}, more than {most:.1e}; expected smaller "
                "field.hash.finest, log2_size, features, or field.plane_size, map_size, width, hidden"
            )
