"""Reading and preparing images and masks."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dymap.capture.decode import read_image
from dymap.capture.image_header import size_in_header
from dymap.capture.images import edge_band, prepare, undistort_labels
from dymap.capture.readers.image_files import read_vertices
from dymap.errors import InputError
from dymap.geometry.camera import Camera


def camera(distortion: float = 0.1, width: int = 64, height: int = 48) -> Camera:
    K = np.array([[60.0, 0, 31], [0, 58, 25], [0, 0, 1]])
    return Camera(K, np.eye(3), np.zeros(3), width, height, np.array([distortion, -distortion, 1e-3, 1e-3, 0]))


def picture(seed: int = 0) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).integers(0, 256, (48, 64, 3))
    return cv2.GaussianBlur(noise.astype(np.uint8), (5, 5), 0).astype(np.uint8)


def labels() -> NDArray[np.uint8]:
    mask = np.zeros((48, 64), np.uint8)
    cv2.circle(mask, (30, 25), 15, 1, -1)
    cv2.circle(mask, (30, 20), 5, 100, -1)
    return mask


def test_an_ideal_lens_changes_nothing() -> None:
    rgb, mask = prepare(picture(), None, camera(0).undistorted(), 1.0)
    np.testing.assert_array_equal(np.rint(rgb * 255), picture())
    assert mask is None
    assert rgb.dtype == np.float32


def test_halving_averages_blocks_of_pixels() -> None:
    rgb, _ = prepare(picture(), None, camera().undistorted(), 0.5)
    blocks = picture().reshape(24, 2, 32, 2, 3).mean((1, 3)) / 255
    np.testing.assert_allclose(rgb, blocks, atol=1e-6)


def test_undistortion_moves_every_pixel_where_the_lens_model_says() -> None:
    """A smooth picture of its own coordinates, undistorted, holds the distorted coordinates of each pixel."""
    c = camera(0.05)
    row, column = np.mgrid[:48, :64].astype(np.float32)
    colour = np.stack([column * 2, row * 2, np.zeros_like(row)], -1).astype(np.uint8)
    rgb, _ = prepare(colour, None, c, 1.0)
    normal = np.stack([(column - c.K[0, 2]) / c.K[0, 0], (row - c.K[1, 2]) / c.K[1, 1], np.ones_like(row)], -1)
    expected = cv2.projectPoints(normal.reshape(-1, 3).astype(float), np.zeros(3), np.zeros(3), c.K, c.D)[0]
    expected = expected.reshape(48, 64, 2)
    inner = (slice(8, 40), slice(8, 56))
    np.testing.assert_allclose((rgb * 255 / 2)[inner][..., :2], expected[inner], atol=0.1)


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.25])
def test_labels_are_never_mixed(ratio: float) -> None:
    _, mask = prepare(picture(), labels(), camera(0.3), ratio)
    assert mask is not None
    assert set(np.unique(mask)) == {0, 1, 100}


@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_background_is_black(ratio: float) -> None:
    rgb, mask = prepare(np.full((48, 64, 3), 200, np.uint8), labels(), camera(), ratio)
    assert mask is not None
    assert not rgb[mask == 0].any()
    assert (rgb[mask != 0] > 0.5).all()


def test_the_input_is_left_alone() -> None:
    image, mask = picture(), labels()
    prepare(image, mask, camera().undistorted(), 1.0)
    np.testing.assert_array_equal(image, picture())
    np.testing.assert_array_equal(mask, labels())


def test_labels_of_an_ideal_lens_are_not_copied() -> None:
    mask = labels()
    assert undistort_labels(mask, camera().undistorted()) is mask


def test_edge_band_by_brute_force() -> None:
    mask = labels()
    foreground = mask != 0
    padded = np.pad(foreground, 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
    expected = windows.any((2, 3)) & ~windows.all((2, 3))
    np.testing.assert_array_equal(edge_band(mask), expected)


def test_edge_band_of_uniform_masks_is_empty() -> None:
    assert not edge_band(np.zeros((20, 20), np.uint8)).any()
    assert not edge_band(np.full((20, 20), 7, np.uint8)).any()


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_images_are_rgb(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image{suffix}"
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 2] = 255  # OpenCV writes BGR
    cv2.imwrite(str(path), red)
    image = read_image(path)
    assert image[8, 8, 0] > 250
    assert image[8, 8, 1:].max() < 5


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9])
def test_truncated_images(tmp_path: Path, suffix: str, share: float) -> None:
    """Decoders fill what is missing with grey and say nothing."""
    path = tmp_path / f"image{suffix}"
    cv2.imwrite(str(path), picture())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=rf"image\{suffix}: .*(truncated|not a readable image)"):
        read_image(path)


def test_other_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.png: image is missing"):
        read_image(tmp_path / "none.png")
    (tmp_path / "text.jpg").write_text("not an image at all")
    with pytest.raises(InputError, match=r"text\.jpg: not a readable image \(19 bytes\)"):
        read_image(tmp_path / "text.jpg")
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path)


def test_enormous_png_headers_are_not_decoded(tmp_path: Path) -> None:
    """A few bytes that announce 10^10 pixels."""
    path = tmp_path / "bomb.png"
    cv2.imwrite(str(path), picture())
    data = bytearray(path.read_bytes())
    data[16:24] = (100_000).to_bytes(4, "big") * 2
    path.write_bytes(data)
    with pytest.raises(InputError, match="100000 x 100000 pixels is larger"):
        read_image(path)


@pytest.mark.parametrize("options", [[], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_OPTIMIZE, 1]])
def test_the_size_in_a_header_is_that_of_the_image(options: list[int]) -> None:
    for suffix, given in ((".jpg", options), (".png", [])):
        for image in (np.zeros((37, 1500, 3), np.uint8), np.full((900, 2, 3), 77, np.uint8)):
            data = cv2.imencode(suffix, image, given)[1].tobytes()
            assert size_in_header(data) == image.shape[1::-1]


def test_a_jpeg_of_one_colour_is_read_and_one_that_speaks_of_more_than_it_holds_is_not(tmp_path: Path) -> None:
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    data = cv2.imencode(".jpg", np.zeros((3000, 4000, 3), np.uint8), options)[1].tobytes()
    (path := tmp_path / "a.jpg").write_bytes(data)
    assert read_image(path).shape == (3000, 4000, 3)
    small = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes()
    place = small.index(b"\xff\xc0") + 5
    for height, width, said in ((16300, 65500, "larger than any camera's"), (8000, 8000, "truncated or damaged")):
        path.write_bytes(small[:place] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + small[place + 4 :])
        with pytest.raises(InputError, match=rf"a\.jpg: .* of {width} x {height} pixels .*{said}"):
            read_image(path)


def test_pipes_and_devices_are_no_images(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(InputError, match=rf"{name}\.png: no regular file"):
            read_image(tmp_path / f"{name}.png")


@pytest.mark.parametrize("shape", [(10**9, 3), (-1, 3), (0, 3), (3,), (2, 40000)])
def test_headers_of_vertices_are_not_believed(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with (tmp_path / "0.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"shape": shape, "fortran_order": False, "descr": "<f4"})
        file.write(bytes(24))
    with pytest.raises(InputError, match=r"0\.npy: not an array of vertices"):
        read_vertices(tmp_path / "0.npy")
    os.mkfifo(tmp_path / "1.npy")
    with pytest.raises(InputError, match=r"1\.npy: no regular file"):
        read_vertices(tmp_path / "1.npy")
