"""Files of meshes: what trimesh reads back is what was written."""

from __future__ import annotations

import dataclasses
import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.play import glb
from dymap.play.glb import to_y_up
from dymap.play.mesh import Mesh, Points, vertex_normals
from dymap.play.mesh_file import FORMATS, write_clip, write_mesh
from tests.disks import files_of_at_most


@pytest.fixture(scope="module")
def surface() -> Mesh:
    """An octahedron away from the origin, with two vertices in the same place, in colours."""
    corners = [[1, 0, 0], [-1, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 3], [0, 0, -3], [0, 0, -3]]
    vertices = (np.array(corners) / 7 + (10, -20, 1.7)).astype(np.float32)
    faces = np.array([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 6], [0, 3, 6]], np.int32)
    colours = np.random.default_rng(0).integers(0, 256, (7, 3), dtype=np.uint8)
    return Mesh(vertices, faces, colours, vertex_normals(vertices, faces))


@pytest.fixture(scope="module")
def points(surface: Mesh) -> Points:
    return Points(surface.vertices, surface.colours, surface.normals)


def header_of(file: Path) -> dict[str, Any]:
    data = file.read_bytes()
    return json.loads(data[20 : 20 + struct.unpack("<I", data[12:16])[0]])


def colours_of(file: Path) -> NDArray[np.float64]:
    """COLOR_0 [V, 4] as a program sees it: in [0, 1], linear."""
    data, tree = file.read_bytes(), header_of(file)
    ((primitive,),) = (part["primitives"] for part in tree["meshes"])
    accessor = tree["accessors"][primitive["attributes"]["COLOR_0"]]
    assert (accessor["componentType"], accessor["type"], accessor["normalized"]) == (5123, "VEC4", True)
    start = 28 + struct.unpack("<I", data[12:16])[0] + tree["bufferViews"][accessor["bufferView"]]["byteOffset"]
    return np.frombuffer(data, "<u2", 4 * accessor["count"], start).reshape(-1, 4) / 65535


def read(path: Path) -> Any:
    """The one shape of a file, as it stands there: nothing merged, no node applied."""
    loaded = trimesh.load(path, process=False, maintain_order=True)
    return next(iter(loaded.geometry.values())) if isinstance(loaded, trimesh.Scene) else loaded


@pytest.mark.parametrize("kind", FORMATS)
def test_mesh_comes_back(surface: Mesh, tmp_path: Path, kind: str) -> None:
    path = write_mesh(tmp_path / "new" / f"mesh.{kind}", surface)
    back = read(path)
    np.testing.assert_allclose(back.vertices, surface.vertices, rtol=0, atol=1e-7)
    np.testing.assert_array_equal(back.faces, surface.faces)
    if kind != "glb":  # see below
        np.testing.assert_array_equal(back.visual.vertex_colors[:, :3], surface.colours)
        assert (back.visual.vertex_colors[:, 3] == 255).all()
    assert [file.name for file in path.parent.iterdir()] == [path.name], "one file, nothing beside it"


@pytest.mark.parametrize("kind", FORMATS)
def test_points_come_back(points: Points, tmp_path: Path, kind: str) -> None:
    back = read(write_mesh(tmp_path / f"points.{kind}", points))
    assert isinstance(back, trimesh.PointCloud)
    np.testing.assert_allclose(back.vertices, points.positions, rtol=0, atol=1e-7)
    if kind != "glb":
        np.testing.assert_array_equal(back.colors[:, :3], points.colours)


def test_normals_are_written(surface: Mesh, points: Points, tmp_path: Path) -> None:
    """trimesh makes its own normals while reading, so the files are looked into."""
    vertex = np.dtype([("position", "<f4", 3), ("normal", "<f4", 3), ("colour", "u1", 4)])
    for name, shape in (("mesh", surface), ("points", points)):
        text, _, body = write_mesh(tmp_path / f"{name}.ply", shape).read_bytes().partition(b"end_header\n")
        assert b"property float nx" in text
        np.testing.assert_array_equal(np.frombuffer(body, vertex, count=7)["normal"], shape.normals)
        lines = write_mesh(tmp_path / f"{name}.obj", shape).read_text().splitlines()
        normals = np.array([line.split()[1:] for line in lines if line.startswith("vn ")], float)
        np.testing.assert_allclose(normals, shape.normals, atol=1e-7)
    np.testing.assert_allclose(
        read(write_mesh(tmp_path / "mesh.glb", surface)).vertex_normals, surface.normals, atol=1e-6
    )


def test_glb_stands_upright(surface: Mesh, points: Points, tmp_path: Path) -> None:
    """The node, and nothing else, turns z up into y up."""
    for shape, places in ((surface, surface.vertices), (points, points.positions)):
        scene = trimesh.load(write_mesh(tmp_path / "shape.glb", shape))
        (node,) = scene.graph.nodes_geometry
        matrix, _ = scene.graph[node]
        x, y, z = places.T
        np.testing.assert_array_equal(trimesh.transform_points(places, matrix), np.stack([x, z, -y], axis=1))
        assert np.linalg.det(matrix) == pytest.approx(1), "turned, not mirrored"


def test_glb_shows_colours_as_they_are(surface: Mesh, points: Points, tmp_path: Path) -> None:
    for shape in (surface, points):
        tree = header_of(write_mesh(tmp_path / "shape.glb", shape))
        assert tree["extensionsUsed"] == ["KHR_materials_unlit"]
        (material,) = tree["materials"]
        assert "KHR_materials_unlit" in material["extensions"]
        assert material["pbrMetallicRoughness"]["baseColorFactor"] == [1, 1, 1, 1]
        ((primitive,),) = (part["primitives"] for part in tree["meshes"])
        assert primitive["material"] == 0
        assert len(data := (tmp_path / "shape.glb").read_bytes()) == struct.unpack("<I", data[8:12])[0]


def test_glb_colours_are_linear_and_none_is_lost(tmp_path: Path) -> None:
    """sRGB as IEC 61966-2-1 has it: a viewer that encodes linear light shows the bytes of the images again."""
    grey = np.arange(256, dtype=np.uint8)
    colours = np.stack([grey, grey[::-1], np.roll(grey, 7)], axis=1)
    places = np.random.default_rng(0).normal(size=(256, 3)).astype(np.float32)
    faces = np.arange(255, dtype=np.int32).reshape(-1, 3)
    for surface in (Mesh(places, faces, colours, places), Points(places, colours, places)):
        seen = colours_of(write_mesh(tmp_path / "shape.glb", surface))
        assert (seen[:, 3] == 1).all()
        for value, expected in ((0, 0), (10, 0.0030353), (128, 0.2158605), (188, 0.5028865), (255, 1)):
            assert seen[value, 0] == pytest.approx(expected, abs=1e-5)
        linear = seen[:, :3]
        shown = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        np.testing.assert_array_equal(np.rint(255 * shown), colours)


@pytest.mark.parametrize("up", [(0, 0, 1), (0, 1, 0), (0, -1, 0), (0, 0, -1), (1, 0, 0), (0, -0.6, 0.8), (3, -2, 1)])
def test_glb_stands_upright_whatever_is_up(points: Points, tmp_path: Path, up: tuple[float, float, float]) -> None:
    tree = header_of(write_mesh(tmp_path / "shape.glb", points, up))
    matrix = np.array(tree["nodes"][0]["matrix"]).reshape(4, 4).T
    np.testing.assert_allclose(matrix[:3, :3] @ up, [0, np.linalg.norm(up), 0], atol=1e-12)
    np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1), "turned, not mirrored"
    assert matrix[3].tolist() == [0, 0, 0, 1]


def test_an_up_that_was_measured_is_the_axis_that_it_is_close_to() -> None:
    np.testing.assert_array_equal(to_y_up((0.01, -0.02, 1)), to_y_up((0, 0, 1)))


@pytest.fixture
def clip(surface: Mesh) -> list[Mesh]:
    """Four surfaces, each a metre further and of another size."""
    return [
        dataclasses.replace(surface, vertices=(surface.vertices * (1 + k / 10) + (k, 0, 0)).astype(np.float32))
        for k in range(4)
    ]


def array_of(file: Path, accessor: int) -> NDArray[np.float32]:
    """An accessor of floats."""
    data, tree = file.read_bytes(), header_of(file)
    found = tree["accessors"][accessor]
    assert found["componentType"] == 5126
    start = 28 + struct.unpack("<I", data[12:16])[0] + tree["bufferViews"][found["bufferView"]]["byteOffset"]
    width = {"SCALAR": 1, "VEC3": 3}[found["type"]]
    return np.frombuffer(data, "<f4", found["count"] * width, start).reshape(-1, width)


def scale_at(file: Path, node: int, time: float) -> NDArray[np.float32]:
    """What an animated node's scale is: that of the last keyframe that is over (STEP), the first before."""
    tree = header_of(file)
    (channel,) = (c for c in tree["animations"][0]["channels"] if c["target"] == {"node": node, "path": "scale"})
    sampler = tree["animations"][0]["samplers"][channel["sampler"]]
    assert sampler["interpolation"] == "STEP"
    times = array_of(file, sampler["input"])[:, 0]
    assert (np.diff(times) > 0).all()
    described = tree["accessors"][sampler["input"]]
    assert (described["min"], described["max"]) == ([times[0]], [times[-1]])
    assert "target" not in tree["bufferViews"][described["bufferView"]]
    return array_of(file, sampler["output"])[max(np.searchsorted(times, time, side="right") - 1, 0)]


def test_a_clip_shows_one_surface_at_a_time(clip: list[Mesh], tmp_path: Path) -> None:
    path = write_clip(tmp_path / "new" / "clip.glb", iter(clip), 12.5)
    tree = header_of(path)
    (animation,) = tree["animations"]
    assert len(animation["channels"]) == 4
    above = tree["nodes"][0]
    assert above["children"] == [1, 2, 3, 4]
    for k in range(4):
        for time in ((k + 0.01) / 12.5, (k + 0.99) / 12.5):
            shown = [scale_at(path, node, time) for node in above["children"]]
            np.testing.assert_array_equal(shown, np.repeat(np.eye(4)[k][:, None], 3, axis=1))
    ends = [array_of(path, sampler["input"]).max() for sampler in animation["samplers"]]
    assert max(ends) == pytest.approx(4 / 12.5), "the last one is seen as long as the others"
    assert [tree["nodes"][node]["scale"][0] for node in above["children"]] == [1, 0, 0, 0], "at rest the first is seen"
    assert all("matrix" not in tree["nodes"][node] for node in above["children"]), "animated nodes have no matrix"


def test_another_reader_finds_the_surfaces_of_a_clip_in_their_places(clip: list[Mesh], tmp_path: Path) -> None:
    scene = trimesh.load(write_clip(tmp_path / "clip.glb", clip, 24, (0, 0, 1)), process=False, maintain_order=True)
    assert isinstance(scene, trimesh.Scene)
    assert len(scene.geometry) == 4
    for index, surface in enumerate(clip):
        matrix, name = scene.graph[f"frame {index}"]
        assert name is not None
        shape = scene.geometry[name]
        np.testing.assert_array_equal(shape.faces, surface.faces)
        # In its turn a node has the size 1; here its position is looked at, whatever its size at rest.
        x, y, z = surface.vertices.astype(np.float64).T
        centre = matrix[:3, 3]
        upright = np.stack([x, z, -y], axis=1)
        np.testing.assert_allclose(centre, (upright.min(0) + upright.max(0)) / 2, atol=1e-5)
        turned = np.asarray(shape.vertices)[:, [0, 2, 1]] * (1, 1, -1)
        np.testing.assert_allclose(turned + centre, upright, atol=1e-5)


def test_a_clip_of_points_and_of_one_surface(clip: list[Mesh], points: Points, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "points.glb", [points, points], 10)
    assert [mesh["primitives"][0]["mode"] for mesh in header_of(path)["meshes"]] == [0, 0]
    path = write_clip(tmp_path / "one.glb", clip[:1], 10)
    for time in (0, 0.05, 0.1):
        np.testing.assert_array_equal(scale_at(path, 1, time), [1, 1, 1])


def test_clips_that_cannot_be(clip: list[Mesh], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"clip.ply: an animated clip is a .glb file, not .ply"):
        write_clip(tmp_path / "clip.ply", clip, 10)
    with pytest.raises(InputError, match="at least one surface"):
        write_clip(tmp_path / "clip.glb", [], 10)
    monkeypatch.setattr(glb, "MAX_BYTES", 1000)
    with pytest.raises(InputError, match="a GLB file holds no more; take fewer triangles, such as --simplify 20000"):
        write_clip(tmp_path / "clip.glb", clip, 10)
    assert not list(tmp_path.iterdir())


def test_other_formats_are_refused(surface: Mesh, tmp_path: Path) -> None:
    for name, found in (("mesh.stl", "'stl'"), ("mesh", "'none'")):
        with pytest.raises(InputError, match=rf"{name}: the formats of meshes are ply, glb, obj, not {found}"):
            write_mesh(tmp_path / name, surface)


def test_without_trimesh_it_says_what_to_install(
    surface: Mesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(InputError, match=r"pip install 'dymap\[mesh\]'"):
        write_mesh(tmp_path / "mesh.ply", surface)


@pytest.mark.parametrize("kind", FORMATS)
def test_full_disk_leaves_what_was_there(surface: Mesh, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"mesh.{kind}"
    path.write_text("before")
    with files_of_at_most(100), pytest.raises(InputError, match=f"mesh.{kind}: cannot be written"):
        write_mesh(path, surface)
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
