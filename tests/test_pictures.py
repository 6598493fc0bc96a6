"""Numbers as bytes, errors as colours, and PNG files that come back to the bit."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.pictures import error_colours, jpeg_bytes, png_bytes, to_bytes, write_png
from tests.disks import files_of_at_most


def test_bytes_are_rounded_and_clamped() -> None:
    values = torch.tensor([[-0.1, 0.0, 0.5 / 255 - 1e-4, 0.5 / 255 + 1e-4, 1.0, 1.7]])
    assert to_bytes(values).tolist() == to_bytes(values.numpy()).tolist() == [[0, 0, 0, 1, 255, 255]]


def brightness(picture: NDArray[np.uint8]) -> NDArray[np.int64]:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(int)


def test_error_scale() -> None:
    """Black 0, yellow 0.25 and more, brighter in between; the mean over channels."""
    truth = np.zeros((1, 5, 3), np.float32)
    prediction = np.array([[[0, 0, 0], [0.1, 0.1, 0.1], [0.3, 0, 0], [0.25] * 3, [1] * 3]], np.float32)
    picture = error_colours(prediction, truth)
    assert picture[0, 0].sum() < 10
    np.testing.assert_allclose(picture[0, 1].astype(int), picture[0, 2], atol=3)
    np.testing.assert_array_equal(picture[0, 3], picture[0, 4])
    assert (np.diff(brightness(picture)[0, [0, 1, 3]]) > 40).all()
    red, green, blue = picture[0, 4].astype(int)
    assert min(red, green) > blue + 50, "yellow"
    np.testing.assert_array_equal(error_colours(truth, prediction), picture)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("height", "width"), [(48, 64), (7, 5), (1, 1)])
def test_pictures_come_back_to_the_bit(tmp_path: Path, channels: int, height: int, width: int) -> None:
    image = np.random.default_rng(3).integers(0, 256, (height, width, channels), np.uint8)
    path = write_png(tmp_path / "new" / "a.png", image)
    back = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert back is not None
    order = [2, 1, 0, 3][:channels]
    np.testing.assert_array_equal(back[..., order], image)
    assert [p.name for p in path.parent.iterdir()] == ["a.png"]


def test_jpeg_keeps_colours_at_full_resolution() -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[:, ::2], picture[:, 1::2] = (255, 0, 0), (0, 0, 255)
    data = np.frombuffer(jpeg_bytes(picture), np.uint8)
    back = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert back is not None
    np.testing.assert_allclose(back[..., ::-1].astype(int), picture, atol=40)


def test_what_is_no_picture_is_refused() -> None:
    for shape in ((4, 5), (4, 5, 2), (0, 5, 3)):
        with pytest.raises(ValueError, match="cannot be encoded"):
            png_bytes(np.zeros(shape, np.uint8))


def test_disk_that_refuses_is_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"a\.png: cannot be written"):
        write_png(tmp_path / "file" / "a.png", noise)
    with files_of_at_most(20_000), pytest.raises(InputError, match=r"b\.png: cannot be written"):
        write_png(tmp_path / "b.png", noise)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
