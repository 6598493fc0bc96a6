"""Files and folders written beside, flushed and renamed."""

from __future__ import annotations

import io
import os
import stat
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from dymap.errors import InputError
from dymap.files import read_array, read_json, read_regular, read_torch, replacing, replacing_folder
from dymap.train.checkpoint import read_checkpoint
from dymap.video.model_file import load_video


def fill(folder: Path, text: str, overwrite: bool = True) -> None:
    with replacing_folder(folder, "the sample", overwrite) as partial:
        (partial / "a").mkdir()
        (partial / "a/b.txt").write_text(text)
        assert not (folder / "a/b.txt").exists() or (folder / "a/b.txt").read_text() != text, "not before the end"


def test_a_folder_appears_once_it_is_complete_and_takes_the_old_ones_place(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "folder"
    fill(folder, "first")
    (folder / "old.txt").touch()
    fill(folder, "second")
    assert (folder / "a/b.txt").read_text() == "second"
    assert [path.name for path in folder.rglob("*")] == ["a", "b.txt"]
    assert list(folder.parent.iterdir()) == [folder]


def fill_half(folder: Path, error: type[BaseException]) -> None:
    with replacing_folder(folder) as partial:
        (partial / "half").touch()
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_failure_leaves_the_old_folder_and_nothing_beside_it(tmp_path: Path, error: type[BaseException]) -> None:
    fill(tmp_path / "folder", "first")
    with pytest.raises(error):
        fill_half(tmp_path / "folder", error)
    assert (tmp_path / "folder/a/b.txt").read_text() == "first"
    assert len(list(tmp_path.iterdir())) == 1


def test_faults_of_the_disk_name_the_folder_and_what_it_is(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"folder: the sample cannot be written \(No space"),
        replacing_folder(tmp_path / "folder", "the sample"),
    ):
        raise OSError(28, "No space left on device")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file/folder: the sample cannot be written"):
        fill(tmp_path / "file/folder", "text")


@pytest.mark.parametrize("name", [".", "../inside", "absolute"])
def test_the_folder_in_which_one_stands_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Another in its place would leave a terminal in one that is gone."""
    place = tmp_path / "inside"
    place.mkdir()
    monkeypatch.chdir(place)
    folder, before = place if name == "absolute" else Path(name), place.stat().st_ino
    for fails in (True, False):
        with suppress(RuntimeError), replacing_folder(folder, overwrite=False) as partial:
            (partial / "below").mkdir()
            (partial / "below/file").write_text("new")
            if fails:
                raise RuntimeError
        assert sorted(path.name for path in place.iterdir()) == ([] if fails else ["below"])
        assert [path.name for path in tmp_path.iterdir()] == ["inside"]
    assert place.stat().st_ino == before
    assert Path("below/file").read_text() == "new"
    with pytest.raises(InputError, match="cannot be written"), replacing_folder(folder, overwrite=False):
        pass
    assert Path("below/file").read_text() == "new"


@pytest.mark.parametrize("name", [".", "", "..", "folder"])
def test_a_folder_is_no_file_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="a folder; expected the name of a file"), replacing(Path(name)):
        pass


def test_a_folder_that_is_not_to_be_replaced_stays(tmp_path: Path) -> None:
    fill(tmp_path / "folder", "first")
    with pytest.raises(InputError, match="folder: the sample cannot be written"):
        fill(tmp_path / "folder", "second", overwrite=False)
    assert (tmp_path / "folder/a/b.txt").read_text() == "first"
    (tmp_path / "empty").mkdir()
    fill(tmp_path / "empty", "text", overwrite=False)
    assert (tmp_path / "empty/a/b.txt").read_text() == "text"


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of the disk, in order."""
    said: list[str] = []
    fsync, rename = os.fsync, os.replace

    def flushed(handle: int) -> None:
        said.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else f"file of {os.fstat(handle).st_size}")
        fsync(handle)

    def renamed(source: Path, target: Path) -> None:
        said.append("renamed")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", renamed)
    return said


def test_a_file_is_on_the_disk_before_it_has_its_name_and_then_its_name_is(tmp_path: Path, done: list[str]) -> None:
    with replacing(tmp_path / "a.txt") as partial:
        partial.write_text("text")
    assert done == ["file of 4", "renamed", "folder"]


def test_a_folder_is_on_the_disk_before_it_has_its_name(tmp_path: Path, done: list[str]) -> None:
    fill(tmp_path / "folder", "text")
    assert done == ["file of 4", "folder", "folder", "renamed", "folder"]


def test_a_disk_that_refuses_to_flush_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"), replacing(tmp_path / "a.txt") as partial:
        partial.write_text("new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero", "."):
        with pytest.raises(InputError, match=r"no regular file|cannot be read"):
            read_regular(tmp_path / name, 100, "tests")
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none", 100, "tests")
    with (tmp_path / "long").open("wb") as file:
        file.truncate(101)
    with pytest.raises(InputError, match=r"101 bytes are more than tests need \(100\)"):
        read_regular(tmp_path / "long", 100, "tests")


def test_a_small_file_takes_little_memory_whatever_it_might_have_been(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"picture")
    tracemalloc.start()
    try:
        assert read_regular(tmp_path / "small", 2**30, "tests") == b"picture"
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_flipped_bits_in_what_torch_saved_are_noticed(tmp_path: Path) -> None:
    torch.save({"a": torch.arange(1000.0)}, path := tmp_path / "a.pth")
    data = path.read_bytes()
    place = data.index(torch.arange(1000.0).numpy().tobytes())
    path.write_bytes(data[: place + 77] + bytes([data[place + 77] ^ 1]) + data[place + 78 :])
    with pytest.raises(InputError, match=r"a\.pth: damaged|a\.pth: refused or broken \(Bad CRC"):
        read_torch(path, 2**20)


def test_an_archive_that_unpacks_to_more_than_it_may_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(10)}, inner := io.BytesIO())
    with zipfile.ZipFile(inner) as held, zipfile.ZipFile(tmp_path / "a.pth", "w", zipfile.ZIP_DEFLATED) as out:
        for part in held.infolist():
            out.writestr(part.filename, held.read(part) if "data/0" not in part.filename else bytes(2**26))
    assert (tmp_path / "a.pth").stat().st_size < 2**20
    with pytest.raises(InputError, match=r"a\.pth: unpacks to 67\d+ bytes"):
        read_torch(tmp_path / "a.pth", 2**20)


def test_json_without_a_bottom_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match=r"a\.json: not readable JSON"):
        read_json(tmp_path / "a.json")


def test_json_and_checkpoints_are_read_from_regular_files_only(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        for read in (read_json, read_checkpoint, load_video, lambda path: read_torch(path, 100)):
            with pytest.raises(InputError, match="no regular file"):
                read(tmp_path / name)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (3, \n",
        b"\x93NUMPY\x01\x00\x46\x00{'descr': '|O', 'fortran_order': False, 'shape': (3,), }".ljust(80),
        b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }".ljust(80),
        b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (10**9,)}".ljust(80),
        b"PK\x03\x04" + bytes(100),
    ],
)
def test_broken_arrays_are_one_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.npy: not an array of boxes \(") as caught:
        read_array(tmp_path / "a.npy", 2**20, "boxes")
    assert "\n" not in str(caught.value)


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    for value in (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), np.zeros((0, 3))):
        np.save(tmp_path / "a.npy", value)
        np.testing.assert_array_equal(read_array(tmp_path / "a.npy", 2**20, "numbers"), value)
