"""dymap mesh: the surface of each frame as a file, or of all of them as one clip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dymap import runs
from dymap.cli.console import Device, Threads, say
from dymap.cli.progress import progress_bar
from dymap.config import LEVEL, VOXEL, MeshFormat

LARGE_CLIP = 200_000_000
"""Bytes of an animated file that are said to be many."""


def mesh(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of a baked run, or a baked file.")],
    frames: Annotated[tuple[int, ...], tyro.conf.arg(help="Frame positions; default: all.")] = (),
    format: Annotated[
        MeshFormat | None, tyro.conf.arg(help="Kind of the files; default: ply, or glb with --animate.")
    ] = None,
    simplify: Annotated[
        float | None,
        tyro.conf.arg(help="About so many faces a frame (20000), or below 1 a share of them (0.1); it stays closed."),
    ] = None,
    largest: Annotated[
        bool,
        tyro.conf.arg(help="Only the largest piece of each frame: no crumbs, and no prop apart from the body."),
    ] = False,
    min_piece: Annotated[
        float,
        tyro.conf.arg(
            help="Only pieces of at least this share of the largest one's area: 0.01 drops crumbs and keeps props."
        ),
    ] = 0.0,
    animate: Annotated[
        bool, tyro.conf.arg(help="One animated GLB of the clip, clip.glb or --out FILE.glb; best with --simplify.")
    ] = False,
    splats: Annotated[
        bool,
        tyro.conf.arg(help="Gaussian splats (PLY): flat discs on the surface, one a voxel of area, or --points."),
    ] = False,
    points: Annotated[
        int | None, tyro.conf.arg(help="Write this many points spread over the surface instead of triangles.")
    ] = None,
    voxel: Annotated[float, tyro.conf.arg(help="Metres between lattice points.")] = VOXEL,
    level: Annotated[float, tyro.conf.arg(help="Raw density at the surface.")] = LEVEL,
    whole_box: Annotated[bool, tyro.conf.arg(help="Also what lies in voxels that the bake left empty.")] = False,
    out: Annotated[Path | None, tyro.conf.arg(help="Folder; default: meshes beside the baked file.")] = None,
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Write the surface of each frame as a coloured mesh, point cloud or splats, in world coordinates and metres.

    By default a PLY file a frame. For the web, a phone or Blender: --animate --simplify 20000 --largest.
    """
    meshed = runs.mesh(
        run,
        frames=frames,
        format=format,
        simplify=simplify,
        largest=largest,
        min_piece=min_piece,
        animate=animate,
        splats=splats,
        voxel=voxel,
        level=level,
        points=points,
        whole_box=whole_box,
        out=out,
        device=device,
        threads=threads,
        progress=progress_bar,
    )
    mean = sum(meshed.counts) / len(meshed.counts)
    kind = meshed.files[0].suffix[1:]
    where = meshed.files[0] if animate else f"{meshed.folder}: {len(meshed.files)} {kind} files"
    say(f"{where}, {mean:,.0f} {meshed.what} a frame, {meshed.nbytes / 1e6:.1f} MB")
    if animate and meshed.nbytes > LARGE_CLIP:
        say("most viewers take long for a file of this size; --simplify 20000 makes it smaller")
    return 0
