"""Hulls and boxes of masks: carved once, kept beside the images, carved again when masks change or files are lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dymap.capture import Capture, boxes, hulls, open_capture
from dymap.capture.kept import keep, read_kept
from tests.captures import FRAMES, TINY, write_rgb

LONGEST = 20
HULL = replace(TINY, boxes="hull", frames=(0, 2, 1))
BOXES = ["box"] * 3 * 2


@pytest.fixture
def root(tiny_root: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_root, tmp_path / "copy")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DYMAP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def carved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was carved since: a hull, or one of the three passes for a box."""
    seen: list[str] = []

    def counting(what: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            seen.append(what)
            return original(*arguments)

        return call

    monkeypatch.setattr(hulls, "carve", counting("hull", hulls.carve))
    monkeypatch.setattr(boxes, "carve", counting("box", boxes.carve))
    return seen


def all_hulls(capture: Capture) -> list[NDArray[np.bool_]]:
    return [capture.hull(frame, LONGEST) for frame in range(FRAMES)]


def change_mask(root: Path) -> None:
    write_rgb(root / "schp/02/000001.png", np.full((96, 128, 3), 128, np.uint8))


def test_a_second_opening_carves_nothing(root: Path, folder: Path, carved: list[str]) -> None:
    capture = open_capture(root, TINY)
    assert capture.uncarved(LONGEST) == list(range(FRAMES))
    first = all_hulls(capture)
    assert carved == ["hull"] * FRAMES
    again = open_capture(root, TINY)
    assert again.uncarved(LONGEST) == []
    for a, b in zip(first, all_hulls(again), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(carved) == FRAMES
    assert open_capture(root, TINY).uncarved(LONGEST + 1) == list(range(FRAMES)), "of another size"
    assert [path.name.split("-")[0] for path in folder.iterdir()] == ["copy"]


def test_what_was_carved_before_an_interruption_stays(root: Path, folder: Path, carved: list[str]) -> None:
    open_capture(root, TINY).hull(2, LONGEST)
    (place,) = folder.iterdir()
    (place / f".hull-{LONGEST}-000003.1.partial").write_bytes(b"a killed command's")
    again = open_capture(root, TINY)
    assert again.uncarved(LONGEST) == [0, 1, 3]
    all_hulls(again)
    assert len(carved) == FRAMES


@pytest.mark.parametrize("views", [(0,), (0, 2)])
def test_other_training_views_have_hulls_of_their_own(
    root: Path, folder: Path, carved: list[str], views: tuple[int, ...]
) -> None:
    all_hulls(open_capture(root, TINY))
    carved.clear()
    all_hulls(open_capture(root, replace(TINY, test_views=(), train_views=views)))
    assert len(carved) == FRAMES
    assert folder.is_dir()


def test_a_changed_mask_carves_again(root: Path, folder: Path, carved: list[str]) -> None:
    capture = open_capture(root, TINY)
    all_hulls(capture)
    change_mask(root)
    carved.clear()
    changed = open_capture(root, TINY)
    after = all_hulls(changed)
    assert carved == ["hull"] * FRAMES
    carved.clear()
    capture._hulls._bits.clear()
    capture.hull(1, LONGEST)  # by a command that still has the images of before
    np.testing.assert_array_equal(open_capture(root, TINY).hull(1, LONGEST), after[1])
    assert folder.is_dir()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "flipped bit": lambda data: data[:-3] + bytes([data[-3] ^ 8]) + data[-2:],
    "flipped bit of the checksum": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "cut short": lambda data: data[:-7],
    "empty": lambda data: data[:0],
    "of something else": lambda data: b"x" * len(data),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_is_as_good_as_not_there(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    keep(tmp_path / "a", "one", bytes(range(256)) * 9)
    path = tmp_path / "a"
    path.write_bytes(damage(path.read_bytes()))
    assert read_kept(path, "one") is None
    keep(path, "one", b"again")
    assert read_kept(path, "one") == b"again"


def test_damaged_files_are_carved_again(root: Path, folder: Path, carved: list[str]) -> None:
    capture = open_capture(root, HULL)
    first = [capture.hull(frame, LONGEST) for frame in range(2)]
    for path in (*folder.rglob(f"hull-{LONGEST}-000001"), *folder.rglob("hull-boxes")):
        path.write_bytes(DAMAGES["flipped bit"](path.read_bytes()))
    carved.clear()
    again = open_capture(root, HULL)
    np.testing.assert_array_equal(again.boxes, capture.boxes)
    assert carved == BOXES
    for frame in range(2):
        np.testing.assert_array_equal(again.hull(frame, LONGEST), first[frame])
    assert carved == [*BOXES, "hull"]
    assert open_capture(root, HULL).uncarved(LONGEST) == []
    assert carved == [*BOXES, "hull"], "and kept again"


def test_boxes_from_the_masks_are_carved_once(root: Path, folder: Path, carved: list[str]) -> None:
    done: list[tuple[int, int]] = []
    first = open_capture(root, HULL, lambda *now: done.append(now))
    assert carved == BOXES
    assert done[:2] == [(1, 2), (2, 2)]
    np.testing.assert_array_equal(open_capture(root, HULL).boxes, first.boxes)
    assert carved == BOXES
    change_mask(root)
    open_capture(root, HULL)
    assert carved == BOXES * 2
    assert folder.is_dir()


def test_a_cache_that_cannot_be_written_is_warned_of(root: Path, folder: Path, carved: list[str]) -> None:
    capture = open_capture(root, TINY)
    shutil.rmtree(folder)
    folder.write_bytes(b"no folder any more")
    with pytest.warns(UserWarning, match="cannot be kept, and is carved again by the next command"):
        assert capture.hull(0, LONGEST).any()
    capture.hull(0, LONGEST)
    assert carved == ["hull"], "once in this command"


def test_other_marks_are_other_things(tmp_path: Path) -> None:
    keep(tmp_path / "a", "one", b"content")
    assert read_kept(tmp_path / "a", "one") == b"content"
    assert read_kept(tmp_path / "a", "another") is None
    assert read_kept(tmp_path / "b", "one") is None


@pytest.mark.usefixtures("folder")
def test_a_blank_mask_empties_no_hull(root: Path) -> None:
    before = all_hulls(open_capture(root, TINY))
    for frame in range(FRAMES):
        write_rgb(root / f"schp/02/{frame:06d}.png", np.zeros((96, 128, 3), np.uint8))
    capture = open_capture(root, TINY)
    with pytest.warns(UserWarning, match="mask of camera '02' at frame position 0 shows next to nothing") as told:
        after = all_hulls(capture)
    assert len(told) == 1, "once a camera"
    for one, other in zip(before, after, strict=True):
        assert other.any()
        assert (one & ~other).mean() < 0.03  # of what no other camera sees nothing is known
