"""COLMAP models: text and binary, the models of lenses, where the pictures lie, and what is refused."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dymap.capture import open_capture, read_source
from dymap.capture.calibrations import read_calibration
from dymap.capture.calibrations.colmap import read_colmap
from dymap.capture.calibrations.colmap_files import MODELS
from dymap.capture.layouts import scores
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.geometry.camera import Camera
from tests.capture.clips import number_of, numbered_clip
from tests.capture.layouts_alike import assert_same_cameras, assert_same_pictures, golden_cameras, write_pictures
from tests.captures import VIEWS, write_rgb
from tests.golden.sources import Arrays, Golden

PICTURE = "images/{view:02d}/{frame:06d}.png"
IDS = {model.name: number for number, model in MODELS.items()}


@pytest.fixture(scope="module")
def dataset(trimmed: Golden) -> Arrays:
    return trimmed.arrays("dataset")


def parameters(camera: Camera, model: str = "OPENCV") -> list[float]:
    """As COLMAP counts: from the picture's corner."""
    K, D = camera.K, camera.D
    values = [K[0, 0], K[1, 1], K[0, 2] + 0.5, K[1, 2] + 0.5]
    return values if model == "PINHOLE" else [*values, *D[:4]]


def quaternion(R: np.ndarray) -> list[float]:
    x, y, z, w = Rotation.from_matrix(R).as_quat()
    return [w, x, y, z]


def write_text(folder: Path, cameras: Sequence[Camera], names: Sequence[str], model: str = "OPENCV") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lenses, images = ["# Camera list"], ["# Image list with two lines of data per image:"]
    for number, (camera, name) in enumerate(zip(cameras, names, strict=True), 1):
        values = " ".join(repr(float(value)) for value in parameters(camera, model))
        lenses.append(f"{number} {model} {camera.width} {camera.height} {values}")
        pose = " ".join(repr(float(value)) for value in (*quaternion(camera.R), *camera.T))
        images += [f"{number} {pose} {number} {name}", "1.0 2.0 -1 3.5 4.5 17" if number % 2 else ""]
    (folder / "cameras.txt").write_text("\n".join(lenses) + "\n")
    (folder / "images.txt").write_text("\n".join(images) + "\n")


def write_binary(folder: Path, cameras: Sequence[Camera], names: Sequence[str], model: str = "OPENCV") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lenses = images = struct.pack("<Q", len(cameras))
    for number, (camera, name) in enumerate(zip(cameras, names, strict=True), 1):
        values = parameters(camera, model)
        lenses += struct.pack("<IiQQ", number, IDS[model], camera.width, camera.height)
        lenses += struct.pack(f"<{len(values)}d", *values)
        images += struct.pack("<I7dI", number, *quaternion(camera.R), *camera.T, number) + name.encode() + b"\0"
        images += struct.pack("<Q", number % 3) + struct.pack("<ddq", 1, 2, -1) * (number % 3)
    (folder / "cameras.bin").write_bytes(lenses)
    (folder / "images.bin").write_bytes(images)


def read(root: Path, **options: Any) -> Any:
    return read_source(root, CaptureConfig(options=options))


def first_pictures(names: str = "{view:02d}/000000.png") -> list[str]:
    return [names.format(view=view) for view in range(VIEWS)]


@pytest.mark.parametrize("write", [write_text, write_binary])
@pytest.mark.parametrize("place", ["sparse/0", "sparse", "colmap/sparse/0", ""])
def test_a_model_and_folders_of_images_are_the_same_capture(
    dataset: Arrays, tmp_path: Path, write: Any, place: str
) -> None:
    write_pictures(tmp_path, dataset, PICTURE, PICTURE.replace("images", "masks"))
    write(tmp_path / place, golden_cameras(dataset), first_pictures())
    source = read(tmp_path)
    assert source.layout == "colmap"
    assert source.frames == (0, 1, 2, 3)
    assert [camera.name for camera in source.cameras] == ["00", "01", "02", "03", "04"]
    assert source.has_masks
    assert_same_cameras(source, golden_cameras(dataset))
    assert_same_pictures(source, dataset)


def test_a_folder_a_frame_is_the_same_capture(dataset: Arrays, tmp_path: Path) -> None:
    write_pictures(tmp_path, dataset, "frames/{frame:06d}/cam{view}.png", "masks/{frame:06d}/cam{view}.png")
    for names in ("cam{view}.png", "000002/cam{view}.png"):
        write_binary(tmp_path / "sparse/0", golden_cameras(dataset), first_pictures(names))
        source = read(tmp_path)
        assert [camera.name for camera in source.cameras] == [f"cam{view}" for view in range(VIEWS)]
        assert_same_cameras(source, golden_cameras(dataset))
        assert_same_pictures(source, dataset)


def test_one_moment_is_a_capture_too(dataset: Arrays, tmp_path: Path) -> None:
    write_pictures(tmp_path, dataset, "images/cam{view}.png")
    write_text(tmp_path / "sparse/0", golden_cameras(dataset), first_pictures("cam{view}.png"))
    source = read(tmp_path)
    assert source.frames == (0,)
    np.testing.assert_array_equal(source.read(0, 4)[0], dataset["cap_images"][-1, 4])


def test_videos_are_read_where_they_lie(dataset: Arrays, tmp_path: Path) -> None:
    cameras = [replace(camera, width=64, height=48) for camera in golden_cameras(dataset)[:2]]
    (tmp_path / "videos").mkdir()
    for view in range(2):
        numbered_clip(tmp_path / f"videos/cam{view}.mp4", 6)
        write_rgb(tmp_path / f"images/cam{view}.png", np.zeros((48, 64, 3), np.uint8))
    write_binary(tmp_path / "sparse/0", cameras, ["cam0.png", "cam1.png"])
    source = read(tmp_path)
    assert source.frames == (0, 1, 2, 3, 4, 5)
    assert number_of(source.read(4, 1)[0]) == 4


def test_pictures_that_a_camera_lacks_are_holes(dataset: Arrays, tmp_path: Path) -> None:
    write_pictures(tmp_path, dataset, PICTURE)
    (tmp_path / PICTURE.format(view=3, frame=1)).unlink()
    (tmp_path / "images/03/Thumbs.db").write_bytes(b"")
    (tmp_path / "images/03/.hidden.png").write_bytes(b"")
    write_text(tmp_path / "sparse/0", golden_cameras(dataset), first_pictures())
    source = read(tmp_path)
    assert not source.present(1, 3)
    assert source.present(2, 3)


def test_several_images_of_one_pose_are_one_camera(dataset: Arrays, tmp_path: Path) -> None:
    write_pictures(tmp_path, dataset, PICTURE)
    cameras = golden_cameras(dataset) * 2
    names = [*first_pictures(), *first_pictures("{view:02d}/000001.png")]
    write_text(tmp_path / "sparse/0", cameras, names)
    assert_same_cameras(read(tmp_path), golden_cameras(dataset))
    cameras[5] = replace(cameras[5], T=cameras[5].T + np.array([0.3, 0, 0]))
    write_text(tmp_path / "sparse/0", cameras, names)
    with pytest.raises(InputError, match=r"have different poses \('00/000001.png' for one\); cameras must stand still"):
        read(tmp_path)


LENSES: dict[str, tuple[list[float], str, list[float]]] = {
    "SIMPLE_PINHOLE": ([90, 60.5, 40.5], "opencv", [0, 0, 0, 0, 0]),
    "PINHOLE": ([90, 91, 60.5, 40.5], "opencv", [0, 0, 0, 0, 0]),
    "SIMPLE_RADIAL": ([90, 60.5, 40.5, 0.1], "opencv", [0.1, 0, 0, 0, 0]),
    "RADIAL": ([90, 60.5, 40.5, 0.1, 0.2], "opencv", [0.1, 0.2, 0, 0, 0]),
    "OPENCV": ([90, 91, 60.5, 40.5, 0.1, 0.2, 0.3, 0.4], "opencv", [0.1, 0.2, 0.3, 0.4, 0]),
    "OPENCV_FISHEYE": ([90, 91, 60.5, 40.5, 0.1, 0.2, 0.3, 0.4], "fisheye", [0.1, 0.2, 0.3, 0.4]),
    "FULL_OPENCV": (
        [90, 91, 60.5, 40.5, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8],
        "opencv",
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8],
    ),
    "SIMPLE_RADIAL_FISHEYE": ([90, 60.5, 40.5, 0.1], "fisheye", [0.1, 0, 0, 0]),
    "RADIAL_FISHEYE": ([90, 60.5, 40.5, 0.1, 0.2], "fisheye", [0.1, 0.2, 0, 0]),
}


@pytest.mark.parametrize("model", LENSES)
def test_every_lens_of_opencv_is_known(tmp_path: Path, model: str) -> None:
    values, lens, D = LENSES[model]
    (tmp_path / "cameras.txt").write_text(f"7 {model} 120 80 {' '.join(map(str, values))}\n")
    (tmp_path / "images.txt").write_text("1 1 0 0 0 1 2 3 7 a picture.png\n\n")
    (camera,) = read_colmap(tmp_path, scale=2)
    binary = tmp_path / "binary"
    binary.mkdir()
    data = struct.pack("<QIiQQ", 1, 7, IDS[model], 120, 80) + struct.pack(f"<{len(values)}d", *values)
    (binary / "cameras.bin").write_bytes(data)
    pose = struct.pack("<QI7dI", 1, 1, 1, 0, 0, 0, 1, 2, 3, 7)
    (binary / "images.bin").write_bytes(pose + b"a picture.png\0" + struct.pack("<Q", 0))
    (same,) = read_colmap(binary, scale=2)
    for found in (camera, same):
        assert (found.name, found.lens, found.width, found.height) == ("a picture.png", lens, 120, 80)
        np.testing.assert_allclose(found.D, D)
        fy = values[1] if MODELS[IDS[model]].focal_lengths == 2 else 90
        np.testing.assert_allclose(found.K, [[90, 0, 60], [0, fy, 40], [0, 0, 1]])
        np.testing.assert_allclose(found.T, [2, 4, 6])


def test_pictures_of_another_size_scale_k_and_it_is_said(dataset: Arrays, tmp_path: Path) -> None:
    write_pictures(tmp_path, dataset, PICTURE)
    doubled = []
    for camera in golden_cameras(dataset):
        K = np.diag([2, 2, 1]) @ camera.K
        K[:2, 2] += 0.5
        doubled.append(replace(camera, K=K, width=256, height=192))
    write_text(tmp_path / "sparse/0", doubled, first_pictures())
    with pytest.warns(
        UserWarning, match="camera '00' and 4 others was calibrated at 256 x 192, .* K is scaled by 0.5"
    ) as told:
        source = read(tmp_path)
    assert len(told) == 1, "and not for every camera"
    assert_same_cameras(source, golden_cameras(dataset))
    write_text(tmp_path / "sparse/0", [replace(c, width=200) for c in doubled], first_pictures())
    with pytest.raises(
        InputError, match="was calibrated at 200 x 192, but its pictures are 128 x 96, of another shape"
    ):
        read(tmp_path)


def test_boxes_come_from_the_hull_of_the_masks(dataset: Arrays, tiny_root: Path, tmp_path: Path) -> None:
    write_pictures(tmp_path, dataset, PICTURE, PICTURE.replace("images", "masks"))
    write_binary(tmp_path / "sparse/0", golden_cameras(dataset), first_pictures())
    config = CaptureConfig(ratio=0.25, boxes="hull", frames=(0, 1, 1))
    found, expected = open_capture(tmp_path, replace(config, boxes="auto")), open_capture(tiny_root, config)
    assert found.config.boxes == "hull"
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-3)


def test_it_is_sure_of_folders_with_a_model_only(dataset: Arrays, tiny_root: Path, tmp_path: Path) -> None:
    assert scores(tiny_root)["colmap"] == 0
    write_text(tmp_path / "sparse/0", golden_cameras(dataset), first_pictures())
    assert scores(tmp_path)["colmap"] == 0.55
    (tmp_path / "sparse/0/images.txt").unlink()
    assert scores(tmp_path)["colmap"] == 0


@pytest.fixture
def binary(dataset: Arrays, tmp_path: Path) -> Path:
    write_binary(tmp_path / "sparse/0", golden_cameras(dataset), first_pictures())
    return tmp_path / "sparse/0"


def test_truncated_files_and_false_counts_are_refused(binary: Path) -> None:
    """At every length, and before any memory is taken for what the counts announce."""
    for name in ("cameras.bin", "images.bin"):
        data = (binary / name).read_bytes()
        for length in (0, 7, 8, 20, len(data) // 2, len(data) - 1):
            (binary / name).write_bytes(data[:length])
            with pytest.raises(InputError, match=rf"{name}: ends too early"):
                read_colmap(binary)
        (binary / name).write_bytes(b"\xff" * 8 + data[8:])
        with pytest.raises(InputError, match=r"18446744073709551615 entries are announced"):
            read_colmap(binary)
        (binary / name).write_bytes(data)
    images = bytearray((binary / "images.bin").read_bytes())
    place = images.index(b"000000.png\0") + 11
    images[place : place + 8] = b"\xff" * 8
    (binary / "images.bin").write_bytes(bytes(images))
    with pytest.raises(InputError, match="entries are announced"):
        read_colmap(binary)


def test_other_models_are_refused_by_name(binary: Path, tmp_path: Path) -> None:
    data = bytearray((binary / "cameras.bin").read_bytes())
    data[12:16] = struct.pack("<i", 10)
    (binary / "cameras.bin").write_bytes(bytes(data))
    with pytest.raises(InputError, match="camera 1 has the model THIN_PRISM_FISHEYE, which is none of SIMPLE_PINHOLE"):
        read_colmap(binary)
    data[12:16] = struct.pack("<i", 77)
    (binary / "cameras.bin").write_bytes(bytes(data))
    with pytest.raises(InputError, match="has the model number 77"):
        read_colmap(binary)
    (tmp_path / "cameras.txt").write_text("1 FOV 10 10 1 1 1 1 1\n")
    (tmp_path / "images.txt").write_text("1 1 0 0 0 0 0 0 1 a.png\n\n")
    with pytest.raises(InputError, match="has the model FOV"):
        read_colmap(tmp_path)


TEXTS: dict[str, tuple[str, str, str]] = {
    "words": ("1 PINHOLE ten 10 1 1 1 1", "", "cameras.txt: line 1 is not CAMERA_ID MODEL WIDTH HEIGHT"),
    "few": ("1 PINHOLE 10 10 1 1 1", "", "line 1: PINHOLE has 4 parameters, found 3"),
    "none": ("1 PINHOLE 10 10 1 1 1 1", "#", "no image is registered"),
    "short": ("1 PINHOLE 10 10 1 1 1 1", "1 1 0 0 0 0 0 0 1", "images.txt: line 1 is not IMAGE_ID QW"),
    "lacks": ("1 PINHOLE 10 10 1 1 1 1", "1 1 0 0 0 0 0 0 2 a", "image 'a' is of camera 2, which the model lacks"),
    "length": ("1 PINHOLE 10 10 1 1 1 1", "1 2 0 0 0 0 0 0 1 a", "image 'a': its quaternion has length 2, expected 1"),
    "nan": ("1 PINHOLE 10 10 1 1 1 1", "1 nan 0 0 0 0 0 0 1 a", "its quaternion has length nan"),
    "focal": ("1 PINHOLE 10 10 -1 1 1 1", "1 1 0 0 0 0 0 0 1 a", "focal lengths above 0"),
    "size": ("1 PINHOLE 0 10 1 1 1 1", "1 1 0 0 0 0 0 0 1 a", "pictures of 0 x 10"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_wrong_lines_are_named(tmp_path: Path, case: str) -> None:
    cameras, images, message = TEXTS[case]
    (tmp_path / "cameras.txt").write_text(cameras + "\n")
    (tmp_path / "images.txt").write_text(images + "\n\n")
    with pytest.raises(InputError, match=message):
        read_colmap(tmp_path)


def test_names_that_leave_the_folder_are_refused(dataset: Arrays, tmp_path: Path) -> None:
    write_text(tmp_path, golden_cameras(dataset), ["../a.png", "b.png", "c.png", "d.png", "e.png"])
    with pytest.raises(InputError, match=r"image path '\.\./a\.png' leaves the capture's folder"):
        read(tmp_path)


def test_missing_pictures_are_named(dataset: Arrays, tmp_path: Path) -> None:
    write_text(tmp_path / "sparse/0", golden_cameras(dataset), first_pictures())
    with pytest.raises(InputError, match=r"no pictures of the cameras '00', '01', '02', \.\.\.; looked for images/00/"):
        read(tmp_path)
    write_pictures(tmp_path, dataset, PICTURE)
    shutil.rmtree(tmp_path / "images/02")
    with pytest.raises(
        InputError, match="images/02: no such folder of pictures; every camera of the calibration needs one"
    ):
        read(tmp_path)
    shutil.move(tmp_path / "images", tmp_path / "elsewhere")
    write_pictures(tmp_path, dataset, "frames/{frame}/{view:02d}.png")
    for frame in range(4):
        (tmp_path / f"frames/{frame}/03.png").unlink()
    with pytest.raises(InputError, match="camera '03' of the model has no picture; add its folder or video"):
        read(tmp_path)


def test_folders_in_a_folder_are_found_by_the_model(dataset: Arrays, tmp_path: Path) -> None:
    write_pictures(tmp_path, dataset, "images/rig/{view:02d}/{frame:06d}.png")
    write_text(tmp_path / "sparse/0", golden_cameras(dataset), first_pictures("rig/{view:02d}/000000.png"))
    assert_same_pictures(read(tmp_path), dataset)


@pytest.mark.parametrize("write", [write_text, write_binary])
def test_it_is_a_calibration_too(dataset: Arrays, tmp_path: Path, write: Any) -> None:
    write(tmp_path / "sparse/0", golden_cameras(dataset), first_pictures())
    for place in (tmp_path, tmp_path / "sparse/0"):
        for found, camera in zip(read_calibration(place), golden_cameras(dataset), strict=True):
            assert found.name == camera.name
            np.testing.assert_allclose(found.K, camera.K)
            np.testing.assert_allclose(found.T, camera.T)
