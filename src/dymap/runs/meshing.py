"""`dymap.runs.mesh`: the surface of each frame as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dymap.config import LEVEL, VOXEL, MeshFormat
from dymap.errors import InputError
from dymap.geometry.camera import up_direction
from dymap.play.mesh import MAX_SAMPLES, extract_mesh, sample_points
from dymap.play.mesh_file import write_mesh
from dymap.play.video import load
from dymap.runs.bars import Bars, no_bars
from dymap.runs.process import pick_device
from dymap.runs.things import check_playable


@dataclass(frozen=True)
class Meshed:
    """What meshing left. files: one a frame, in `folder`. nbytes: of all of them."""

    folder: Path
    files: tuple[Path, ...]
    nbytes: int


def mesh(
    run: str | Path,
    *,
    frames: Sequence[int] = (),
    format: MeshFormat = "ply",
    voxel: float = VOXEL,
    level: float = LEVEL,
    points: int | None = None,
    whole_box: bool = False,
    out: str | Path | None = None,
    device: str = "auto",
    threads: int = 0,
    progress: Bars = no_bars,
) -> Meshed:
    """Write the surface of each frame as a coloured mesh or point cloud, in world coordinates and metres.

    run: folder of a baked run, or a baked file. frames: positions, default all. voxel: metres between lattice points.
    level: raw density at the surface. points: so many points spread over the surface instead of triangles. whole_box:
    also what lies in voxels that the bake left empty. out: folder, default `meshes` beside the baked file.

    Raises InputError that names the frame which has no surface, and for options that cannot be.
    """
    place = Path(run)
    check_playable(place)
    video = load(place, pick_device(device, threads))
    for index in frames:
        if not 0 <= index < video.num_frames:
            raise InputError(f"frame {index} does not exist: there are {video.num_frames}")
    if points is not None and not 1 <= points <= MAX_SAMPLES:
        raise InputError(f"--points {points}: expected a number from 1 to {MAX_SAMPLES}")
    folder = Path(out) if out is not None else place / "meshes" if place.is_dir() else place.with_name("meshes")
    chosen = frames or range(video.num_frames)
    up = up_direction(video.cameras)
    files: list[Path] = []
    with progress("mesh") as update:
        for index in chosen:
            grid = None if whole_box else video.baked.occupancy[index]
            try:
                surface = extract_mesh(video.baked.field.at(index), grid, voxel=voxel, level=level)
            except InputError as error:
                raise InputError(f"frame {index}: {error}") from None
            if points is None:
                files.append(write_mesh(folder / f"mesh_{index:06d}.{format}", surface, up))
            else:
                files.append(write_mesh(folder / f"points_{index:06d}.{format}", sample_points(surface, points), up))
            update(len(files), len(chosen))
    return Meshed(folder, tuple(files), sum(file.stat().st_size for file in files))
