"""Fewer triangles: which pieces stay, that the surface stays where it was, and above all that it stays closed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import trimesh
from skimage.measure import marching_cubes

from dymap.errors import InputError
from dymap.play.simplify import Faces, Vertices, keep_pieces, pieces, separate, simplify, used, without_opposites

Surface = tuple[Vertices, Faces]


def ball(subdivisions: int = 4, radius: float = 1.0, centre: tuple[float, float, float] = (0, 0, 0)) -> Surface:
    mesh = trimesh.creation.icosphere(subdivisions, radius)
    return (mesh.vertices + centre).astype(np.float32), mesh.faces.astype(np.int32)


def together(*surfaces: Surface) -> Surface:
    starts = np.cumsum([0] + [len(vertices) for vertices, _ in surfaces])
    faces = [faces + start for (_, faces), start in zip(surfaces, starts, strict=False)]
    return np.concatenate([vertices for vertices, _ in surfaces]), np.concatenate(faces).astype(np.int32)


def noise(seed: int) -> Surface:
    """The closed surface of smoothed noise: crumbs, necks, tunnels and sheets thinner than a triangle."""
    volume = np.random.default_rng(seed).normal(size=(34, 34, 34)).astype(np.float32)
    for axis in range(3):
        volume = (volume + np.roll(volume, 1, axis) + np.roll(volume, 2, axis)) / 3
    volume -= 0.1
    for axis in range(3):
        np.moveaxis(volume, axis, 0)[[0, -1]] = -1
    vertices, faces, _, _ = marching_cubes(volume, 0, gradient_direction="ascent")
    return vertices, faces.astype(np.int32)


def assert_closed(vertices: Vertices, faces: Faces) -> None:
    """Every edge is in two faces, there in one and back in the other, also after vertices of one place are merged."""
    assert (vertices.dtype, faces.dtype) == (np.float32, np.int32)
    assert np.array_equal(np.unique(faces), np.arange(len(vertices)))
    for merge in (False, True):
        mesh = trimesh.Trimesh(vertices, faces, process=merge)
        assert mesh.is_watertight
        assert mesh.is_winding_consistent


@pytest.mark.parametrize(("target", "expected"), [(500, 500), (0.1, 512), (0.5, 2560)])
def test_a_ball_of_fewer_faces_is_still_that_ball(target: float, expected: int) -> None:
    vertices, faces = simplify(*ball(), target)
    assert expected - 4 <= len(faces) <= expected
    assert_closed(vertices, faces)
    assert np.abs(np.linalg.norm(vertices, axis=1) - 1).max() < 0.02
    assert trimesh.Trimesh(vertices, faces, process=False).volume == pytest.approx(4 / 3 * np.pi, rel=0.02)


def test_what_has_so_few_faces_already_is_left_as_it_is() -> None:
    before = ball(1)
    for target in (80, 10**6):
        after = simplify(*before, target)
        assert after[0] is before[0]
        assert after[1] is before[1]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("target", [0.5, 0.1, 0.02])
def test_surfaces_stay_closed_however_thin_they_are(seed: int, target: float) -> None:
    before = noise(seed)
    assert trimesh.Trimesh(*before, process=False).is_watertight
    vertices, faces = simplify(*before, target)
    assert 0.5 * target * len(before[1]) < len(faces) < 1.2 * target * len(before[1])
    assert_closed(vertices, faces)
    assert np.abs(vertices).max() < 34


@pytest.mark.parametrize("target", [0, -1, 1, 3, 20.5, float("nan"), float("inf")])
def test_targets_that_cannot_be(target: float) -> None:
    with pytest.raises(
        InputError, match=rf"--simplify {target:g}: expected a number of faces from 4, such as 20000, or a"
    ):
        simplify(*ball(1), target)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fast_simplification", None)
    with pytest.raises(InputError, match=r"pip install 'dymap\[mesh\]'"):
        simplify(*ball(1), 20)


def test_pieces_below_a_share_of_the_largest_are_dropped() -> None:
    """Areas 1, 1/4 and 1/100: a person, a prop, a crumb."""
    person, prop, crumb = ball(), ball(3, 0.5, (3, 0, 0)), ball(2, 0.1, (0, 3, 0))
    every = together(crumb, person, prop)
    assert len(np.unique(pieces(every[1], len(every[0])))) == 3
    for share, expected in ((0, (crumb, person, prop)), (0.02, (person, prop)), (0.3, (person,)), (1, (person,))):
        vertices, faces = keep_pieces(*every, share)
        there, corners = together(*expected)
        np.testing.assert_array_equal(vertices[faces], there[corners])
        assert len(vertices) == len(there)


def test_the_largest_piece_is_one_even_of_twins() -> None:
    twins = together(ball(2), ball(2, 1.0, (5, 0, 0)))
    vertices, faces = keep_pieces(*twins, 1)
    assert len(faces) == len(twins[1]) // 2
    assert_closed(vertices, faces)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_shares_that_cannot_be(share: float) -> None:
    with pytest.raises(InputError, match=rf"--min-piece {share:g}: expected a share of the largest piece's area"):
        keep_pieces(*ball(1), share)


def test_faces_that_cover_each_other_are_taken_out() -> None:
    """Whatever corner they begin at; what is more often there than back stays."""
    faces = np.array([[0, 1, 2], [5, 6, 7], [2, 1, 0], [1, 2, 3], [3, 1, 2], [1, 3, 2], [7, 5, 6], [4, 5, 6]])
    left = without_opposites(faces)
    np.testing.assert_array_equal(left, faces[[1, 3, 6, 7]])


def test_bodies_that_touch_come_apart() -> None:
    """Two balls with a common vertex, and with a common edge, are two closed balls again."""
    a, b = ball(1), ball(1, 1.0, (5, 0, 0))
    vertices, faces = together(a, b)
    first, second = faces[0], faces[len(faces) // 2 + 7]
    for common in (1, 2):
        joined = faces.astype(np.int64)
        for mine, theirs in zip(first[:common], second[[1, 0]][:common], strict=True):
            joined[joined == theirs] = mine
        apart = separate(vertices.astype(np.float64), joined)
        assert_closed(*apart)
        assert len(apart[0]) == len(vertices)
        assert common == 2 or len(np.unique(pieces(apart[1], len(apart[0])))) == 2
        assert np.abs(apart[0]).max() < 7


def test_an_edge_that_two_pairs_of_faces_share_is_cut() -> None:
    """Two far edges of a ball become one. However its faces are paired, the surface ends closed; if they are paired
    crosswise, both ends hang together and only the edge itself can be cut."""
    vertices, faces = ball(2)
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    (a, b), far = mesh.edges[0], mesh.vertices[:, 0].argmax()
    d, c = next(edge for edge in mesh.edges if far in edge and not {*mesh.vertex_neighbors[a]} & {*edge})
    joined = faces.astype(np.int64)
    joined[joined == c], joined[joined == d] = a, b
    cut = 0
    for seed in range(8):
        order = np.random.default_rng(seed).permutation(len(joined))
        apart = separate(vertices.astype(np.float64), joined[order])
        assert_closed(*apart)
        cut += len(apart[1]) > len(faces)
    assert cut


def test_vertices_that_no_face_has_are_left_out() -> None:
    vertices, faces = used(np.arange(15, dtype=np.float32).reshape(5, 3), np.array([[4, 1, 3]], np.int32))
    np.testing.assert_array_equal(vertices[:, 0], [3, 9, 12])
    np.testing.assert_array_equal(faces, [[2, 0, 1]])
