"""Files of meshes and point clouds: PLY, GLB, OBJ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dymap.errors import InputError
from dymap.files import replacing
from dymap.play.mesh import Mesh, Points

FORMATS = ("ply", "glb", "obj")
Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
"""World coordinates with z up -> with y up."""


def write_mesh(path: Path, surface: Mesh | Points) -> Path:
    """Write a mesh or points in the format of the path's suffix: .ply (binary), .glb or .obj, with vertex colours.

    Vertices are in world coordinates, metres, in every format. In a GLB, where y is up by convention, a node turns
    them by -90 degrees about x: viewers show a world with z up upright, and programs with z up, which turn the file
    back when they open it, see the world coordinates. Its colours are unlit, since the capture's light is in them.
    All colours are the images' own values, without any change of gamma. Normals are written too, except for points in
    a GLB, which trimesh cannot.

    Raises InputError for another suffix, without trimesh, and if the disk refuses.
    """
    kind = path.suffix[1:].lower()
    if kind not in FORMATS:
        raise InputError(f"{path}: the formats of meshes are {', '.join(FORMATS)}, not {kind or 'none'!r}")
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
    if kind == "glb":
        scene = trimesh.Scene()
        scene.add_geometry(shape, geom_name="surface", transform=Y_UP)
        data = scene.export(file_type="glb", include_normals=True, tree_postprocessor=_unlit)
    else:
        normals = "vertex_normal" if kind == "ply" else "include_normals"
        data = shape.export(file_type=kind, **{normals: True})
    with replacing(path) as partial:
        partial.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def _unlit(tree: dict[str, Any]) -> None:
    """Give everything in a glTF tree the one material that shows vertex colours as they are."""
    unlit = "KHR_materials_unlit"
    plain = {"baseColorFactor": [1, 1, 1, 1], "metallicFactor": 0, "roughnessFactor": 1}
    tree["materials"] = [{"pbrMetallicRoughness": plain, "extensions": {unlit: {}}}]
    tree["extensionsUsed"] = [unlit]
    for shape in tree["meshes"]:
        for primitive in shape["primitives"]:
            primitive["material"] = 0
