"""Slice a frame: what the field says at one time, inside the dancer too.

    python examples/09_slice_a_frame.py --out out/09    # the clip that comes with dymap
    python examples/09_slice_a_frame.py --out out/09 --run out/01/run --time 2

`field.at(frame)` decodes planes, networks and hash grids of one time; the Frame that it returns says density and colour
of any point in its box. Here they are asked for on a lattice, and drawn as horizontal sections.
"""

from pathlib import Path

import torch
import tyro
from torch import Tensor

import dymap
from dymap.field.frame import Frame
from dymap.kernels import opacity
from dymap.pictures import to_bytes, write_png
from dymap.runs.demonstration import PACKAGED


def section(frame: Frame, height: float, size: int, facing: Tensor) -> Tensor:
    """[size, 2 size, 3] opacity of a centimetre, and colour behind it, at a height (0 to 1 of the box).

    facing: [3] unit direction in the world that the colours are seen along.
    """
    line = (torch.arange(size) + 0.5) / size  # box coordinates: 0 to 1
    x, y = torch.meshgrid(line, line, indexing="xy")  # [size, size], y runs along the rows
    position = torch.stack([x, y, torch.full_like(x, height)], dim=-1).view(-1, 3)  # [n, 3]
    sigma, feature = frame.density(position)  # [n] per metre, [n, C]
    alpha = opacity(sigma, 0.01)[:, None]
    colour = frame.colour(position, feature, facing.expand(len(position), 3))  # [n, 3]
    picture = torch.cat([alpha.expand(-1, 3).view(size, size, 3), (alpha * colour).view(size, size, 3)], dim=1)
    return picture.flip(0)  # y upwards


def main(run: Path = PACKAGED, time: int = 0, size: int = 192, out: Path = Path("out/09")) -> None:
    baked = dymap.load(run).baked
    with torch.no_grad():
        segment, at, _ = baked.nearest(time)  # long clips have a field for every 30 frames
        frame = segment.field.at(at)
        line = (torch.arange(size) + 0.5) / size
        sigma = frame.density_lattice([line, line, line])  # [size, size, size], far faster than point by point
        low, high = frame.box
        print(f"box {low.tolist()} to {high.tolist()} m")
        print(f"{(sigma > baked.bake.threshold).float().mean():.1%} of its points are dense")
        print(f"{segment.occupancy[at].float().mean():.1%} of its voxels are occupied: one dense point is enough")
        heights = [0.25, 0.5, 0.75]
        sections = [section(frame, height, size, torch.tensor([0.0, 0.0, -1.0])) for height in heights]
    path = write_png(out / "sections.png", to_bytes(torch.cat(sections)))
    metres = [f"{(low + height * (high - low))[2]:.2f}" for height in heights]
    print(f"sections {', '.join(metres)} m above the floor, opacity and colour from above: {path}")


if __name__ == "__main__":
    tyro.cli(main)
