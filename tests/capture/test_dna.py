"""DNA-Rendering: pictures and cameras out of HDF5 files, of which nothing is believed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dymap.capture import read_source
from dymap.capture.layouts import scores
from dymap.capture.source import Source
from dymap.config import CaptureConfig
from dymap.errors import InputError
from tests.capture.many_layouts import write_dna

MAIN, ANNOTATIONS = "0012_11.smc", "0012_11_annots.smc"


@pytest.fixture
def source(tiny_root: Path) -> Source:
    return read_source(tiny_root, CaptureConfig(frames=(0, 2, 1)))


@pytest.fixture
def root(source: Source, tmp_path: Path) -> Path:
    write_dna(source, tmp_path / "capture")
    return tmp_path / "capture"


def test_cameras_pictures_and_masks(root: Path, source: Source) -> None:
    assert max(scores(root), key=scores(root).__getitem__) == "dna"
    found = read_source(root, CaptureConfig())
    assert (found.layout, found.frames) == ("dna", source.frames)
    for a, b in zip(found.cameras, source.cameras, strict=True):
        assert (a.name, a.width, a.height) == (b.name, b.width, b.height)
        for key in ("K", "D", "R", "T"):
            np.testing.assert_allclose(getattr(a, key), getattr(b, key), atol=1e-9)
    for view in (0, 4):
        picture, mask = found.read(1, view)
        np.testing.assert_array_equal(picture, source.read(1, view)[0])
        np.testing.assert_array_equal(mask, source.mask(1, view) != 0)
    assert found.files(0, 0) == (root / MAIN, root / ANNOTATIONS)


def test_annotations_lie_in_a_folder_of_their_own(root: Path) -> None:
    (root / "main").mkdir()
    (root / "annotations").mkdir()
    (root / MAIN).rename(root / "main" / MAIN)
    (root / ANNOTATIONS).rename(root / "annotations" / ANNOTATIONS)
    for place in (root, root / "main"):
        assert read_source(place, CaptureConfig()).has_masks


def test_one_of_several_sequences_is_named(root: Path) -> None:
    (root / "0012_12.smc").write_bytes((root / MAIN).read_bytes())
    with pytest.raises(
        InputError, match=r"holds 0012_11, 0012_12; name one sequence: --set capture\.options\.sequence"
    ):
        read_source(root, CaptureConfig())
    assert len(read_source(root, CaptureConfig(options={"sequence": "0012_11"})).cameras) == 5
    with pytest.raises(InputError, match=r"0012_12\.smc: nothing beside it holds Camera_Parameter"):
        read_source(root, CaptureConfig(options={"sequence": "0012_12"}))


def test_what_a_camera_lacks(root: Path) -> None:
    with h5py.File(root / MAIN, "a") as main, h5py.File(root / ANNOTATIONS, "a") as annotations:
        del main["Camera_5mp/1/color/0"], annotations["Mask/2/mask/1"], main["Camera_12mp/4/color"]
    found = read_source(root, CaptureConfig())
    assert [camera.name for camera in found.cameras] == ["00", "01", "02", "03"]
    assert (found.present(0, 1), found.present(1, 1)) == (False, True)
    assert (found.masked(0, 2), found.masked(1, 2)) == (True, False)
    assert found.mask(1, 2) is None


def replaced(name: str, **how: Any) -> Callable[[Any], None]:
    def make(file: Any) -> None:
        del file[name]
        file.create_dataset(name, **how)

    return make


def linked(name: str, link: Any) -> Callable[[Any], None]:
    def make(file: Any) -> None:
        del file[name]
        file[name] = link

    return make


PICTURE, LENS = "Camera_5mp/0/color/0", "Camera_Parameter/00/K"
TRAPS: dict[str, tuple[str, Callable[[Any], None], str]] = {
    "a link to another file": (MAIN, linked(PICTURE, h5py.ExternalLink("/etc/passwd", "/x")), "a link to elsewhere"),
    "a link by name": (MAIN, linked("Camera_5mp/0", h5py.SoftLink("/Camera_5mp/1")), "a link to elsewhere"),
    "numbers in another file": (
        MAIN,
        replaced(PICTURE, shape=(8,), dtype="u1", external=[("/etc/passwd", 0, 8)]),
        "lie in another file",
    ),
    "numbers that unpack to a terabyte": (
        MAIN,
        replaced(PICTURE, shape=(2**40,), dtype="u1", chunks=(2**20,), compression="gzip"),
        "more than expected here",
    ),
    "more packed bytes than pictures have": (
        MAIN,
        replaced(PICTURE, data=np.random.default_rng(0).integers(0, 256, 2**21, np.uint8), compression="gzip"),
        "bytes are packed",
    ),
    "packed twice": (
        MAIN,
        replaced(PICTURE, data=np.zeros(99, "u1"), compression="lzf"),
        "packed in an unexpected way",
    ),
    "text": (MAIN, replaced(PICTURE, data="picture"), "expected plain numbers"),
    "numbers that are no picture": (MAIN, replaced(PICTURE, data=np.zeros(99)), "expected the bytes of an image file"),
    "bytes that are no picture": (MAIN, replaced(PICTURE, data=np.zeros(99, "u1")), "not a readable image"),
    "a huge matrix": (ANNOTATIONS, replaced(LENS, shape=(2**20, 2**20), dtype="f8"), "more than expected here"),
    "a matrix of another shape": (ANNOTATIONS, replaced(LENS, data=np.eye(4)), "K and RT have shapes"),
    "a matrix that is missing": (ANNOTATIONS, lambda file: file.pop(LENS), "K of camera 0 is missing"),
    "a camera that is missing": (ANNOTATIONS, lambda file: file.pop("Camera_Parameter/04"), "K of camera 4 is missing"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_files_are_not_believed(root: Path, trap: str) -> None:
    name, make, message = TRAPS[trap]
    with h5py.File(root / name, "a") as file:
        make(file)
    with pytest.raises(InputError, match=rf"{name}.*{message}"):
        read_source(root, CaptureConfig())


def test_pictures_put_together_from_other_files_are_refused(root: Path) -> None:
    layout = h5py.VirtualLayout((8,), "u1")
    layout[:] = h5py.VirtualSource(str(root / ANNOTATIONS), "x", (8,))
    with h5py.File(root / MAIN, "a") as file:
        del file[PICTURE]
        file.create_virtual_dataset(PICTURE, layout)
    with pytest.raises(InputError, match="lie in another file"):
        read_source(root, CaptureConfig())


@pytest.mark.parametrize("length", [8, 100, 3000])
def test_truncated_files(root: Path, length: int) -> None:
    path = root / MAIN
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=r"0012_11\.smc: not readable HDF5"):
        read_source(root, CaptureConfig())


def test_without_the_library_the_extra_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"HDF5 files need the extra hdf5: pip install 'dymap\[hdf5\]'"):
        read_source(root, CaptureConfig())
