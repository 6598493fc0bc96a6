"""dymap clean and dymap info --cache: what is in the cache, and emptying it and nothing else."""

from __future__ import annotations

import gc
import os
import shutil
import time
from pathlib import Path

import pytest

from dymap import runs
from dymap.capture import cache, open_capture
from dymap.errors import InputError
from dymap.partials import this_process
from tests.captures import FRAMES, TINY, VIEWS
from tests.cli.conftest import Run

IMAGES = f"{FRAMES * VIEWS} images"


@pytest.fixture
def root(tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with the images of two captures, a and b."""
    monkeypatch.setenv("DYMAP_CACHE", str(tmp_path / "cache"))
    for name in "ab":
        open_capture(shutil.copytree(tiny_root, tmp_path / name), TINY).hull(0, 8)  # what is carved is kept there too
    return tmp_path / "cache"


def captures(root: Path) -> list[str]:
    return sorted(path.name.split("-")[0] for path in root.iterdir())


def use(root: Path, name: str, days: float) -> None:
    """Say that a capture's images were used so many days ago."""
    then = time.time() - days * 86400
    (folder,) = root.glob(f"{name}-*")
    for path in (*folder.iterdir(), folder):
        os.utime(path, (then, then))


def test_info_shows_the_cache(dymap: Run, root: Path) -> None:
    use(root, "a", 3)
    lines = dymap("info", "--cache").out
    assert f"{root}: 2 folders" in lines
    for part in (f"prepared images of {root.parent / 'a'}, {IMAGES}, last used 3 days ago",
                 f"prepared images of {root.parent / 'b'}, {IMAGES}, last used just now"):  # fmt: skip
        assert part in lines
    assert "cache: 1 folders" in dymap("info", root.parent / "b", "--cache").out
    open_capture(root.parent / "a", TINY)
    assert "3 days" not in dymap("info", "--cache").out, "opening is using"


def test_all_goes_or_what_is_of_a_capture_or_old(dymap: Run, root: Path) -> None:
    assert "nothing to remove" in dymap("clean", "--older-than", 1, "--yes").out
    use(root, "a", 3)
    assert "removed 1 of 1 folders" in dymap("clean", "--older-than", 1, "--yes").out
    assert captures(root) == ["b"]
    open_capture(root.parent / "a", TINY)
    shutil.rmtree(root.parent / "b")  # the images of a capture that is gone can go too
    assert "removed 1 of 1 folders" in dymap("clean", os.path.relpath(root.parent / "b"), "--yes").out
    assert captures(root) == ["a"]
    assert "removed 1 of 1 folders" in dymap("clean", "--yes").out
    assert captures(root) == []
    dymap("clean", "--older-than", -1).failed_with("--older-than -1: expected days")


def test_nothing_goes_unasked(dymap: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dymap("clean").failed_with("say --yes")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer in ("", "n", "no", "yesterday"):
        monkeypatch.setattr("builtins.input", lambda _, answer=answer: answer)
        assert "nothing was removed" in dymap("clean").out
    assert captures(root) == ["a", "b"]
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert "removed 2 of 2" in dymap("clean").out


def test_what_is_not_of_the_cache_stays(dymap: Run, root: Path) -> None:
    """Even if it lies in the cache's folder, or looks like a part of it."""
    mine = root / "thesis-0123456789ab"
    mine.mkdir()
    (mine / "chapter.tex").touch()
    (root / "empty-0123456789ab").mkdir()
    (root / "notes.txt").touch()
    (root / "link-0123456789ab").symlink_to(next(root.glob("a-*")))
    said = dymap("clean", "--yes").out
    assert "not of dymap, and left there: empty-0123456789ab, link-0123456789ab, notes.txt, thesis-0123456789ab" in said
    assert sorted(path.name for path in root.iterdir()) == [
        "empty-0123456789ab", "link-0123456789ab", "notes.txt", "thesis-0123456789ab"
    ]  # fmt: skip
    entry = runs.CacheEntry(mine, "prepared images", 0, 0.0)
    with pytest.raises(InputError, match="thesis-0123456789ab: not written by dymap"):
        runs.clean([entry])
    with pytest.raises(InputError, match="not written by dymap into its cache"):
        runs.clean([runs.CacheEntry(root.parent / "a", "prepared images", 0, 0.0)])


def test_leftovers_go_but_not_what_is_being_written(dymap: Run, root: Path) -> None:
    owner = this_process()
    living = root / f".c.{owner.machine}-{owner.pid}-{owner.started}-0.partial"
    far = root / ".c.0123456789ab-7-7-0.partial"
    older = root / "c-0123456789ab.123.partial"
    for place in (living, far, older):
        place.mkdir()
        (place / "shots.u8").touch()
    said = dymap("clean", "--yes").out
    assert "half-written" in said
    assert "removed 3 of 5 folders" in said
    assert "in use by a command" in said
    assert sorted(path.name for path in root.iterdir()) == sorted([living.name, far.name])


def test_images_that_are_mapped_stay(dymap: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "SMALL", 0)
    capture = open_capture(root.parent / "a", TINY)
    assert "in use" in dymap("clean", "--yes").out
    assert captures(root) == ["a"]
    assert capture.image(0, 0)[0].any()
    del capture
    gc.collect()
    assert "removed 1 of 1" in dymap("clean", "--yes").out


def test_without_a_cache_there_is_nothing(dymap: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYMAP_CACHE", str(tmp_path / "none"))
    assert "nothing to remove" in dymap("clean", "--yes").out
    assert "0 folders" in dymap("info", "--cache").out
    assert not (tmp_path / "none").exists()


def test_folders_of_others_with_files_like_ours_stay(dymap: Run, root: Path) -> None:
    """Embeddings, recordings and hulls of other programs, whose folders are named after a hash too."""
    for folder, files in {
        "embeddings-0123456789ab": ("vectors.npy", "meta.json"),
        "audio-0123456789ab": ("samples.u8",),
        "model-0123456789ab": ("index.npz",),
        "agent-0123456789ab": ("state.json",),
        "deep-0123456789ab": ("run/shots.u8", "run/state.json"),
        "old-0123456789ab.123.partial": ("vectors.npy",),
        "empty-0123456789ab.123.partial": (),
        "lpips": ("mine.pth",),
    }.items():
        (root / folder).mkdir()
        for file in files:
            (root / folder / file).parent.mkdir(exist_ok=True)
            (root / folder / file).write_text("{}")
    others = sorted(path for path in root.rglob("*-0123456789ab*/**/*") if path.is_file())
    assert len(others) == 8
    said = dymap("clean", "--weights", "--yes").out
    assert "removed 2 of 2" in said
    assert "not of dymap" in said
    assert all(path.exists() for path in others)
    assert (root / "lpips" / "mine.pth").exists()
    assert (root / "empty-0123456789ab.123.partial").exists()


def test_damaged_and_interrupted_images_go_too(dymap: Run, root: Path) -> None:
    (a,), (b,) = root.glob("a-*"), root.glob("b-*")
    (a / "state.json").unlink()
    (b / "shots.u8").unlink()
    boxes = root / "c-0123456789ab"
    boxes.mkdir()
    (boxes / "hull-boxes").write_bytes(b"")
    left = a / ".hull-8-000000.0123456789ab-7-7-0.partial"
    left.mkdir()
    (left / "hull-8-000000").touch()
    assert "removed 3 of 3" in dymap("clean", "--yes").out
    assert not list(root.iterdir())


def test_weights_stay_unless_they_are_asked_for(dymap: Run, root: Path) -> None:
    (root / "lpips").mkdir()
    for name in ("vgg.pth", "vgg16-397923af.pth"):
        (root / "lpips" / name).write_bytes(b"0" * 2000)
    shown = dymap("info", "--cache").out
    assert "lpips: LPIPS weights" in shown
    assert f"{root}: 3 folders" in shown
    assert "removed 2 of 2" in dymap("clean", "--yes").out
    assert len(list((root / "lpips").iterdir())) == 2
    assert "nothing to remove" in dymap("clean", "--yes").out
    assert "removed 1 of 1" in dymap("clean", "--weights", "--yes").out
    assert not list(root.iterdir())


def test_the_end_of_the_input_is_no_yes(dymap: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", end)
    assert "nothing was removed" in dymap("clean").out
    assert captures(root) == ["a", "b"]
