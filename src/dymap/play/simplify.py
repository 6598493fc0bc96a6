"""Fewer triangles: the pieces of a surface that are kept, and quadric decimation that leaves it closed.

pieces -> quadric decimation -> no face twice -> no edge and no vertex where sheets touch
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dymap.errors import InputError

Vertices = NDArray[np.float32]
Faces = NDArray[np.int32]

APART = 0.02
"""Sheets that touched are pulled back from each other by this share of the way to their own neighbours."""


def simplify(vertices: Vertices, faces: Faces, target: float) -> tuple[Vertices, Faces]:
    """Quadric decimation (Garland and Heckbert 1997) of a closed surface to about `target` faces; it stays closed.

    vertices: [V, 3]; faces: [F, 3], every edge between two of them. target: a number of faces from 4, or below 1 a
    share of them. What has so few faces already is left as it is. Every edge of the result lies between two faces.

    Raises InputError for a target that cannot be, for one that leaves nothing, and without fast-simplification.
    """
    check_target(target)
    wanted = round(target * len(faces)) if target < 1 else int(target)
    if wanted >= len(faces):
        return vertices, faces
    try:
        import fast_simplification
    except ModuleNotFoundError:
        raise InputError(
            "--simplify: surfaces are simplified by fast-simplification; install it with: pip install 'dymap[mesh]'"
        ) from None
    moved, left = fast_simplification.simplify(vertices.astype(np.float64), faces, target_count=max(wanted, 4))
    vertices, faces = separate(moved, without_opposites(left.astype(np.int64)))
    if not len(faces):
        raise InputError(f"--simplify {target:g}: so few faces leave nothing of the surface; take more")
    return vertices, faces


def check_target(target: float) -> None:
    """Raise InputError for what is neither a share nor a number of faces."""
    if not (0 < target < 1 or (4 <= target < math.inf and target == int(target))):
        raise InputError(
            f"--simplify {target:g}: expected a number of faces from 4, such as 20000, or a share below 1, such as 0.1"
        )


def keep_pieces(vertices: Vertices, faces: Faces, share: float) -> tuple[Vertices, Faces]:
    """The pieces of a surface whose area is at least `share` of the largest piece's; 1: the largest only.

    vertices: [V, 3]; faces: [F, 3]. Raises InputError for a share outside [0, 1].
    """
    check_share(share)
    piece = pieces(faces, len(vertices))[faces[:, 0]]  # [F]
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    area = np.bincount(piece, np.linalg.norm(np.cross(b - a, c - a), axis=1))
    kept = np.arange(len(area)) == area.argmax() if share == 1 else area >= share * area.max()
    return used(vertices, faces[kept[piece]])


def check_share(share: float) -> None:
    """Raise InputError for what is no share."""
    if not 0 <= share <= 1:
        raise InputError(f"--min-piece {share:g}: expected a share of the largest piece's area, from 0 to 1")


def pieces(faces: Faces, count: int) -> NDArray[np.int32]:
    """[count] the piece of each vertex: those that faces [F, 3] connect have the same number."""
    ends = np.concatenate([faces[:, :2], faces[:, 1:]]).T
    graph = coo_array((np.ones(ends.shape[1], bool), (ends[0], ends[1])), shape=(count, count))
    label: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return label


def used(vertices: Vertices, faces: Faces) -> tuple[Vertices, Faces]:
    """Without the vertices that no face has."""
    names, new = np.unique(faces, return_inverse=True)
    return vertices[names], new.reshape(-1, 3).astype(np.int32)


def without_opposites(faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Without pairs of faces on the same three vertices that look opposite ways: what is left of a thin spot."""
    first = faces.argmin(axis=1)[:, None]
    turned = np.take_along_axis(faces, (first + np.arange(3)) % 3, axis=1)  # the smallest corner first
    forward = turned[:, 1] < turned[:, 2]
    names, which = np.unique(np.sort(faces, axis=1), axis=0, return_inverse=True)
    surplus = np.bincount(which.reshape(-1), np.where(forward, 1, -1), minlength=len(names))
    kept = np.zeros(len(faces), bool)
    for side, sign in ((forward, 1), (~forward, -1)):
        (rows,) = np.nonzero(side)
        owners = which.reshape(-1)[rows]
        order = np.argsort(owners, kind="stable")
        rank = np.arange(len(owners)) - np.searchsorted(owners[order], owners[order])
        kept[rows[order[rank < sign * surplus[owners[order]]]]] = True
    return faces[kept]


def separate(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> tuple[Vertices, Faces]:
    """A surface whose sheets touch along edges or at vertices, with the sheets apart: every edge lies in two faces.

    vertices: [V, 3]; faces: [F, 3], in which every edge is as often there as back. Collapsing an edge can bring two
    sheets together (its link condition is not looked at): faces are paired along every edge, a vertex is made for every
    fan of faces that hang together around it, and an edge that two pairs still share is cut in the middle.
    """
    there, back = paired(faces, len(vertices))
    count = 3 * len(faces)  # corners: 3 * face + k
    after = 3 * (np.arange(count) // 3) + (np.arange(count) + 1) % 3
    ends = np.stack([np.concatenate([there, after[there]]), np.concatenate([after[back], back])])
    graph = coo_array((np.ones(ends.shape[1], bool), (ends[0], ends[1])), shape=(count, count))
    fans, fan = connected_components(graph, directed=False)
    places = np.empty((fans, 3))
    places[fan] = vertices[faces.reshape(-1)]
    new = fan.reshape(-1, 3).astype(np.int64)
    owner = np.empty(fans, np.int64)
    owner[fan] = faces.reshape(-1)
    split = np.bincount(owner, minlength=len(vertices))[owner] > 1  # [fans]
    around = np.stack([np.bincount(fan, places[new[:, [1, 2, 0]]].reshape(-1, 3)[:, k], fans) for k in range(3)], 1)
    middle = around / np.bincount(fan, minlength=fans)[:, None]
    places[split] += APART * (middle - places)[split]
    places, new = cut_shared_edges(places, new, there, back)
    return places.astype(np.float32), new.astype(np.int32)


def paired(faces: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """[E] and [E]: the corners 3 * face + k where half-edges begin, from the lower vertex and against it, in pairs."""
    begin, end = faces.reshape(-1), faces[:, [1, 2, 0]].reshape(-1)
    up = begin < end
    there, back = np.nonzero(up)[0], np.nonzero(~up)[0]
    there = there[np.argsort(begin[there] * count + end[there], kind="stable")]
    back = back[np.argsort(end[back] * count + begin[back], kind="stable")]
    return there, back


def cut_shared_edges(
    places: NDArray[np.float64], faces: NDArray[np.int64], there: NDArray[np.int64], back: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """With a vertex in the middle of every edge that more than one pair of faces shares, for each pair its own.

    there, back: [E] the pairs, as `paired` gives them. There are a handful of such edges at most.
    """
    begin, end = faces.reshape(-1)[there], faces[:, [1, 2, 0]].reshape(-1)[there]
    low, high = np.minimum(begin, end), np.maximum(begin, end)
    _, which, often = np.unique(low * len(places) + high, return_inverse=True, return_counts=True)
    (shared,) = np.nonzero(often[which] > 1)
    if not len(shared):
        return places, faces
    across = faces[:, [2, 0, 1]].reshape(-1)  # the vertex that a half-edge looks at
    ends, sides = (places[a[shared]] + places[b[shared]] for a, b in ((begin, end), (across[there], across[back])))
    centres = (1 - APART) / 2 * ends + APART / 2 * sides
    names = len(places) + np.arange(len(shared))
    middles = dict(zip([*there[shared], *back[shared]], [*names, *names], strict=True))
    opened = sorted({corner // 3 for corner in middles})
    parts = [part for face in opened for part in fan_of(faces[face], [middles.get(3 * face + k) for k in range(3)])]
    kept = np.delete(faces, opened, axis=0)
    return np.concatenate([places, centres]), np.concatenate([kept, np.array(parts, np.int64)])


def fan_of(face: NDArray[np.int64], middles: list[int | None]) -> list[tuple[int, int, int]]:
    """The triangles of a face of which some sides have a vertex in their middle, all of them at one such vertex."""
    outline = [vertex for k in range(3) for vertex in (int(face[k]), middles[k]) if vertex is not None]
    start = next(place for place, vertex in enumerate(outline) if vertex in middles)
    outline = outline[start:] + outline[:start]
    return [(outline[0], outline[k], outline[k + 1]) for k in range(1, len(outline) - 1)]
