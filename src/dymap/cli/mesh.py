"""dymap mesh: the surface of each frame as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dymap import runs
from dymap.cli.console import Device, Threads, say
from dymap.cli.progress import progress_bar
from dymap.config import LEVEL, VOXEL, MeshFormat


def mesh(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of a baked run, or a baked file.")],
    frames: Annotated[tuple[int, ...], tyro.conf.arg(help="Frame positions; default: all.")] = (),
    format: Annotated[MeshFormat, tyro.conf.arg(help="Kind of the files.")] = "ply",
    voxel: Annotated[float, tyro.conf.arg(help="Metres between lattice points.")] = VOXEL,
    level: Annotated[float, tyro.conf.arg(help="Raw density at the surface.")] = LEVEL,
    points: Annotated[
        int | None, tyro.conf.arg(help="Write this many points spread over the surface instead of triangles.")
    ] = None,
    whole_box: Annotated[bool, tyro.conf.arg(help="Also what lies in voxels that the bake left empty.")] = False,
    out: Annotated[Path | None, tyro.conf.arg(help="Folder; default: meshes beside the baked file.")] = None,
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Write the surface of each frame as a coloured mesh or point cloud, in world coordinates and metres."""
    meshed = runs.mesh(
        run,
        frames=frames,
        format=format,
        voxel=voxel,
        level=level,
        points=points,
        whole_box=whole_box,
        out=out,
        device=device,
        threads=threads,
        progress=progress_bar,
    )
    say(f"{meshed.folder}: {len(meshed.files)} {format} files, {meshed.nbytes / 1e6:.1f} MB")
    return 0
