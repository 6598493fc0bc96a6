"""The built-in sample: exact shapes, a closed loop, and the layout on disk."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from dymap.capture.labels import label_colours
from dymap.errors import InputError
from dymap.geometry.camera import Camera
from dymap.sample import render_view, sample_cameras, surface_points, write_sample
from dymap.sample.dance import FOREARM, UPPER_ARM, dance
from dymap.sample.figure import dancer
from dymap.sample.render import part_windows, sample_rays, trace
from dymap.sample.shapes import Ball, Box, Cut, Ring, RoundCone, Shape
from tests.disks import files_of_at_most

SHAPES: dict[str, Shape] = {
    "ball": Ball(),
    "capsule": RoundCone(1.0, 0.5, 0.5),
    "round cone": RoundCone(1.0, 0.7, 0.2),
    "round cone, wide end far": RoundCone(0.6, 0.2, 0.7),
    "box": Box((0.3, 0.8, 0.5)),
    "ring": Ring(0.8, 0.15),
    "cut round cone": Cut(RoundCone(1.0, 0.5, 0.4), ((0.0, 0.0, 1.0, 0.8), (0.6, 0.0, 0.8, 0.7))),
}


def distance(shape: Shape, p: np.ndarray) -> np.ndarray:
    """[N] a function of points [3, N] that is negative inside and has the surface's normal as gradient."""
    if isinstance(shape, Ball):
        return np.linalg.norm(p, axis=0) - 1
    if isinstance(shape, RoundCone):  # brute force: the union of many spheres
        s = np.linspace(0, 1, 2001)[:, None]
        radius = shape.start + (shape.end - shape.start) * s
        return (np.sqrt(p[0] ** 2 + p[1] ** 2 + (p[2] - s * shape.length) ** 2) - radius).min(axis=0)
    if isinstance(shape, Box):
        return (np.abs(p) - np.array(shape.half)[:, None]).max(axis=0)
    if isinstance(shape, Ring):
        return shape.distance(p)
    assert isinstance(shape, Cut)
    planes = [np.array(n) @ p - d for *n, d in shape.planes]
    return np.max([distance(shape.shape, p), *planes], axis=0)


def rays(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Origins outside every shape and directions towards its neighbourhood, [3, N]."""
    rng = np.random.default_rng(7)
    origin = rng.normal(size=(3, count))
    origin *= 4 / np.linalg.norm(origin, axis=0)
    target = rng.uniform([[-0.9], [-0.9], [-0.6]], [[0.9], [0.9], [1.2]], size=(3, count))
    return origin, (target - origin) * rng.uniform(0.3, 1.5, size=count)


@pytest.mark.parametrize("name", SHAPES)
def test_hits_are_the_first_points_of_the_surface(name: str) -> None:
    shape = SHAPES[name]
    origin, direction = rays()
    near, far = shape.hit(origin, direction)
    hit = np.isfinite(near)
    assert 0.1 < hit.mean() < 0.95
    point = origin[:, hit] + near[hit] * direction[:, hit]
    np.testing.assert_allclose(distance(shape, point), 0, atol=2e-5)

    few = slice(60)
    origin, direction, near, far, hit = origin[:, few], direction[:, few], near[few], far[few], hit[few]
    steps = np.linspace(0, 8, 100)
    path = origin[:, :, None] + direction[:, :, None] * steps
    inside = distance(shape, path.reshape(3, -1)).reshape(len(near), -1) < -2e-3
    assert not inside[~hit].any()
    assert not (inside & (steps < near[:, None] - 1e-4)).any()
    if not isinstance(shape, Ring):
        leave = origin[:, hit] + far[hit] * direction[:, hit]
        np.testing.assert_allclose(distance(shape, leave), 0, atol=2e-5)
        assert not (inside & (steps > far[:, None] + 1e-4)).any()


@pytest.mark.parametrize("name", SHAPES)
def test_normals_are_the_gradient_of_the_distance(name: str) -> None:
    shape = SHAPES[name]
    origin, direction = rays()
    near, _ = shape.hit(origin, direction)
    hit = np.isfinite(near)
    point = origin[:, hit] + near[hit] * direction[:, hit]
    normal = shape.normal(point)
    step = 1e-4 * np.eye(3)[:, :, None]
    slope = np.stack([distance(shape, point + d) - distance(shape, point - d) for d in step])
    slope /= np.linalg.norm(slope, axis=0)
    np.testing.assert_allclose(np.linalg.norm(normal, axis=0), 1, atol=1e-6)
    cosine = (normal * slope).sum(axis=0)
    assert np.quantile(cosine, 0.03) > 0.999  # all but the few whose differences straddle an edge


@pytest.mark.parametrize("name", SHAPES)
def test_surface_points_lie_on_the_surface_and_reach_its_bounds(name: str) -> None:
    shape = SHAPES[name]
    points = shape.surface(2000)
    value = distance(shape, points)
    np.testing.assert_allclose(value, 0, atol=2e-5)
    low, high = shape.bounds()
    assert (points >= low[:, None] - 1e-9).all()
    assert (points <= high[:, None] + 1e-9).all()
    if not isinstance(shape, Cut):
        np.testing.assert_allclose(points.min(axis=1), low, atol=0.02)
        np.testing.assert_allclose(points.max(axis=1), high, atol=0.02)


def test_a_round_cone_needs_two_ends() -> None:
    with pytest.raises(ValueError, match="swallows"):
        RoundCone(0.1, 0.3, 0.1)


def test_the_dance_closes_and_keeps_its_bones() -> None:
    assert np.allclose(surface_points(0.0), surface_points(1.0), atol=1e-6)
    assert np.abs(surface_points(0.0) - surface_points(0.25)).max() > 0.2
    for phase in np.linspace(0, 1, 24, endpoint=False):
        pose = dance(phase)
        for arm in pose.arms:
            assert np.linalg.norm(arm.elbow - arm.shoulder) == pytest.approx(UPPER_ARM)
            assert np.linalg.norm(arm.wrist - arm.elbow) == pytest.approx(FOREARM)
        for frame in (pose.pelvis, pose.waist, pose.chest, pose.head, pose.hoop):
            np.testing.assert_allclose(frame.axes @ frame.axes.T, np.eye(3), atol=1e-9)
            assert np.linalg.det(frame.axes) == pytest.approx(1)


def test_every_camera_sees_the_whole_figure() -> None:
    points = np.concatenate([surface_points(frame / 12, 60) for frame in range(12)])
    assert points[:, 2].min() > -0.01
    for camera in sample_cameras(16, 512):
        pixels, depth = camera.project(points)
        assert depth.min() > 1
        assert pixels.min() > 0.03 * 512
        assert pixels.max() < 0.97 * 512


def test_traced_depth_is_that_of_the_surface_points() -> None:
    """Points of the surface project onto pixels whose traced depth is theirs, or less where they are hidden."""
    camera = sample_cameras(4, 128)[1]
    parts = tuple(dancer(0.3))
    rays = sample_rays(camera, slice(0, 128), slice(0, 128))
    depth, _ = trace(parts, camera, rays, part_windows(parts, camera))
    pixels, z = camera.project(surface_points(0.3))
    column, row = np.round(pixels).astype(int).T
    front, back = depth[:, row, column].min(axis=0), depth[:, row, column].max(axis=0)
    assert (front < z + 0.03).mean() > 0.97
    assert ((front < z + 0.02) & (z - 0.02 < back)).mean() > 0.3


def test_a_view_is_repeatable_periodic_and_its_mask_fits_the_vertices() -> None:
    camera = sample_cameras(16, 96)[3]
    rgb, labels = render_view(camera, 0.4)
    again, _ = render_view(camera, 0.4)
    assert rgb.shape == (96, 96, 3)
    assert rgb.dtype == labels.dtype == np.uint8
    np.testing.assert_array_equal(rgb, again)
    next_loop, _ = render_view(camera, 1.4)
    assert np.abs(rgb.astype(int) - next_loop).max() <= 4

    pixels, _ = camera.project(surface_points(0.4))
    row, column = np.nonzero(labels)
    np.testing.assert_allclose([column.min(), row.min()], pixels.min(axis=0), atol=1.5)
    np.testing.assert_allclose([column.max(), row.max()], pixels.max(axis=0), atol=1.5)
    splat = np.zeros((96, 96), np.uint8)
    for x, y in np.round(pixels).astype(int):
        splat[y, x] = 1
    splat = cv2.morphologyEx(splat, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    both = (splat > 0) & (labels > 0)
    assert both.sum() / ((splat > 0) | (labels > 0)).sum() > 0.8
    assert {2, 5, 9, 13} <= set(np.unique(labels))


def test_a_camera_that_looks_away_sees_the_studio_only() -> None:
    camera = sample_cameras(4, 32)[0]
    away = Camera(camera.K, np.diag([-1.0, 1.0, -1.0]) @ camera.R, np.diag([-1.0, 1.0, -1.0]) @ camera.T, 32, 32)
    rgb, labels = render_view(away, 0.0)
    assert not labels.any()
    assert rgb.std() < 60


def test_distorted_cameras_are_refused() -> None:
    camera = sample_cameras(1, 32)[0]
    with pytest.raises(ValueError, match="distortion"):
        render_view(Camera(camera.K, camera.R, camera.T, 32, 32, D=np.array([0.1, 0, 0, 0, 0])), 0.0)


def test_the_layout_on_disk(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    root = write_sample(
        tmp_path / "sample", frames=2, views=3, size=48, progress=lambda done, total: calls.append((done, total))
    )
    assert calls == [(done, 6) for done in range(1, 7)]
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]

    annots = np.load(root / "annots.npy", allow_pickle=True).item()
    cameras = sample_cameras(3, 48)
    for view, camera in enumerate(cameras):
        cams = {key: np.array(value[view]) for key, value in annots["cams"].items()}
        assert cams["D"].shape == (5, 1)
        assert cams["T"].shape == (3, 1)
        read = Camera(cams["K"], cams["R"], cams["T"] / 1000, 48, 48)
        np.testing.assert_allclose(read.position, camera.position, atol=1e-9)
    assert len(annots["ims"]) == 2
    assert annots["ims"][1]["ims"] == [f"images/{view:02d}/000001.jpg" for view in range(3)]

    rgb, labels = render_view(cameras[2], 0.5)
    image = cv2.imread(str(root / annots["ims"][1]["ims"][2]))[..., ::-1]
    assert np.abs(image.astype(int) - rgb).mean() < 4
    mask = cv2.imread(str(root / "schp/02/000001.png"))[..., ::-1]
    np.testing.assert_array_equal(mask, label_colours()[labels])
    vertices = np.load(root / "vertices/000001.npy")
    assert vertices.dtype == np.float32
    np.testing.assert_array_equal(vertices, surface_points(0.5))
    assert json.loads((root / "sample.json").read_text())["frames"] == 2


def test_writing_again_does_nothing_and_anything_else_is_refused(tmp_path: Path) -> None:
    root = write_sample(tmp_path / "sample", frames=1, views=1, size=16)
    written = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert write_sample(root, frames=1, views=1, size=16) == root
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == written
    with pytest.raises(FileExistsError, match="other parameters"):
        write_sample(root, frames=1, views=2, size=16)

    other = tmp_path / "holiday"
    other.mkdir()
    (other / "beach.jpg").write_bytes(b"sun")
    with pytest.raises(FileExistsError, match="not a dymap sample"):
        write_sample(other, frames=1, views=1, size=16)
    assert (other / "beach.jpg").read_bytes() == b"sun"


def test_an_interrupted_sample_leaves_no_folder_and_is_written_afresh(tmp_path: Path) -> None:
    def stop(*_: int) -> None:
        raise KeyboardInterrupt

    root = tmp_path / "sample"
    with pytest.raises(KeyboardInterrupt):
        write_sample(root, frames=1, views=2, size=16, progress=stop)
    assert not list(tmp_path.iterdir())
    assert write_sample(root, frames=1, views=2, size=16) == root
    assert list(tmp_path.iterdir()) == [root]


def test_senseless_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frames"):
        write_sample(tmp_path / "sample", frames=0)


def test_a_full_disk_is_told_and_leaves_no_sample(tmp_path: Path) -> None:
    with files_of_at_most(300), pytest.raises(InputError, match="the sample cannot be written"):
        write_sample(tmp_path / "sample", frames=1, size=32)
    assert list(tmp_path.iterdir()) == []
