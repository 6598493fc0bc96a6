"""GLB: meshes and points as binary glTF 2.0, with unlit vertex colours in linear light; one, or a clip of them."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dymap.errors import InputError
from dymap.geometry.camera import Array
from dymap.pictures import srgb_to_linear
from dymap.play.mesh import Mesh, Points

Z_TO_Y = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
"""World coordinates with z up -> with y up."""
FLOAT, UINT16, UINT32 = 5126, 5123, 5125
"""What glTF calls the types of numbers."""
VERTICES, INDICES = 34962, 34963
"""What glTF calls the uses of arrays."""
MAX_BYTES = 2**32 - 2**24
"""Of the arrays of a file, whose lengths have 32 bits; the rest is for the tree."""
UNLIT = "KHR_materials_unlit"
PLAIN = {"baseColorFactor": [1, 1, 1, 1], "metallicFactor": 0, "roughnessFactor": 1}
SNAP = np.cos(np.radians(3))
"""An up this close to an axis of the world is that axis: it is measured, and worlds are made with an axis up."""


def glb_bytes(surface: Mesh | Points, up: ArrayLike = (0.0, 0.0, 1.0)) -> bytes:
    """A file with one node, which turns the world's `up` [3] to y; vertices stay in world coordinates, metres.

    Colours of the images are sRGB; glTF's COLOR_0 is linear (glTF 2.0, 3.7.2.1), here as uint16, which keeps all of
    the 256 values apart. An unlit material shows them as they are: the capture's light is in them.
    """
    body = Body()
    mesh = {"name": "surface", "primitives": [add_surface(body, surface)]}
    return body.pack({"nodes": [{"name": "surface", "mesh": 0, "matrix": matrix_to_y_up(up)}], "meshes": [mesh]})


def clip_bytes(surfaces: Iterable[Mesh | Points], fps: float, up: ArrayLike = (0.0, 0.0, 1.0)) -> bytes:
    """A file with an animation that shows surfaces one after the other, `fps` a second; colours as in `glb_bytes`.

    Each has a node, whose scale is 1 in its turn and 0 else, without anything between (STEP): what has no size is not
    drawn (glTF 2.0, 3.5.3). Its translation is the middle of its box and vertices are relative to that, as programs
    count what has no size to the picture that they fit in. The node above turns the world's `up` [3] to y. Before the
    animation is played the first surface is seen.

    Raises InputError beyond the 4 GiB that a GLB file can have, and without any surface.
    """
    body, nodes, meshes = Body(), list[dict[str, Any]](), list[dict[str, Any]]()
    for index, surface in enumerate(surfaces):
        places = places_of(surface)
        middle = ((places.min(0) + places.max(0)) / 2).astype(np.float32)
        name = f"frame {index}"
        meshes.append({"name": name, "primitives": [add_surface(body, surface, middle)]})
        shown = 1 if index == 0 else 0
        nodes.append({"name": name, "mesh": index, "translation": middle.tolist(), "scale": [shown] * 3})
    if not nodes:
        raise InputError("a clip needs at least one surface")
    samplers, channels = [], []
    for index in range(len(nodes)):
        times, scales = turn_of(index, len(nodes), fps)
        ends = {"min": [float(times[0])], "max": [float(times[-1])]}
        keys = body.add(Block(times, FLOAT, "SCALAR", None, ends)), body.add(Block(scales, FLOAT, "VEC3", None, {}))
        samplers.append({"input": keys[0], "output": keys[1], "interpolation": "STEP"})
        channels.append({"sampler": index, "target": {"node": index + 1, "path": "scale"}})
    above = {"name": "clip", "matrix": matrix_to_y_up(up), "children": [*range(1, len(nodes) + 1)]}
    animation = {"name": "clip", "samplers": samplers, "channels": channels}
    return body.pack({"nodes": [above, *nodes], "meshes": meshes, "animations": [animation]})


def turn_of(index: int, count: int, fps: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The keyframes of surface `index` of `count`: times [K], seconds, and scales [K, 3]: 1 from its time on, for 1 /
    fps; the last one stays to the end."""
    keys = {0.0: 0, index / fps: 1, (index + 1) / fps: int(index == count - 1)}
    return np.array([*keys], "<f4"), np.repeat(np.array([*keys.values()], "<f4")[:, None], 3, axis=1)


def places_of(surface: Mesh | Points) -> NDArray[np.float32]:
    """[V, 3] world, metres."""
    return surface.vertices if isinstance(surface, Mesh) else surface.positions


def add_surface(body: Body, surface: Mesh | Points, origin: ArrayLike = 0.0) -> dict[str, Any]:
    """Add the arrays of a surface, with its places relative to `origin`; returns its primitive."""
    places = (places_of(surface) - np.asarray(origin, np.float32)).astype("<f4")
    linear = np.rint(srgb_to_linear(np.arange(256) / 255)[surface.colours] * 65535).astype("<u2")
    colours = np.column_stack([linear, np.full(len(linear), 65535, "<u2")])  # four, as vertices begin at multiples of 4
    ends = {"min": places.min(0).tolist(), "max": places.max(0).tolist()}
    attributes = {
        "POSITION": body.add(Block(places, FLOAT, "VEC3", VERTICES, ends)),
        "NORMAL": body.add(Block(surface.normals.astype("<f4"), FLOAT, "VEC3", VERTICES, {})),
        "COLOR_0": body.add(Block(colours, UINT16, "VEC4", VERTICES, {"normalized": True})),
    }
    primitive: dict[str, Any] = {"attributes": attributes, "material": 0, "mode": 0}
    if isinstance(surface, Mesh):
        corners = surface.faces.astype("<u4").reshape(-1)
        primitive |= {"indices": body.add(Block(corners, UINT32, "SCALAR", INDICES, {})), "mode": 4}
    return primitive


def matrix_to_y_up(up: ArrayLike) -> list[float]:
    """[16] a node's matrix, column by column."""
    matrix = np.eye(4)
    matrix[:3, :3] = to_y_up(up)
    return [float(value) for value in matrix.T.reshape(-1)]


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


class Block(NamedTuple):
    """An array of the file. component, kind: what its numbers are; target: what it is bound as, None: nothing."""

    array: NDArray[Any]
    component: int
    kind: str
    target: int | None
    more: dict[str, Any]


class Body:
    """The arrays of a file, of which each is one accessor of one buffer view."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, block: Block) -> int:
        """Add an array; returns the number of its accessor. Raises InputError beyond 4 GiB."""
        data = block.array.tobytes()  # every block is a multiple of 4 bytes long
        view = {"buffer": 0, "byteOffset": self.size, "byteLength": len(data)}
        self.views.append(view if block.target is None else view | {"target": block.target})
        described = {"componentType": block.component, "count": len(block.array), "type": block.kind}
        self.accessors.append({"bufferView": len(self.accessors)} | described | block.more)
        self.parts.append(data)
        self.size += len(data)
        if self.size > MAX_BYTES:
            raise InputError(
                f"more than {MAX_BYTES / 2**30:.3g} GiB of vertices and faces, but a GLB file holds no more; take "
                "fewer triangles, such as --simplify 20000, or fewer --frames"
            )
        return len(self.accessors) - 1

    def pack(self, tree: dict[str, Any]) -> bytes:
        """The file: a header, the tree as JSON, and the arrays."""
        tree = {
            "asset": {"version": "2.0", "generator": "dymap"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "materials": [{"pbrMetallicRoughness": PLAIN, "extensions": {UNLIT: {}}}],
            "extensionsUsed": [UNLIT],
            "buffers": [{"byteLength": self.size}],
            "bufferViews": self.views,
            "accessors": self.accessors,
        } | tree
        text = json.dumps(tree, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        length = 12 + 8 + len(text) + 8 + self.size
        head = struct.pack("<IIIII", 0x46546C67, 2, length, len(text), 0x4E4F534A)
        return b"".join([head, text, struct.pack("<II", self.size, 0x004E4942), *self.parts])
