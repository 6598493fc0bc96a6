"""Each operation of `dymap.kernels`, forward and backward.

Two sets of points, so that caches behave as they do in use: `march` holds consecutive samples of neighbouring rays
(what renderers ask for), `train` whole rays in random directions (what a training step draws).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.cases import Case, Timed, Work
from benchmarks.workloads import Workload
from dymap import kernels
from dymap.config import FieldConfig
from dymap.field.directions import embed_directions
from dymap.geometry.rays import camera_rays
from dymap.render.march import ROUND
from dymap.render.sampling import ray_depths

POINTS = 2**16
SAMPLES = 64


class Points(NamedTuple):
    """position: [N, 3] in box coordinates; ray: [N] row of views [R, V]."""

    position: Tensor
    ray: Tensor
    views: Tensor


def march_points(workload: Workload, count: int) -> Points:
    """The first `count` samples of the close image, from the middle row on."""
    camera = workload.cameras["close"]
    rays, _ = camera_rays(camera, workload.frame.box)
    rays = rays[len(rays) // 2 :]
    grid = workload.occupancy[workload.index]
    found, counts, _ = kernels.march_intervals(
        rays.origins, rays.directions, rays.near.clamp(min=0), rays.far, workload.frame.box, grid, workload.step, ROUND
    )
    ray, slot = torch.nonzero(torch.arange(ROUND) < counts[:, None], as_tuple=True)
    ray, slot = ray[:count], slot[:count]
    mid = found[ray, slot].mean(dim=-1)
    position = workload.frame.normalise(rays.origins[ray] + mid[:, None] * rays.directions[ray])
    return Points(position, ray, _views(workload.config.field, rays.directions))


def train_points(workload: Workload, count: int) -> Points:
    """Rays from all sides, `SAMPLES` a ray, over the whole box."""
    generator = torch.Generator().manual_seed(0)
    entry, leave = torch.rand(2, count // SAMPLES, 1, 3, generator=generator)
    share = ray_depths(torch.zeros(1), torch.ones(1), SAMPLES)[0, :, None]
    position = (entry + share * (leave - entry)).reshape(-1, 3)
    directions = torch.nn.functional.normalize((leave - entry)[:, 0], dim=1)
    ray = torch.arange(len(directions)).repeat_interleave(SAMPLES)
    return Points(position, ray, _views(workload.config.field, directions))


def _views(config: FieldConfig, directions: Tensor) -> Tensor:
    return embed_directions(directions, config.directions, config.direction_degree)


def forward(run: Callable[[], object]) -> Timed:
    """Without a graph."""

    def timed() -> object:
        with torch.no_grad():
            return run()

    return timed


def backward(run: Callable[[], Tensor], inputs: Sequence[Tensor]) -> Timed:
    """Only the backward pass: the graph is made once."""
    for tensor in inputs:
        tensor.requires_grad_(True)
    with torch.enable_grad():
        out = run()
    gradient = torch.randn(out.shape, generator=torch.Generator().manual_seed(0))
    return lambda: torch.autograd.grad(out, inputs, gradient, retain_graph=True, allow_unused=True)


class SampleFlops(NamedTuple):
    """What a sample multiplies and adds; a vertex that is read takes a multiply-add a channel, weights do not count.

    hash_3d: three tables point by point; planes: triplane and density planes; density: both with collapsed tables,
    and their product; colour: twelve networks, their first two layers multiplied out. What the view adds to those is
    shared by a ray's samples in a cell and not counted.
    """

    hash_3d: float
    planes: float
    density: float
    colour: float


def sample_flops(workload: Workload) -> SampleFlops:
    config = workload.config.field
    C, H, L, F = config.channels, config.hidden, config.hash.levels, config.hash.features
    planes, networks = 3 * 4 * 2 * C * 2, 12 if config.overlap else 3
    return SampleFlops(3 * L * 8 * F * 2, planes, planes + 3 * L * 4 * F * 2 + 2 * C, networks * H * (C + 3) * 2)


def operations(workload: Workload) -> Iterator[Case]:
    """Cases `size/operations/...`."""
    config = workload.config.field
    C, F = config.channels, config.hash.features
    levels = workload.field.hash.levels
    count = min(POINTS, 1024 if workload.size == "quick" else POINTS)
    t = workload.index / workload.field.num_frames
    flops = sample_flops(workload)
    tables = list(workload.field.hash.tables)
    held: dict[str, Points] = {}

    def points(kind: str) -> Points:
        if kind not in held:
            held[kind] = (march_points if kind == "march" else train_points)(workload, count)
        return held[kind]

    def case(name: str, prepare: Callable[[], Timed], kind: str | None, each: float = 0, memory: float = 0) -> Case:
        """each: flops of a sample; memory: bytes in all."""

        def work() -> Work:
            samples = len(points(kind).position) if kind else 0
            return Work(samples, each * samples, memory)

        return Case(f"{workload.size}/operations/{name}", prepare, work)

    def grids() -> Tensor:
        return workload.frame.hash.collapse()

    def own(*tensors: Tensor) -> list[Tensor]:
        return [tensor.detach().clone() for tensor in tensors]

    def hash_points() -> Tensor:
        return kernels.hash_encode_3d(tables, levels, t, points("train").position)

    yield case("hash 3D", lambda: forward(hash_points), "train", flops.hash_3d)

    def hash_back() -> Timed:
        mine = own(*tables)
        return backward(lambda: kernels.hash_encode_3d(mine, levels, t, points("train").position), mine)

    yield case("hash 3D backward", hash_back, "train", flops.hash_3d)

    vertices = 3 * levels.plane_offsets[-1]
    collapsed = vertices * F * 4 * 3  # two entries read, one value written
    yield case("collapse", lambda: forward(lambda: kernels.collapse_time(tables, levels, t)), None, 0, collapsed)

    def collapse_back() -> Timed:
        mine = own(*tables)
        for table in mine:
            kernels.keep_gradient(table)
        return backward(lambda: kernels.collapse_time(mine, levels, t), mine)

    yield case("collapse backward", collapse_back, None, 0, vertices * F * 4 * 5)

    def sample() -> Timed:
        planes, position = workload.frame.planes, points("march").position
        return forward(lambda: kernels.sample_planes(planes, position))

    yield case("planes", sample, "march", flops.planes)

    def encoded() -> Timed:
        planes, hashed, position = workload.frame.planes, grids(), points("march").position
        return forward(lambda: kernels.encode(planes, hashed, levels, position))

    yield case("encode", encoded, "march", flops.density - 2 * C)

    def dense() -> Timed:
        planes, hashed, position = workload.frame.planes, grids(), points("march").position
        return forward(lambda: kernels.density(planes, hashed, levels, position))

    yield case("density", dense, "march", flops.density)

    def dense_back() -> Timed:
        mine, position = own(workload.frame.planes, grids()), points("train").position
        return backward(lambda: kernels.density(mine[0], mine[1], levels, position)[0], mine)

    yield case("density backward", dense_back, "train", flops.density + 2 * C)

    def colours(kind: str) -> tuple[Tensor, Callable[[Tensor, kernels.CellWeights], Tensor]]:
        at = points(kind)
        features = workload.frame.features(at.position)[0].contiguous()
        return features, lambda x, cells: kernels.mlp_maps(x, at.views, at.ray, at.position, cells)

    def mlp() -> Timed:
        features, run = colours("march")
        return forward(lambda: run(features, workload.frame.networks))

    yield case("mlp maps", mlp, "march", flops.colour)

    def mlp_back() -> Timed:
        features, run = colours("train")
        cells = workload.frame.networks
        x, first, second = own(features, cells.first, cells.second)
        mine = kernels.CellWeights(first, second, cells.size, cells.overlap)
        return backward(lambda: run(x, mine), [x, first, second])

    # The hidden units again, then the gradients of the features and of both layers.
    K, units = C + config.view_dim, config.hidden * (12 if config.overlap else 3)
    yield case("mlp maps backward", mlp_back, "train", units * (2 * K + C + 9) * 2)

    rays_held: list[int] = []

    def intervals() -> Timed:
        rays, _ = camera_rays(workload.cameras["close"], workload.frame.box)
        grid = workload.occupancy[workload.index]
        near = rays.near.clamp(min=0)

        def run() -> Tensor:
            return kernels.march_intervals(
                rays.origins, rays.directions, near, rays.far, workload.frame.box, grid, workload.step, ROUND
            )[1]

        rays_held[:] = [int(run().sum())]
        return forward(run)

    yield Case(f"{workload.size}/operations/march intervals", intervals, lambda: Work(rays_held[0]))
