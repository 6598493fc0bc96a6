"""Folders written beside and renamed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dymap.errors import InputError
from dymap.files import replacing_folder


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


def test_a_folder_that_is_not_to_be_replaced_stays(tmp_path: Path) -> None:
    fill(tmp_path / "folder", "first")
    with pytest.raises(InputError, match="folder: the sample cannot be written"):
        fill(tmp_path / "folder", "second", overwrite=False)
    assert (tmp_path / "folder/a/b.txt").read_text() == "first"
    (tmp_path / "empty").mkdir()
    fill(tmp_path / "empty", "text", overwrite=False)
    assert (tmp_path / "empty/a/b.txt").read_text() == "text"
