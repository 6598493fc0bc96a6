"""GLB: meshes and points as binary glTF 2.0, with unlit vertex colours in linear light."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dymap.geometry.camera import Array
from dymap.play.mesh import Mesh, Points

Z_TO_Y = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
"""World coordinates with z up -> with y up."""
FLOAT, UINT16, UINT32 = 5126, 5123, 5125
"""What glTF calls the types of numbers."""
UNLIT = "KHR_materials_unlit"
PLAIN = {"baseColorFactor": [1, 1, 1, 1], "metallicFactor": 0, "roughnessFactor": 1}
SNAP = np.cos(np.radians(3))
"""An up this close to an axis of the world is that axis: it is measured, and worlds are made with an axis up."""


def glb_bytes(surface: Mesh | Points, up: ArrayLike = (0.0, 0.0, 1.0)) -> bytes:
    """A file with one node, which turns the world's `up` [3] to y; vertices stay in world coordinates, metres.

    Colours of the images are sRGB; glTF's COLOR_0 is linear (glTF 2.0, 3.7.2.1), here as uint16, which keeps all of
    the 256 values apart. An unlit material shows them as they are: the capture's light is in them.
    """
    places = surface.vertices if isinstance(surface, Mesh) else surface.positions
    linear = np.rint(srgb_to_linear(surface.colours) * 65535).astype("<u2")
    colours = np.column_stack([linear, np.full(len(linear), 65535, "<u2")])  # four, as vertices begin at multiples of 4
    blocks: list[tuple[NDArray[Any], int, str, dict[str, Any]]] = [
        (places.astype("<f4"), FLOAT, "VEC3", {"min": places.min(0).tolist(), "max": places.max(0).tolist()}),
        (surface.normals.astype("<f4"), FLOAT, "VEC3", {}),
        (colours, UINT16, "VEC4", {"normalized": True}),
    ]
    primitive: dict[str, Any] = {
        "attributes": {"POSITION": 0, "NORMAL": 1, "COLOR_0": 2}, "material": 0, "mode": 0,
    }  # fmt: skip
    if isinstance(surface, Mesh):
        primitive |= {"indices": len(blocks), "mode": 4}
        blocks.append((surface.faces.astype("<u4").reshape(-1), UINT32, "SCALAR", {}))
    matrix = np.eye(4)
    matrix[:3, :3] = to_y_up(up)
    tree = {
        "asset": {"version": "2.0", "generator": "dymap"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "surface", "mesh": 0, "matrix": matrix.T.reshape(-1).tolist()}],
        "meshes": [{"name": "surface", "primitives": [primitive]}],
        "materials": [{"pbrMetallicRoughness": PLAIN, "extensions": {UNLIT: {}}}],
        "extensionsUsed": [UNLIT],
    }
    return _pack(tree, blocks)


def srgb_to_linear(colours: NDArray[np.uint8]) -> Array:
    """Bytes of an image -> linear light in [0, 1] (IEC 61966-2-1)."""
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)[colours]


def to_y_up(up: ArrayLike) -> Array:
    """[3, 3] the rotation that turns `up` [3] to y. With z up it is -90 degrees about x."""
    direction = np.asarray(up, dtype=np.float64)
    direction = direction / np.linalg.norm(direction)
    axis = np.argmax(np.abs(direction))
    if np.abs(direction[axis]) >= SNAP:
        direction = np.eye(3)[axis] * np.sign(direction[axis])
    if direction[2] < -1 + 1e-9:  # upside down: half a turn about x
        return Z_TO_Y @ np.diag([1.0, -1, -1])
    # Rodrigues: the shortest turn of `direction` to z.
    x, y, z = np.cross(direction, [0, 0, 1])
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return Z_TO_Y @ (np.eye(3) + cross + cross @ cross / (1 + direction[2]))


def _pack(tree: dict[str, Any], blocks: Sequence[tuple[NDArray[Any], int, str, dict[str, Any]]]) -> bytes:
    """The file: a header, the tree as JSON, and the arrays, of which each is one accessor of one buffer view."""
    body, views, accessors = b"", [], []
    for index, (array, component, kind, more) in enumerate(blocks):
        data = array.tobytes()  # every block is a multiple of 4 bytes long
        target = 34963 if kind == "SCALAR" else 34962
        views.append({"buffer": 0, "byteOffset": len(body), "byteLength": len(data), "target": target})
        accessors.append({"bufferView": index, "componentType": component, "count": len(array), "type": kind} | more)
        body += data
    tree = tree | {"buffers": [{"byteLength": len(body)}], "bufferViews": views, "accessors": accessors}
    text = json.dumps(tree, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(body), 0x004E4942) + body
    return struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks
