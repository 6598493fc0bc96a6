"""Initial weights of a decoder out of a seed, the same numbers in any language, so that a file need not hold them.

After a short training most weights are near where they began. Packed files hold how many steps of rounding a weight is
away from these numbers, if the decoder began with them (docs/format.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fnmatch import fnmatch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

NORMAL, UNIFORM, BLOCKS = "normal", "uniform", "blocks"
"""Standard normal; uniform in [-1, 1]; standard normal, the same for each block of 2 x 2 of a kernel 4 x 4."""
KINDS = (
    ("code.weight", NORMAL),
    ("up.*.weight", BLOCKS),
    ("density.weight", UNIFORM),
    ("trunk.*.weight", UNIFORM),
    ("map_*.weight", UNIFORM),
)
"""Parameters of a decoder that have such initial values; convolutions in the range that torch gives them."""
Numbers = NDArray[np.float64]
Words = NDArray[np.uint64]
WORD = 0xFFFFFFFF


def start(seed: int, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Initial values, float64, of those of a decoder's parameters that have them; shapes: of all, by name."""
    values = {}
    for index, (name, shape) in enumerate(shapes.items()):
        if found := start_of(name, shape):
            values[name] = torch.from_numpy(found[1] * drawn(found[0], seed, index, shape))
    return values


def start_of(name: str, shape: tuple[int, ...]) -> tuple[str, float] | None:
    """How a parameter begins: the kind of its numbers, and what they are multiplied by."""
    kind = next((kind for pattern, kind in KINDS if fnmatch(name, pattern)), None)
    if kind is None:
        return None
    return kind, 1 / math.sqrt(math.prod(shape[1:])) if kind == UNIFORM else 1.0


def drawn(kind: str, seed: int, index: int, shape: tuple[int, ...]) -> Numbers:
    """The numbers of the parameter `index` of a decoder."""
    if kind == BLOCKS:
        return drawn(NORMAL, seed, index, (*shape[:2], 2, 2)).repeat(2, axis=2).repeat(2, axis=3)
    place = np.arange(math.prod(shape), dtype=np.uint64)
    key = mixed(np.array([index], np.uint64) ^ mixed(np.array([seed & WORD], np.uint64)))
    if kind == UNIFORM:
        return (2 * unit(place ^ key) - 1).reshape(shape)
    radius = np.sqrt(-2 * np.log(unit(2 * place ^ key)))
    return (radius * np.cos(2 * np.pi * unit(2 * place + 1 ^ key))).reshape(shape)


def unit(words: Words) -> Numbers:
    """In (0, 1), for each word of 32 bits another."""
    return (mixed(words) + 0.5) / 2**32


def mixed(words: Words) -> Words:
    """Each word of 32 bits becomes another that looks random (the hash `lowbias32` of C. Wellons, 2018)."""
    words = words ^ (words >> np.uint64(16))
    words = words * np.uint64(0x7FEB352D) & np.uint64(WORD)
    words = words ^ (words >> np.uint64(15))
    words = words * np.uint64(0x846CA68B) & np.uint64(WORD)
    return words ^ (words >> np.uint64(16))


@torch.no_grad()
def begin(decoder: nn.Module, seed: int) -> None:
    """Give a decoder these initial values."""
    held = dict(decoder.named_parameters())
    for name, value in start(seed, {name: tuple(p.shape) for name, p in held.items()}).items():
        held[name].copy_(value)
