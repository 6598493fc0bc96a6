"""dymap mesh: the surface of each frame as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from dymap.cli.console import Device, Threads, console, pick_device, progress_bar
from dymap.errors import InputError
from dymap.play.mesh import LEVEL, MAX_SAMPLES, VOXEL, extract_mesh, sample_points
from dymap.play.mesh_file import write_mesh
from dymap.play.video import load


def mesh(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of a baked run, or a baked file.")],
    frames: Annotated[tuple[int, ...], tyro.conf.arg(help="Frame positions; default: all.")] = (),
    format: Annotated[Literal["ply", "glb", "obj"], tyro.conf.arg(help="Kind of the files.")] = "ply",
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
    video = load(run, pick_device(device, threads))
    for index in frames:
        if not 0 <= index < video.num_frames:
            raise InputError(f"frame {index} does not exist: there are {video.num_frames}")
    if points is not None and not 1 <= points <= MAX_SAMPLES:
        raise InputError(f"--points {points}: expected a number from 1 to {MAX_SAMPLES}")
    folder = out or (run / "meshes" if run.is_dir() else run.with_name("meshes"))
    chosen = frames or range(video.num_frames)
    size = 0
    with progress_bar("mesh") as progress:
        for done, index in enumerate(chosen, 1):
            grid = None if whole_box else video.baked.occupancy[index]
            try:
                surface = extract_mesh(video.baked.field.at(index), grid, voxel=voxel, level=level)
            except InputError as error:
                raise InputError(f"frame {index}: {error}") from None
            if points is None:
                path = write_mesh(folder / f"mesh_{index:06d}.{format}", surface)
            else:
                path = write_mesh(folder / f"points_{index:06d}.{format}", sample_points(surface, points))
            size += path.stat().st_size
            progress(done, len(chosen))
    console.print(f"{folder}: {len(chosen)} {format} files, {size / 1e6:.1f} MB")
    return 0
