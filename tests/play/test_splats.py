"""Splats: the fields of the file, how its numbers are encoded, and that what it shows is the film's picture."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.config import RenderConfig
from dymap.errors import InputError
from dymap.field.frame import Frame
from dymap.geometry.camera import Camera, look_at
from dymap.play import splats as module
from dymap.play.mesh import Mesh, Points, area_of, extract_mesh, vertex_normals
from dymap.play.mesh_file import write_splats
from dymap.play.splats import spread_splats, turned_to
from dymap.render.renderer import make_renderer
from tests.disks import files_of_at_most
from tests.render.scenes import BOX, Analytic

Array = NDArray[np.float64]
SPACING = 0.03


@dataclasses.dataclass(frozen=True)
class Splats:
    """What a program for splats makes of a file. covariances: [N, 3, 3] metres^2; colours [N, 3] and opacities in
    [0, 1]."""

    centres: Array
    covariances: Array
    colours: Array
    opacities: Array
    normals: Array


def read(path: Path) -> Splats:
    """As the published viewer decodes: exponential of scales, sigmoid of opacities, quaternions w, x, y, z."""
    head, _, body = path.read_bytes().partition(b"end_header\n")
    lines = head.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    names = [line.split()[2] for line in lines if line.startswith("property float ")]
    assert names == [
        "x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "opacity",
        "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3",
    ]  # fmt: skip
    assert lines[2:] == [f"element vertex {len(body) // 68}", *(f"property float {name}" for name in names)]
    data = np.frombuffer(body, "<f4").reshape(-1, 17).astype(np.float64)
    q = data[:, 13:17]
    np.testing.assert_allclose(np.linalg.norm(q, axis=1), 1, atol=1e-6)
    w, x, y, z = q.T
    R = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    ).transpose(2, 0, 1)
    axes = R * np.exp(data[:, None, 10:13])
    colours = 0.5 + 0.28209479177387814 * data[:, 6:9]
    return Splats(data[:, :3], axes @ axes.transpose(0, 2, 1), colours, 1 / (1 + np.exp(-data[:, 9])), data[:, 3:6])


def rasterise(splats: Splats, camera: Camera) -> tuple[Array, Array]:
    """[H, W, 3] over black and [H, W] opacity: Gaussians from front to back, projected along their tangent plane
    (Zwicker et al. 2001), widened by 0.3 pixels^2 as the published rasteriser does."""
    rgb, light = np.zeros((camera.height, camera.width, 3)), np.ones((camera.height, camera.width))
    seen = splats.centres @ camera.R.T + camera.T
    pixels, _ = camera.project(splats.centres)
    fx, fy = camera.K[0, 0], camera.K[1, 1]
    for n in np.argsort(seen[:, 2]):
        x, y, z = seen[n]
        J = np.array([[fx / z, 0, -fx * x / z**2], [0, fy / z, -fy * y / z**2]]) @ camera.R
        covariance = J @ splats.covariances[n] @ J.T + 0.3 * np.eye(2)
        u, v = pixels[n]
        reach = 3 * math.sqrt(covariance.trace())
        left, right = (int(np.clip(u + side * reach, 0, camera.width)) for side in (-1, 1))
        top, bottom = (int(np.clip(v + side * reach, 0, camera.height)) for side in (-1, 1))
        across = np.stack(np.meshgrid(np.arange(left, right + 1), np.arange(top, bottom + 1)), -1) - (u, v)
        alpha = splats.opacities[n] * np.exp(
            -0.5 * np.einsum("hwi,ij,hwj->hw", across, np.linalg.inv(covariance), across)
        )
        part = np.s_[top : bottom + 1, left : right + 1]
        alpha = alpha[: light[part].shape[0], : light[part].shape[1]]
        rgb[part] += (light[part] * alpha)[..., None] * splats.colours[n]
        light[part] *= 1 - alpha
    return rgb, 1 - light


def stripes(p: Tensor) -> Tensor:
    """[N, 3] colours in [0, 1] that change along all axes."""
    return 0.5 + 0.4 * torch.sin(p * p.new_tensor([9.0, 7.0, 8.0]) + p.roll(1, dims=-1) * 3)


@pytest.fixture(scope="module")
def frame() -> Frame:
    """A dense egg, in stripes."""
    axes = torch.tensor([1.0, 1.4, 0.8])
    return Analytic(lambda p: 30000 * (0.36 - (p * axes).square().sum(-1)), stripes, BOX.float())


@pytest.fixture(scope="module")
def surface(frame: Frame) -> Mesh:
    return extract_mesh(frame, voxel=SPACING)


@pytest.fixture(scope="module")
def points() -> Points:
    """Normals all around, both poles among them; black, white and all between."""
    normals = np.concatenate([np.eye(3), -np.eye(3), np.random.default_rng(0).normal(size=(250, 3))])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    colours = np.tile(np.arange(256, dtype=np.uint8)[:, None], 3)
    return Points((normals * 2 + (1, 2, 3)).astype(np.float32), colours, normals.astype(np.float32))


def test_the_file_says_what_the_points_are(points: Points, tmp_path: Path) -> None:
    splats = read(write_splats(tmp_path / "new" / "a.ply", points, 0.01))
    np.testing.assert_array_equal(splats.centres, points.positions)
    np.testing.assert_array_equal(splats.normals, points.normals)
    np.testing.assert_array_equal(np.rint(255 * splats.colours), points.colours)
    np.testing.assert_allclose(splats.opacities, 0.95, atol=1e-6)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.ply"]


def test_splats_are_flat_along_their_normals(points: Points, tmp_path: Path) -> None:
    """Of the ellipsoid's axes the shortest is the normal, and the other two are alike."""
    splats = read(write_splats(tmp_path / "a.ply", points, 0.01))
    lengths, axes = np.linalg.eigh(splats.covariances)
    np.testing.assert_allclose(np.sqrt(lengths), np.tile([0.001, 0.0075, 0.0075], (256, 1)), rtol=1e-4)
    np.testing.assert_allclose(np.abs(np.einsum("ni,ni->n", axes[:, :, 0], points.normals)), 1, atol=1e-6)


def test_quaternions_turn_z_to_the_normal(points: Points) -> None:
    w, x, y, z = turned_to(points.normals).T
    turned = np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], axis=1)
    np.testing.assert_allclose(turned, points.normals, atol=1e-6)


def test_one_splat_a_voxel_of_area_or_as_many_as_asked_for(surface: Mesh) -> None:
    discs, spacing = spread_splats(surface, SPACING)
    assert len(discs.positions) == round(area_of(surface) / SPACING**2)
    assert spacing == pytest.approx(SPACING, rel=0.001)
    discs, spacing = spread_splats(surface, SPACING, 500)
    assert len(discs.positions) == 500
    assert 500 * spacing**2 == pytest.approx(area_of(surface))


def test_what_cannot_be_spread(surface: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="--points 0"):
        spread_splats(surface, SPACING, 0)
    monkeypatch.setattr(module, "MAX_SAMPLES", 100)
    with pytest.raises(InputError, match=r"splats are too many, 100 at most are possible; take a larger --voxel"):
        spread_splats(surface, SPACING)


def test_the_area_of_a_mesh() -> None:
    vertices = np.array([[0, 0, 0], [2, 0, 0], [0, 0, 3]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 1]], np.int32)
    assert area_of(Mesh(vertices, faces, np.zeros((3, 3), np.uint8), vertex_normals(vertices, faces))) == 6


def test_splats_look_like_the_film(frame: Frame, surface: Mesh, tmp_path: Path) -> None:
    R, T = look_at((2.5, -1.5, 1.8), (0, 0, 0.1))
    camera = Camera(np.array([[120.0, 0, 40], [0, 120, 32], [0, 0, 1]]), R, T, 80, 64)
    film = make_renderer("volume", frame, None, RenderConfig(samples=256)).render(camera)
    rgb, acc = rasterise(read(write_splats(tmp_path / "a.ply", *spread_splats(surface, SPACING))), camera)
    person = film.acc.numpy() > 0.5
    inner = cv2.erode(person.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    outer = cv2.dilate(person.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert inner.mean() > 0.1
    assert acc[inner].min() > 0.9, "no holes"
    assert acc[~outer].mean() < 0.001, "nothing beside it, but for the width of a splat"
    error = ((rgb - film.rgb.numpy()) ** 2)[inner].mean()
    assert -10 * math.log10(error) > 23
    assert film.rgb.numpy()[inner].std(axis=0).min() > 0.1, "there is something to see"


def test_full_disk_leaves_what_was_there(points: Points, tmp_path: Path) -> None:
    path = tmp_path / "a.ply"
    path.write_text("before")
    with files_of_at_most(100), pytest.raises(InputError, match=r"a.ply: cannot be written"):
        write_splats(path, points, 0.01)
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
