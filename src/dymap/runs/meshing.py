"""`dymap.runs.mesh`: the surface of each frame as a file, or of all of them as one clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dymap.config import LEVEL, VOXEL, MeshFormat
from dymap.errors import InputError
from dymap.geometry.camera import up_direction
from dymap.play.mesh import Mesh, Points, check_count, extract_mesh, sample_points
from dymap.play.mesh_file import write_clip, write_mesh, write_splats
from dymap.play.simplify import check_share, check_target
from dymap.play.splats import spread_splats
from dymap.play.video import load
from dymap.runs.bars import Bars, no_bars
from dymap.runs.process import pick_device
from dymap.runs.things import check_playable


@dataclass(frozen=True)
class Meshed:
    """What meshing left. files: one a frame, or one for the clip, in `folder`. nbytes: of all of them. what: `faces`,
    `points` or `splats`. counts: how many of them each frame has."""

    folder: Path
    files: tuple[Path, ...]
    nbytes: int
    what: str
    counts: tuple[int, ...]


def mesh(
    run: str | Path,
    *,
    frames: Sequence[int] = (),
    format: MeshFormat | None = None,
    simplify: float | None = None,
    largest: bool = False,
    min_piece: float = 0.0,
    animate: bool = False,
    splats: bool = False,
    points: int | None = None,
    voxel: float = VOXEL,
    level: float = LEVEL,
    whole_box: bool = False,
    out: str | Path | None = None,
    device: str = "auto",
    threads: int = 0,
    progress: Bars = no_bars,
) -> Meshed:
    """Write the surface of each frame as a coloured mesh, point cloud or splats, in world coordinates and metres.

    run: folder of a baked run, or a baked file. frames: positions, default all. format: default ply, or glb of a clip.
    simplify: a number of faces a frame, or below 1 a share of them. largest: only the largest piece of each frame.
    min_piece: only pieces of at least this share of the largest one's area. animate: one GLB that shows the frames in
    turn, at the clip's rate. splats: flat Gaussians on the surface, one for voxel^2, or `points` of them. points: so
    many points spread over the surface instead of triangles. voxel: metres between lattice points. level: raw density
    at the surface. whole_box: also what lies in voxels that the bake left empty. out: folder, default `meshes` beside
    the baked file; of a clip also its file.

    Raises InputError that names the frame which has no surface, and for options that cannot be or do not go together.
    """
    place = Path(run)
    check_playable(place)
    check_options(format, simplify, largest, min_piece, animate, splats, points)
    video = load(place, pick_device(device, threads))
    for index in frames:
        if not 0 <= index < video.num_frames:
            raise InputError(f"frame {index} does not exist: there are {video.num_frames}")
    folder = Path(out) if out is not None else place / "meshes" if place.is_dir() else place.with_name("meshes")
    chosen = frames or range(video.num_frames)
    up = up_direction(video.cameras)
    files: list[Path] = []
    counts: list[int] = []

    def surface(index: int) -> Mesh:
        segment, local, _ = video.baked.nearest(index)  # surfaces of two fields cannot be mixed
        grid = None if whole_box else segment.occupancy[local]
        share = 1.0 if largest else min_piece
        try:
            return extract_mesh(
                segment.field.at(local), grid, voxel=voxel, level=level, min_piece=share, target=simplify
            )
        except InputError as error:
            raise InputError(f"frame {index}: {error}") from None

    def shape(index: int) -> Mesh | Points:
        found = surface(index) if points is None else sample_points(surface(index), points)
        counts.append(len(found.faces) if isinstance(found, Mesh) else len(found.positions))
        return found

    with progress("mesh") as update:

        def shapes() -> Iterator[Mesh | Points]:
            for done, index in enumerate(chosen, 1):
                yield shape(index)
                update(done, len(chosen))

        if animate:
            file = folder if folder.suffix.lower() == ".glb" else folder / "clip.glb"
            folder = file.parent
            files.append(write_clip(file, shapes(), video.fps, up))
        elif splats:
            for index in chosen:
                discs, spacing = spread_splats(surface(index), voxel, points)
                files.append(write_splats(folder / f"splats_{index:06d}.ply", discs, spacing))
                counts.append(len(discs.positions))
                update(len(files), len(chosen))
        else:
            name = "mesh" if points is None else "points"
            for index, found in zip(chosen, shapes(), strict=True):
                files.append(write_mesh(folder / f"{name}_{index:06d}.{format or 'ply'}", found, up))
    what = "splats" if splats else "faces" if points is None else "points"
    return Meshed(folder, tuple(files), sum(file.stat().st_size for file in files), what, tuple(counts))


def check_options(
    format: MeshFormat | None,
    simplify: float | None,
    largest: bool,
    min_piece: float,
    animate: bool,
    splats: bool,
    points: int | None,
) -> None:
    """Raise InputError for options that cannot be, and for those that do not go together."""
    if points is not None:
        check_count(points)
    if simplify is not None:
        check_target(simplify)
        if splats or points is not None:
            raise InputError("--simplify makes fewer triangles: leave it out with --points and --splats")
    check_share(min_piece)
    if largest and min_piece:
        raise InputError("--largest keeps one piece, --min-piece all that are not small: choose one of them")
    if animate and splats:
        raise InputError("--animate is for meshes and points; splats are a file a frame: leave out --animate")
    if animate and format not in (None, "glb"):
        raise InputError(f"--animate writes a GLB file, which holds an animation: leave out --format {format}")
    if splats and format not in (None, "ply"):
        raise InputError(f"--splats writes PLY files, which programs for splats open: leave out --format {format}")
