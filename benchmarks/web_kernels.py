"""What a picture costs the kernels of GPUs (`dymap/web/gpu`): counted, not timed.

    python -m benchmarks.web_kernels
    python -m benchmarks.web_kernels small demo/run/video.dymap

For sizes of benchmarks/workloads.py, or for files: the march is followed ray by ray on a part of the picture, in tiles
of 8 x 4 rays, which GPUs run in lockstep: a tile pays for a density if any of its rays takes one, and for a colour too.
From the counts come FLOP and bytes of a picture, and the times in which a GPU of given speed would draw it.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.workloads import SIZES, open_workload
from dymap.config import FieldConfig
from dymap.field.decoder import backbone_widths, trunk_widths
from dymap.field.footprint import footprint_of_voxels
from dymap.field.frame import Frame
from dymap.geometry.camera import Camera
from dymap.geometry.rays import camera_rays
from dymap.gpu.decoder import MASKED
from dymap.gpu.sizes import buffer_bytes, field_constants, quads_of
from dymap.kernels import MIN_TRANSMITTANCE, MIN_WEIGHT, opacity
from dymap.play.video import load
from dymap.render.march import march_step

TILE = (8, 4)
"""Rays that run in lockstep, across and down: 32, as on most GPUs."""
SHARE = 8
"""One of so many tiles is followed."""
TFLOPS, BANDWIDTH = 1.0, 50.0
"""Of a laptop's GPU: TFLOP/s, and GB/s of its memory."""
EFFICIENCY = 0.4
"""Of its arithmetic that the kernels are assumed to reach."""
SIDE = 512
MERGED = 4
"""Samples of a ray that get one colour while something moves (web/gpu/march.js)."""
GAP = 3
"""Steps without a sample, across which no colour is shared (march.wgsl)."""
WALK_FLOPS = 40
"""To look a place up in the grid and to go on, counted in march.wgsl."""


@dataclass(frozen=True)
class Counts:
    """Of a picture. Places looked at, densities, colours; and as tiles in lockstep pay for them, in rays."""

    pixels: int
    places: float
    densities: float
    colours: float
    paid_places: float
    paid_densities: float
    paid_colours: float


class March:
    """The rays of a picture on one of SHARE tiles, and where each of them is: `march` in march.wgsl, step by step."""

    def __init__(self, frame: Frame, grid: Tensor, step: float, camera: Camera):
        rays, hit = camera_rays(camera, frame.box)
        number = torch.arange(camera.width * camera.height)[hit]
        across = -(-camera.width // TILE[0])
        tile = number // camera.width // TILE[1] * across + number % camera.width // TILE[0]
        chosen = tile % SHARE == SHARE // 2
        self.rays, self.tile = rays[chosen], tile[chosen]
        self.frame, self.grid, self.step = frame, grid, step
        self.size = torch.tensor(grid.shape)
        padded = F.pad(grid.float(), [n for side in reversed(grid.shape) for n in (0, -side % 4)])
        self.blocks = F.max_pool3d(padded[None], 4)[0] > 0
        extent = frame.box[1] - frame.box[0]
        self.origin = (self.rays.origins - frame.box[0]) / extent * self.size  # in voxels, as in the kernel
        self.direction = self.rays.directions / extent * self.size
        self.near, count = self.rays.near.clamp(min=0), len(self.tile)
        self.k, self.last, self.through, self.held = (torch.zeros(count) for _ in range(4))
        self.through += 1
        self.counted, self.paid = np.zeros(3), np.zeros(3)  # of places, densities, colours

    def count(self, what: int, rays: Tensor) -> None:
        self.counted[what] += len(rays)
        self.paid[what] += len(torch.unique(self.tile[rays])) * TILE[0] * TILE[1]

    def places(self, rays: Tensor) -> Tensor:
        """[R, 3] where rays are, in voxels."""
        t = self.near[rays] + (self.k[rays] + 0.5) * self.step
        return self.origin[rays] + t[:, None] * self.direction[rays]

    def to_samples(self, rays: Tensor) -> Tensor:
        """Go on to the next sample of each; returns those that have one. A tile waits for the last of its rays."""
        found = [rays[:0]]
        while len(rays):
            inside = self.near[rays] + (self.k[rays] + 0.5) * self.step < self.rays.far[rays]
            rays = rays[inside & (self.through[rays] >= MIN_TRANSMITTANCE)]
            self.count(0, rays)
            p = self.places(rays)
            voxel = torch.minimum(p.long().clamp(min=0), self.size - 1)
            solid = self.grid[tuple(voxel.T)]
            side = torch.where(self.blocks[tuple((voxel // 4).T)], 1.0, 4.0)[:, None]
            face = ((p / side).floor() + (self.direction[rays] > 0)) * side
            ahead = ((face - p) / self.direction[rays]).amin(dim=1) / self.step
            self.k[rays] += torch.where(solid, 0.0, (ahead - 1e-3).ceil().clamp(min=1))
            found.append(rays[solid])
            rays = rays[~solid]
        return torch.cat(found)

    def colour(self, rays: Tensor) -> None:
        """Give the samples that rays hold their colour."""
        rays = rays[self.held[rays] > 0]
        self.count(2, rays)
        self.held[rays] = 0

    def sample(self, rays: Tensor) -> None:
        """Take the densities of the next samples."""
        self.count(1, rays)
        sigma, _ = self.frame.density((self.places(rays) / self.size).clamp(0, 1))
        alpha = opacity(sigma, self.step)
        self.held[rays[alpha * self.through[rays] > MIN_WEIGHT]] += 1
        self.through[rays] *= 1 - alpha
        self.k[rays] += 1
        self.last[rays] = self.k[rays]


@torch.no_grad()
def follow(frame: Frame, grid: Tensor, step: float, camera: Camera, merged: int = 1) -> Counts:
    """Count what a picture of `camera` takes. merged: consecutive samples that may get one colour."""
    march, turn = March(frame, grid, step, camera), 0
    live = torch.arange(len(march.tile))
    while len(live):
        found = march.to_samples(live)
        over = torch.ones(len(march.tile), dtype=torch.bool)
        over[found] = march.k[found] - march.last[found] > GAP
        march.colour(live if turn % merged == 0 else live[over[live]])
        march.sample(found)
        live, turn = found, turn + 1
    march.colour(torch.arange(len(march.tile)))
    return Counts(camera.width * camera.height, *(SHARE * march.counted), *(SHARE * march.paid))


@dataclass(frozen=True)
class Work:
    """FLOP and bytes: of a standing picture, as tiles in lockstep pay; and of a frame that is decoded."""

    march: float
    march_bytes: float
    decode: float
    decode_bytes: float


def work_of(config: FieldConfig, occupied: Tensor, counts: Counts) -> Work:
    """Counted from the kernels. Bytes are those that come from memory once, caches keeping them during a picture."""
    n = field_constants(config, occupied.shape)
    channels = 4 * n["QUADS"]
    density = 3 * 4 * 2 * (2 * channels + config.channels) + 2 * channels
    networks = 12 if config.overlap else 3
    colour = networks * n["HIDDEN_QUADS"] * 4 * (4 * n["INPUT_QUADS"] + 3) * 2
    march = counts.paid_places * WALK_FLOPS + counts.paid_densities * density + counts.paid_colours * colour
    frame = sum(buffer_bytes(n, "packed").values())
    decode, weights = decoder_work(config, n, *computed(config, occupied))
    collapse = 3 * n["VERTICES"] * config.hash.features * 4
    tables = 3 * n["VERTICES"] * config.hash.features * 4 * 2
    return Work(march, frame + counts.pixels * (24 + 24 + 4), decode + collapse, weights + tables + frame)


def computed(config: FieldConfig, occupied: Tensor) -> tuple[float, float]:
    """Shares of the planes and of the maps that are computed: in squares of 16 x 8 pixels that points read."""
    if config.plane_size < MASKED:
        return 1, 1
    footprint = footprint_of_voxels(occupied, config)
    images = footprint.pixels, footprint.networks.unflatten(1, (config.map_size, -1))
    planes, maps = (F.max_pool2d(image[:, None].float(), (8, 16), ceil_mode=True).mean() for image in images)
    return float(planes), float(maps)


def decoder_work(config: FieldConfig, n: dict[str, int], of_planes: float, of_maps: float) -> tuple[float, float]:
    """FLOP and bytes of the decoder: weights of 16 bits, biases and images of 32, each read and written once.

    of_planes, of_maps: shares that are computed.
    """
    multiplied, weights, images = 16.0 * config.width * config.code_dim, 16.0 * config.width * config.code_dim * 4, 0.0
    up, side = backbone_widths(config), 4
    for inputs, outputs in itertools.pairwise(up):
        side *= 2
        multiplied += side**2 * 4 * inputs * outputs
        weights += 16 * inputs * outputs * 2 + side**2 * outputs * 4
        images += 2 * side**2 * outputs * 4
    trunk = trunk_widths(config)
    multiplied += of_planes * side**2 * 9 * up[-1] * 24 * n["QUADS"]
    for inputs, outputs in itertools.pairwise(trunk):
        side //= 2
        multiplied += side**2 * 9 * inputs * outputs
        weights += 9 * inputs * outputs * 2
        images += 2 * side**2 * outputs * 4
    of_map = 4 * (n["NETWORK"] if config.layers == 2 else quads_of(config.map_params))
    multiplied += of_maps * side**2 * 9 * trunk[-1] * 3 * of_map
    weights += 9 * trunk[-1] * 3 * of_map * 2 + 9 * up[-1] * 24 * n["QUADS"] * 2
    if config.layers == 3:
        multiplied += 3 * side**2 * config.channels * config.hidden**2
    return 2 * multiplied, weights + images


def milliseconds(flops: float, memory: float) -> float:
    """On that laptop: arithmetic at its assumed efficiency, or memory, whichever takes longer."""
    return max(flops / (TFLOPS * 1e12 * EFFICIENCY), memory / (BANDWIDTH * 1e9)) * 1e3


def row(name: str, config: FieldConfig, grid: Tensor, counts: Counts, moving: Counts) -> list[str]:
    """A line of the table."""
    work, draft = work_of(config, grid, counts), work_of(config, grid, moving)
    standing = milliseconds(work.march, work.march_bytes)
    moved = milliseconds(draft.march, draft.march_bytes)
    decoded = milliseconds(work.decode, work.decode_bytes)
    return [
        name,
        f"{counts.places / counts.pixels:.1f}",
        f"{counts.densities / counts.pixels:.2f}",
        f"{counts.colours / counts.pixels:.2f}",
        f"{counts.densities / max(counts.paid_densities, 1):.0%} / {counts.colours / max(counts.paid_colours, 1):.0%}",
        f"{work.march / 1e9:.2f} / {draft.march / 1e9:.2f}",
        f"{work.march_bytes / 1e6:.1f}",
        f"{work.decode / 1e9:.2f}",
        f"{work.decode_bytes / 1e6:.0f}",
        f"{standing:.1f}",
        f"{moved:.1f}",
        f"{moved + decoded:.1f}",
    ]


def rows(names: list[str]) -> list[list[str]]:
    """Sizes: two cameras of the painted body. Files: camera 0, and one 1.9 times as close."""
    out = []
    for name in names:
        if name in SIZES:
            workload = open_workload(name)
            grid = workload.occupancy[workload.index]
            for view, camera in workload.cameras.items():
                seen = camera.fitted(SIDE, SIDE) if name != "quick" else camera
                both = [follow(workload.frame, grid, workload.step, seen, merged) for merged in (1, MERGED)]
                out.append(row(f"{name} {view}", workload.config.field, grid, *both))
            continue
        video = load(Path(name))
        (model,) = video.baked.frame_model(video.num_frames // 2)[:1]
        frame, grid = model.segment.sparse.at(model.frame), model.segment.occupancy[model.frame]
        step = march_step(frame.box, video.baked.render.max_samples)
        far = video.cameras[0].undistorted().fitted(SIDE, SIDE)
        K = far.K.copy()
        K[:2, :2] *= 1.9
        close = Camera(K, far.R, far.T, SIDE, SIDE)
        for view, camera in (("far", far), ("close", close)):
            both = [follow(frame, grid, step, camera, merged) for merged in (1, MERGED)]
            out.append(row(f"{video.name} {view}", model.segment.field.config, grid, *both))
    return out


def main() -> None:
    torch.set_num_threads(1)
    table = Table(title=f"A picture of {SIDE} x {SIDE}; {TFLOPS:g} TFLOP/s at {EFFICIENCY:.0%}, {BANDWIDTH:g} GB/s")
    heads = ["", "places", "densities", "colours a pixel", "lanes in use", "GFLOP / draft", "MB", "decode GFLOP", "MB"]
    for head in (*heads, "standing ms", "moving ms", "playing ms"):
        table.add_column(head, justify="left" if not head else "right")
    for cells in rows(sys.argv[1:] or ["small", "full"]):
        table.add_row(*cells)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
