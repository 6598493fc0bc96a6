"""Files of meshes and point clouds: PLY, GLB, OBJ; animated GLB; Gaussian splats."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from dymap.errors import InputError
from dymap.files import replacing
from dymap.play.glb import clip_bytes, glb_bytes
from dymap.play.mesh import Mesh, Points
from dymap.play.splats import splats_bytes

FORMATS = ("ply", "glb", "obj")


def write_mesh(path: Path, surface: Mesh | Points, up: ArrayLike = (0.0, 0.0, 1.0)) -> Path:
    """Write a mesh or points in the format of the path's suffix: .ply (binary), .glb or .obj, with vertex colours.

    up: [3] what is up in the world. Vertices are in world coordinates, metres, in every format. In a GLB, where y is up
    by convention, a node turns `up` to y: viewers show the figure upright, and programs with z up, which turn the file
    back when they open it, see the world coordinates of a world with z up. Its colours are unlit, since the capture's
    light is in them, and linear, as that format has them; in PLY and OBJ they are the images' own values (sRGB).
    Normals are written too.

    Raises InputError for another suffix, without trimesh (PLY and OBJ), and if the disk refuses.
    """
    kind = path.suffix[1:].lower()
    if kind not in FORMATS:
        raise InputError(f"{path}: the formats of meshes are {', '.join(FORMATS)}, not {kind or 'none'!r}")
    data = glb_bytes(surface, up) if kind == "glb" else _trimesh_file(path, surface, kind)
    with replacing(path) as partial:
        partial.write_bytes(data)
    return path


def write_clip(path: Path, surfaces: Iterable[Mesh | Points], fps: float, up: ArrayLike = (0.0, 0.0, 1.0)) -> Path:
    """Write surfaces as one animated .glb, which shows `fps` of them a second; otherwise as `write_mesh`.

    surfaces are taken one by one. Raises InputError for another suffix, beyond 4 GiB, and if the disk refuses.
    """
    if path.suffix.lower() != ".glb":
        raise InputError(f"{path}: an animated clip is a .glb file, not {path.suffix or 'one without a suffix'}")
    data = clip_bytes(surfaces, fps, up)
    with replacing(path) as partial:
        partial.write_bytes(data)
    return path


def write_splats(path: Path, points: Points, spacing: float) -> Path:
    """Write points as flat Gaussian splats, a .ply file (see splats.py). spacing: metres between them.

    Raises InputError if the disk refuses.
    """
    data = splats_bytes(points, spacing)
    with replacing(path) as partial:
        partial.write_bytes(data)
    return path


def _trimesh_file(path: Path, surface: Mesh | Points, kind: str) -> bytes:
    """The PLY or OBJ file."""
    try:
        import trimesh
    except ModuleNotFoundError:
        raise InputError(f"{path}: meshes are written by trimesh; install it with: pip install 'dymap[mesh]'") from None
    shape: Any
    if isinstance(surface, Mesh):
        # process=False: no vertex is merged or moved.
        shape = trimesh.Trimesh(
            surface.vertices, surface.faces, vertex_normals=surface.normals, vertex_colors=surface.colours,
            process=False,
        )  # fmt: skip
    else:
        shape = trimesh.PointCloud(surface.positions, colors=surface.colours)
        shape.vertex_normals = surface.normals  # trimesh's clouds know none, but its writers take them from here
    normals = "vertex_normal" if kind == "ply" else "include_normals"
    data: bytes | str = shape.export(file_type=kind, **{normals: True})
    return data.encode() if isinstance(data, str) else data
