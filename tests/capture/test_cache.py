"""The cache of prepared images: built once, rebuilt when stale or damaged, never half-written."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dymap.capture import Capture, cache, open_capture
from dymap.capture import capture as capture_module
from dymap.capture.cache import cache_root
from dymap.capture.source import Source
from dymap.config import to_json
from dymap.errors import InputError
from dymap.geometry.box import bounding_rectangle, projected_box_mask
from tests.captures import FRAMES, TINY, VIEWS, image_path, write_rgb
from tests.golden.sources import Golden


@pytest.fixture
def root(tiny_root: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_root, tmp_path / "copy")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DYMAP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The images that were prepared since."""
    seen: list[tuple[int, int]] = []
    original = cache.prepare_shot

    def counting(source: Any, config: Any, box: Any, frame: int, view: int) -> Any:
        seen.append((frame, view))
        return original(source, config, box, frame, view)

    monkeypatch.setattr(cache, "prepare_shot", counting)
    return seen


EVERYTHING = FRAMES * VIEWS


def shots(capture: Capture) -> list[np.ndarray]:
    return [np.array(capture.image(frame, view)[0]) for frame in range(FRAMES) for view in range(VIEWS)]


def test_a_second_opening_decodes_nothing(root: Path, folder: Path, builds: list) -> None:
    first = shots(open_capture(root, TINY))
    assert len(builds) == EVERYTHING
    builds.clear()
    second = shots(open_capture(root, TINY))
    assert not builds
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert [path.name.split("-")[0] for path in folder.iterdir()] == ["copy"]


@pytest.mark.usefixtures("folder")
def test_files_are_looked_at_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes from the hull have a mark of their own, over the same files."""
    seen: list[Source] = []
    original = cache.file_stamps

    def counting(source: Source) -> bytes:
        seen.append(source)
        return original(source)

    for module in (cache, capture_module):
        monkeypatch.setattr(module, "file_stamps", counting)
    for _ in range(2):
        open_capture(root, replace(TINY, boxes="hull"))
        assert len(seen) == 1
        seen.clear()


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ({"boxes": "vertices"}, True), ({"boxes": "hull", "hull_votes": "half"}, True),
        ({"boxes": "hull"}, False), ({"boxes": "vertices", "box_smoothing": "clip"}, False),
    ],
)  # fmt: skip
def test_folders_are_called_as_before_newer_options(tiny: Capture, options: dict[str, Any], same: bool) -> None:
    """Boxes were not smoothed, and those from the hull were made by half of the cameras."""
    config = replace(TINY, **options)
    before = {key: value for key, value in to_json(config).items() if key not in ("box_smoothing", "hull_votes")}
    wanted = json.dumps([str(tiny.source.root.resolve()), before], sort_keys=True)
    name = f"{tiny.source.root.name}-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    assert (cache.cache_folder(tiny.source, config).name == name) == same


def test_progress_reaches_the_end(root: Path, folder: Path) -> None:
    heard: list[tuple[int, int]] = []
    open_capture(root, TINY, progress=lambda done, total: heard.append((done, total)))
    assert folder.is_dir()
    assert heard[-1] == (EVERYTHING, EVERYTHING)


def _touch_image(root: Path) -> None:
    path = root / image_path(1, 2)
    os.utime(path, ns=(1, 1))


def _other_image(root: Path) -> None:
    write_rgb(root / image_path(1, 2), np.full((96, 128, 3), 77, np.uint8))


def _other_mask(root: Path) -> None:
    write_rgb(root / "schp/02/000001.png", np.full((96, 128, 3), 128, np.uint8))


def _other_box(root: Path) -> None:
    np.save(root / "vertices/1.npy", np.load(root / "vertices/1.npy") * np.float32(0.9))


@pytest.mark.parametrize("change", [_touch_image, _other_image, _other_mask, _other_box])
def test_a_stale_cache_is_rebuilt(root: Path, folder: Path, builds: list, change: Callable[[Path], None]) -> None:
    open_capture(root, TINY)
    builds.clear()
    change(root)
    changed = open_capture(root, TINY)
    assert len(builds) == EVERYTHING
    assert len(list(folder.iterdir())) == 1, "it took the old one's place"
    if change is _other_image:
        rgb, mask = changed.image(1, 2)
        assert set(np.unique(rgb[mask != 0])) == {77}


def test_other_options_have_a_cache_of_their_own(root: Path, folder: Path, builds: list) -> None:
    open_capture(root, TINY)
    open_capture(root, replace(TINY, ratio=0.25))
    builds.clear()
    open_capture(root, TINY)
    assert not builds
    assert len(list(folder.iterdir())) == 2


def _truncate(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / name
        path.write_bytes(path.read_bytes()[:-7])

    damage.__name__ = f"truncated {name}"
    return damage


def _remove(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).unlink()

    damage.__name__ = f"removed {name}"
    return damage


FILES = ("state.json", "index.npz", "shots.u8")


@pytest.mark.parametrize(
    "damage", [make(name) for make in (_truncate, _remove) for name in FILES], ids=lambda d: d.__name__
)
def test_a_damaged_cache_is_rebuilt(root: Path, folder: Path, builds: list, damage: Callable[[Path], None]) -> None:
    before = shots(open_capture(root, TINY))
    builds.clear()
    (place,) = folder.iterdir()
    damage(place)
    after = shots(open_capture(root, TINY))
    assert len(builds) == EVERYTHING
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def test_nothing_is_left_of_a_failed_build(root: Path, folder: Path) -> None:
    """The last image is broken, when nearly everything has been written."""
    path = root / image_path(FRAMES - 1, VIEWS - 1)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match="PNG is truncated"):
        open_capture(root, TINY)
    assert not list(folder.iterdir())


def test_a_failed_rebuild_leaves_no_partial_folder(root: Path, folder: Path) -> None:
    open_capture(root, TINY)
    path = root / image_path(0, 1)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match="PNG is truncated"):
        open_capture(root, TINY)
    assert not list(folder.glob("*.partial"))


class FullDisk:
    """A file that takes a little and then reports a full disk."""

    def __init__(self, file: Any, room: int):
        self.file, self.room = file, room

    def write(self, data: bytes) -> int:
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.file.write(data)

    def __enter__(self) -> FullDisk:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def test_a_full_disk(root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path.open

    def full(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        file = original(path, mode, *arguments, **options)
        return FullDisk(file, 20_000) if path.name == "shots.u8" and "w" in mode else file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(InputError, match=r"the image cache cannot be written \(No space left on device\)"):
            open_capture(root, TINY)
    assert not list(folder.iterdir())
    assert len(shots(open_capture(root, TINY))) == EVERYTHING, "and works once there is room"


def test_interruption_leaves_nothing(root: Path, folder: Path) -> None:
    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_capture(root, TINY, progress=stop)
    assert not list(folder.iterdir())


def test_shots_are_the_rectangle_of_the_box(tiny: Capture, trimmed: Golden) -> None:
    assert len(trimmed.arrays("dataset")["cap_images"]) == FRAMES
    for frame, view in ((0, 0), (2, 3), (3, 4)):
        inside = projected_box_mask(tiny.boxes[frame], tiny.cameras[view])
        shot = tiny.shot(frame, view)
        assert (shot.x, shot.y, shot.mask.shape[1], shot.mask.shape[0]) == bounding_rectangle(inside)
        rgb, mask = tiny.image(frame, view)
        assert not rgb[inside == 0].any()
        assert not mask[inside == 0].any()
        assert mask.any()


def test_where_caches_live(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DYMAP_CACHE", str(tmp_path / "a"))
    assert cache_root() == tmp_path / "a"
    monkeypatch.delenv("DYMAP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert cache_root() == tmp_path / "b" / "dymap"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_root() == Path.home() / ".cache" / "dymap"


def test_flipped_bits_are_noticed_and_prepared_again(root: Path, folder: Path, builds: list) -> None:
    before = shots(open_capture(root, TINY))
    (path,) = folder.rglob("shots.u8")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 8
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"the image cache was damaged .* the next command prepares the images again"):
        shots(open_capture(root, TINY))
    builds.clear()
    for old, new in zip(before, shots(open_capture(root, TINY)), strict=True):
        np.testing.assert_array_equal(old, new)
    assert len(builds) == EVERYTHING


def test_a_cache_without_checksums_is_read(root: Path, folder: Path, builds: list) -> None:
    open_capture(root, TINY)
    (path,) = folder.rglob("index.npz")
    with np.load(path) as index:
        older = {name: index[name] for name in ("offsets", "crops")}
    np.savez(path, **older)
    without_index_sum(path)
    builds.clear()
    shots(open_capture(root, TINY))
    assert not builds


def without_index_sum(index: Path) -> None:
    """As caches were before there was one."""
    state = index.with_name("state.json")
    about = json.loads(state.read_text())
    del about["index"]
    state.write_text(json.dumps(about))


def test_an_index_of_other_places_is_noticed(root: Path, folder: Path, builds: list) -> None:
    """Numbers that could be: only that they are not those that were written."""
    right = shots(open_capture(root, TINY))
    (path,) = folder.rglob("index.npz")
    with np.load(path) as index:
        arrays = {key: index[key] for key in index}
    arrays["crops"][..., 0] += 1
    np.savez(path, **arrays)
    builds.clear()
    for ours, theirs in zip(shots(open_capture(root, TINY)), right, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(builds) == EVERYTHING


def test_the_cache_does_not_depend_on_how_the_folder_is_spelt(
    root: Path, folder: Path, builds: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_capture(root, TINY)
    builds.clear()
    (root.parent / "link").symlink_to(root)
    (root.parent / "deep").mkdir()
    monkeypatch.chdir(root.parent)
    spelt = ["copy", "./copy", "copy/", "deep/../copy", "link", f"{root}/", root.parent / "link"]
    for place in spelt:
        open_capture(place, TINY)
    monkeypatch.chdir(root)
    open_capture(".", TINY)
    assert not builds
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("small", [2**26, 0], ids=["in memory", "mapped"])
def test_images_that_are_cut_short_under_a_reader_do_not_end_it(
    root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    """Looking at mapped bytes that the file no longer has is a SIGBUS."""
    monkeypatch.setattr(cache, "SMALL", small)
    before = shots(open_capture(root, TINY))
    capture = open_capture(root, TINY)
    (path,) = folder.rglob("shots.u8")
    os.truncate(path, 10)
    if small:
        for old, new in zip(before, shots(capture), strict=True):
            np.testing.assert_array_equal(old, new)
    else:
        with pytest.raises(InputError, match="the image cache was cut short while it was read; run the command again"):
            shots(capture)


def test_a_reader_keeps_what_is_rebuilt_or_removed_under_it(
    root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "SMALL", 0)
    reader = open_capture(root, TINY)
    _other_image(root)
    rebuilt = open_capture(root, TINY)
    assert set(np.unique(rebuilt.image(1, 2)[0])) <= {0, 77}
    assert not set(np.unique(reader.image(1, 2)[0])) <= {0, 77}
    shutil.rmtree(folder)
    assert not set(np.unique(reader.image(1, 3)[0])) <= {0, 77}


SHAPE = (FRAMES, VIEWS)


@pytest.mark.parametrize(("name", "value"), [
    ("offsets", np.full(SHAPE, 2**62)), ("offsets", np.full(SHAPE, -4)), ("offsets", np.zeros(SHAPE)),
    ("offsets", np.zeros((2, 2), np.int64)), ("crops", np.full((*SHAPE, 4), 2**40)),
    ("crops", np.zeros((*SHAPE, 3), np.int64)), ("sums", np.zeros(3, np.uint32)), ("sums", np.zeros(SHAPE)),
])  # fmt: skip
def test_an_index_that_cannot_be_is_rebuilt(
    root: Path, folder: Path, builds: list, name: str, value: np.ndarray
) -> None:
    open_capture(root, TINY)
    (path,) = folder.rglob("index.npz")
    with np.load(path) as index:
        arrays = {key: index[key] for key in index}
    np.savez(path, **(arrays | {name: value}))
    without_index_sum(path)
    builds.clear()
    shots(open_capture(root, TINY))
    assert len(builds) == EVERYTHING


def test_an_index_with_broken_headers_is_rebuilt(root: Path, folder: Path, builds: list) -> None:
    """Whole as an archive: only what is in it makes no sense."""
    for content in (b"no header", b"\x93NUMPY\x01\x00\x08\x00{'a: (,", b""):
        open_capture(root, TINY)
        (path,) = folder.rglob("index.npz")
        with zipfile.ZipFile(path, "w") as archive:
            for key in ("offsets", "crops", "sums"):
                archive.writestr(f"{key}.npy", content)
        builds.clear()
        shots(open_capture(root, TINY))
        assert len(builds) == EVERYTHING
