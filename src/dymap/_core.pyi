"""The native core: C++ in `native/`, bound by `native/module/`, which says what is checked. Not for users."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]

def variants() -> list[str]: ...
def variant() -> str: ...
def use(name: str) -> bool: ...
def thread_runtime() -> str: ...
def multiply_adds(rounds: int, threads: int) -> int: ...

class Levels:
    def __init__(
        self, features: int, scales: Sequence[float], resolutions: Sequence[int], lengths: Sequence[int]
    ) -> None: ...

def encode(
    planes: Tensor | None,
    grids: Tensor | None,
    levels: Levels | None,
    which: int,
    position: Tensor,
    out: Tensor,
    threads: int,
) -> None: ...
def encode_backward(
    planes: Tensor | None,
    grids: Tensor | None,
    levels: Levels | None,
    which: int,
    position: Tensor,
    gradient: Tensor,
    threads: int,
) -> None: ...
def collapse_time(
    levels: Levels,
    t: float,
    tables: Sequence[Tensor],
    footprint: Tensor | None,
    before: Tensor | None,
    out: Tensor,
    threads: int,
) -> None: ...
def collapse_time_backward(
    levels: Levels, t: float, gradient: Tensor, tables: Sequence[Tensor], threads: int
) -> None: ...
def hash_encode(
    levels: Levels, t: float, tables: Sequence[Tensor], which: int, position: Tensor, out: Tensor, threads: int
) -> None: ...
def hash_encode_backward(
    levels: Levels, t: float, tables: Sequence[Tensor], which: int, position: Tensor, gradient: Tensor, threads: int
) -> None: ...
def pair_dot(encoded: Tensor, sigma: Tensor, threads: int) -> None: ...
def pair_dot_backward(
    encoded: Tensor, d_sigma: Tensor, d_feature: Tensor | None, out: Tensor, threads: int
) -> None: ...
def density_lattice(ab: Tensor, ac: Tensor, bc: Tensor, sigma: Tensor, threads: int) -> None: ...
def density_lattice_backward(
    ab: Tensor, ac: Tensor, bc: Tensor, d_sigma: Tensor, d_ab: Tensor, d_ac: Tensor, d_bc: Tensor, threads: int
) -> None: ...
def total_variation(sigma: Tensor, length: float, slope: Tensor, threads: int) -> float: ...
def opacity_sum(sigma: Tensor, mask: Tensor, length: float, slope: Tensor, threads: int) -> float: ...
def max_pool(grid: Tensor, out: Tensor, threads: int) -> None: ...
def mlp_maps(
    first: Tensor,
    second: Tensor,
    size: int,
    overlap: bool,
    features: Tensor,
    views: Tensor,
    ray: Tensor | None,
    position: Tensor,
    out: Tensor,
    threads: int,
) -> None: ...
def mlp_maps_backward(
    first: Tensor,
    second: Tensor,
    size: int,
    overlap: bool,
    features: Tensor,
    views: Tensor,
    ray: Tensor | None,
    position: Tensor,
    d_out: Tensor,
    d_features: Tensor,
    d_first: Tensor,
    d_second: Tensor,
    threads: int,
) -> None: ...
def convolve(
    x: Tensor,
    at: Tensor,
    offset: Tensor,
    weight: Tensor,
    bias: Tensor,
    slope: float,
    to: Tensor,
    out: Tensor,
    threads: int,
) -> None: ...
def winograd_convolve(
    x: Tensor,
    side: int,
    mask: Tensor,
    first_row: int,
    first_column: int,
    weight: Tensor,
    tile: int,
    bias: Tensor,
    slope: float,
    out: Tensor,
    to: int,
    out_side: int,
    step: int,
    threads: int,
) -> None: ...
def march_intervals(
    origins: Tensor,
    directions: Tensor,
    t: Tensor,
    t_max: Tensor,
    box: Tensor,
    grid: Tensor,
    step: float,
    limit: int,
    intervals: Tensor,
    counts: Tensor,
    reached: Tensor,
    threads: int,
) -> None: ...
def adam(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    correction1: float,
    correction2: float,
    clip: float,
    lazy: bool,
    threads: int,
) -> None: ...
def hull_depths(
    origins: Tensor,
    directions: Tensor,
    near: Tensor,
    far: Tensor,
    box: Tensor,
    hull: Tensor,
    jitter: Tensor,
    sigma: Tensor | None,
    bins: int,
    uniform_share: float,
    z: Tensor,
    dist: Tensor,
    hit: Tensor,
    threads: int,
) -> None: ...

class Cancel:
    def __init__(self) -> None: ...
    def cancel(self) -> None: ...

class Tracer:
    def __init__(
        self,
        planes: Tensor,
        grids: Tensor,
        levels: Levels,
        first: Tensor,
        second: Tensor,
        map_size: int,
        overlap: bool,
        directions: str,
        degree: int,
        box: Tensor,
        occupied: Tensor,
        step: float,
    ) -> None: ...
    @property
    def bytes(self) -> int: ...
    def prepare_fast(self, threads: int) -> None: ...
    def keep_fast(self) -> None: ...
    def render(
        self,
        ray: Array,
        project: Array,
        origin: Array,
        offset: float,
        rgb: Tensor,
        acc: Tensor,
        depth: Tensor,
        far: Tensor,
        hit: Tensor,
        height: int,
        first: int,
        fast: bool,
        merge: int,
        min_weight: float,
        cancel: Cancel | None,
        threads: int,
    ) -> tuple[int, int, int, int]: ...

def rans_decode(data: Tensor, place: Tensor, which: Tensor, frequencies: Tensor, out: Tensor) -> None: ...
def rans_encode(which: Sequence[Tensor], symbols: Sequence[Tensor], frequencies: Tensor, out: Tensor) -> int: ...
