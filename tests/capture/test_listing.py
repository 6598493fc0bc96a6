"""Folders of images: whose they are, of which frames, whatever else lies there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dymap.capture import decode
from dymap.capture.images import FACE
from dymap.capture.labels import label_colours
from dymap.capture.readers.listing import ImageFolders, read_mask_or_palette
from dymap.capture.readers.zjumocap import read_palette
from dymap.errors import InputError
from tests.capture.clips import numbered
from tests.captures import write_rgb


def write(root: Path, *names: str) -> ImageFolders:
    for name in names:
        write_rgb(root / name, numbered(0, 16, 12))
    return ImageFolders(root)


def test_cameras_in_natural_order_called_by_anything(tmp_path: Path) -> None:
    names = ("10", "2", "Kamera Süd", ".hidden", "机位", "left (A)")
    folders = write(tmp_path, *(f"{name}/0.png" for name in names))
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    assert folders.names() == ("2", "10", "Kamera Süd", "left (A)", "机位")


def test_what_is_no_picture_is_passed_over(tmp_path: Path) -> None:
    folders = write(tmp_path, "1/0001.png", "1/0002.png")
    for name in ("Thumbs.db", ".DS_Store", "._0001.png", "0003.txt"):
        (tmp_path / "1" / name).write_bytes(b"x")
    (tmp_path / "1/0004.png").mkdir()
    assert list(folders.of("1")) == [1, 2]


def test_numbers_without_zeros_and_mixed_endings(tmp_path: Path) -> None:
    folders = write(tmp_path, "1/frame2_1080p.jpg", "1/frame10_1080p.png", "1/frame1_1080p.JPG")
    assert list(folders.of("1")) == [1, 2, 10]


def test_pictures_in_a_folder_of_the_camera(tmp_path: Path) -> None:
    folders = write(
        tmp_path, "cam03/rgb/0.png", "cam03/rgb/1.png", "cam04/rgb/1.png", "cam04/depth/1.png", "cam05/x/1.png"
    )
    assert folders.names() == ("cam03", "cam04", "cam05")
    assert list(folders.of("cam03")) == [0, 1]
    assert folders.of("cam04")[1] == tmp_path / "cam04/rgb/1.png"


def test_holes(tmp_path: Path) -> None:
    folders = write(tmp_path, "1/0.png", "1/1.png", "2/1.png", "2/02.png", "3/0.png", "3/2.png")
    footage, frames = folders.footage(("2", "1", "3"), None)
    assert frames == (0, 1, 2)
    assert [[footage.present(frame, view) for view in range(3)] for frame in range(3)] == [
        [False, True, True],
        [True, True, False],
        [True, False, True],
    ]


def test_shifts(tmp_path: Path) -> None:
    folders = write(tmp_path, *(f"{view}/{frame}.png" for view in (1, 2) for frame in range(4)))
    footage, frames = folders.footage(("1", "2"), None, (0, 2))
    assert frames == tuple(range(6))
    assert footage.images[2] == (tmp_path / "1/2.png", tmp_path / "2/0.png")


def test_a_name_that_no_disk_has_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder of pictures"):
        write(tmp_path, "1/1.png").of("1" * 300)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("1/a.png", "1/b.png"), "1: the name of 'a.png' holds no frame number"),
        (("1/0001.png", "1/0001.jpg"), "1: the frame number repeats"),
        (("2/1.png",), "1: no such folder of pictures"),
    ],
)
def test_faults_are_named(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        write(tmp_path, *names).of("1")


def test_a_mask_in_palette_colours_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mask.png"
    labels = np.repeat(np.array([0, 5, 13], np.uint8), 8)[None].repeat(6, axis=0)
    write_rgb(path, label_colours()[labels])
    seen: list[Path] = []
    original = decode.read_regular

    def counting(path: Path, max_bytes: int, what: str) -> bytes:
        seen.append(path)
        return original(path, max_bytes, what)

    monkeypatch.setattr(decode, "read_regular", counting)
    mask = read_mask_or_palette(path)
    np.testing.assert_array_equal(mask, np.where(labels == 13, FACE, labels != 0))
    assert seen == [path]
    np.testing.assert_array_equal(read_palette(path), mask)
