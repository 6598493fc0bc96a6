"""Image files of every kind: depths, orientation, transparency, trailers, bombs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from dymap.capture.decode import has_alpha, read_alpha, read_image, read_pixels, read_size, significant_white, to_bytes
from dymap.capture.image_header import size_in_header
from dymap.capture.masks import foreground, is_soft, read_mask
from dymap.errors import InputError


def picture(channels: int = 3, depth: type = np.uint8, top: int = 255) -> NDArray[np.generic]:
    small = np.random.default_rng(0).integers(0, top + 1, (4, 6, channels)).astype(depth)
    small[0, 0] = top
    return cv2.resize(small, (48, 32), interpolation=cv2.INTER_NEAREST)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_colours_and_masks_are_turned_alike(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"image{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(picture())
    options = {"quality": 95} if suffix in (".jpg", ".webp") else {}
    image.save(path, exif=exif if suffix == ".tiff" else exif.tobytes(), **options)
    exif_turned = {1: image, 6: image.rotate(-90, expand=True), 8: image.rotate(90, expand=True)}.get(orientation)
    colours, pixels = read_image(path), read_pixels(path)
    np.testing.assert_array_equal(colours, pixels)
    assert colours.shape == ((48, 32, 3) if orientation > 4 else (32, 48, 3))
    if exif_turned is not None:
        assert np.abs(colours.astype(int) - np.asarray(exif_turned)).mean() < 8


@pytest.mark.parametrize("depth", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_tiff_has_the_size_of_its_picture(tmp_path: Path, depth: type, orientation: int) -> None:
    path = tmp_path / "image.tiff"
    tags = [(274, "H", 1, orientation, True)]
    tifffile.imwrite(path, picture(1, depth, 1)[:24], photometric="minisblack", extratags=tags)
    assert read_size(path) == read_image(path).shape[1::-1] == read_pixels(path).shape[1::-1]
    assert read_size(path) == ((24, 48) if orientation > 4 else (48, 24))


def test_a_png_of_nothing_but_its_end_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\0IEND\xaeB`\x82")
    for read in (read_image, read_pixels, read_alpha):
        with pytest.raises(InputError, match=r"image\.png: not a readable image"):
            read(path)
    assert significant_white([tmp_path / "image.png"]) is None


@pytest.mark.parametrize("trailer", [b"\0", b"x" * 1000, b"\xff\xd8 a second picture", b"MotionPhoto_Data" * 5000])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_bytes_behind_the_end_are_passed_over(tmp_path: Path, suffix: str, trailer: bytes) -> None:
    path = tmp_path / f"image{suffix}"
    Image.fromarray(picture()).save(path)
    before = read_image(path)
    path.write_bytes(path.read_bytes() + trailer)
    np.testing.assert_array_equal(read_image(path), before)


def test_a_thumbnail_s_end_is_not_the_picture_s(tmp_path: Path) -> None:
    path, thumbnail = tmp_path / "image.jpg", tmp_path / "thumbnail.jpg"
    Image.fromarray(picture()).save(path)
    Image.fromarray(picture()[:8, :8]).save(thumbnail)
    data, inner = path.read_bytes(), thumbnail.read_bytes()
    segment = b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner
    path.write_bytes(data[:2] + segment + data[2:-20])
    with pytest.raises(InputError, match="truncated"):
        read_image(path)


@pytest.mark.parametrize("top", [1023, 4095, 65535])
def test_bits_at_the_low_end_of_sixteen(tmp_path: Path, top: int) -> None:
    path = tmp_path / "image.png"
    values = picture(3, np.uint16, top)
    cv2.imwrite(str(path), values[..., ::-1])
    white = significant_white([path])
    assert white == (None if top == 65535 else top)
    np.testing.assert_allclose(read_image(path, white), values / top * 255, atol=0.51)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_eight_bits_say_nothing_of_white(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image{suffix}"
    cv2.imwrite(str(path), picture())
    assert significant_white([path]) is None


def test_floats_of_a_tiff_are_display_values(tmp_path: Path) -> None:
    path = tmp_path / "image.tiff"
    cv2.imwrite(str(path), (picture() / 255).astype(np.float32)[..., ::-1])
    np.testing.assert_array_equal(read_image(path), picture())
    cv2.imwrite(str(path), picture().astype(np.float32))
    with pytest.raises(InputError, match=r"image\.tiff: floats up to 255; expected 0 to 1"):
        read_image(path)


def test_floats_of_an_exr_are_linear_light(tmp_path: Path) -> None:
    OpenEXR = pytest.importorskip("OpenEXR")
    path = tmp_path / "image.exr"
    display = picture() / 255
    light = np.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4).astype(np.float32)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {"RGB": light}).write(str(path))
    np.testing.assert_allclose(read_image(path), picture(), atol=1)
    assert size_in_header(path.read_bytes()) == (48, 32)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"image\.exr: not a readable image"):
        read_image(path)


def test_an_exr_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image.exr"
    window = b"dataWindow\0box2i\0" + (16).to_bytes(4, "little") + np.array([0, 0, 7, 7], "<i4").tobytes()
    path.write_bytes(b"\x76\x2f\x31\x01" + bytes(4) + window)
    monkeypatch.setitem(__import__("sys").modules, "OpenEXR", None)
    with pytest.raises(InputError, match=r"need the extra exr"):
        read_image(path)


def disc(soft: bool = False) -> NDArray[np.uint8]:
    matte = np.zeros((32, 48), np.uint8)
    cv2.circle(matte, (24, 16), 10, 255, -1)
    return cv2.GaussianBlur(matte, (0, 0), 2).astype(np.uint8) if soft else matte


def write(path: Path, pixels: NDArray[np.generic]) -> Path:
    Image.fromarray(pixels, {2: "LA", 4: "RGBA"}.get(pixels.shape[2]) if pixels.ndim == 3 else None).save(path)
    return path


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_counts_and_not_colours(tmp_path: Path, channels: int) -> None:
    pixels = np.concatenate([picture(channels - 1).reshape(32, 48, -1), disc()[..., None]], axis=2)
    path = write(tmp_path / "mask.png", pixels)
    np.testing.assert_array_equal(read_mask(path), disc() > 0)
    alpha = read_alpha(path)
    assert alpha is not None
    np.testing.assert_array_equal(alpha, disc())


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1"])
@pytest.mark.parametrize("key", [False, True])
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp"])
def test_only_what_may_be_transparent_is_decoded_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, key: bool, suffix: str
) -> None:
    """A PNG without a channel of transparency may have one colour that is transparent."""
    image = Image.fromarray(np.concatenate([picture(), disc()[..., None]], axis=2)).convert(mode)
    options = {"transparency": 0} if key and suffix == ".png" and mode == "P" else {}
    image.save(tmp_path / f"image{suffix}", **options)
    pixels = read_pixels(tmp_path / f"image{suffix}")
    expected = to_bytes(pixels[..., -1]) if has_alpha(pixels) else None
    found = read_alpha(tmp_path / f"image{suffix}")
    assert (found is None) == (expected is None)
    if expected is not None:
        np.testing.assert_array_equal(found, expected)
    if suffix == ".png" and mode in ("L", "RGB", "1"):
        monkeypatch.setattr("dymap.capture.decode.decode_pixels", lambda *_: pytest.fail("decoded"))
        assert read_alpha(tmp_path / "image.png") is None


def test_opaque_alpha_says_nothing(tmp_path: Path) -> None:
    grey = np.repeat(disc()[..., None], 3, axis=2)
    path = write(tmp_path / "mask.png", np.concatenate([grey, np.full((32, 48, 1), 255, np.uint8)], axis=2))
    assert not has_alpha(read_pixels(path))
    assert read_alpha(path) is None
    np.testing.assert_array_equal(read_mask(path), disc() > 0)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_soft_mattes_are_thresholded_at_half(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"mask{suffix}", disc(soft=True))
    assert is_soft(read_pixels(path))
    assert (read_mask(path) != (disc(soft=True) >= 128)).mean() < 0.01
    assert not is_soft(disc())


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        *(([0, 1], kind) for kind in (np.uint8, np.uint16)),
        *(([0, 5, 13], kind) for kind in (np.uint8, np.uint16)),
        *(([0, 20], kind) for kind in (np.uint8, np.uint16)),
        ([0, 100], np.uint16),
        ([0, 300], np.uint16),
        ([0, 24001, 26003], np.uint16),
    ],
)
def test_label_numbers_are_foreground_but_for_zero(labels: list[int], kind: type) -> None:
    pixels = np.random.default_rng(0).choice(np.array(labels, kind), (32, 48))
    np.testing.assert_array_equal(foreground(pixels), pixels > 0)
    assert not is_soft(pixels)


@pytest.mark.parametrize("white", [255, 1023, 4095, 65535])
def test_mattes_of_ten_and_twelve_bits_are_thresholded_at_half_too(white: int) -> None:
    soft = disc(soft=True)
    deep = np.rint(soft / 255 * white).astype(np.uint16)
    np.testing.assert_array_equal(foreground(deep), soft >= 128)
    assert is_soft(deep)


def test_masks_of_one_bit_and_of_sixteen(tmp_path: Path) -> None:
    Image.fromarray(disc()).convert("1").save(tmp_path / "bit.png")
    cv2.imwrite(str(tmp_path / "deep.png"), disc().astype(np.uint16) * 257)
    for name in ("bit.png", "deep.png"):
        np.testing.assert_array_equal(read_mask(tmp_path / name), disc() > 0)
