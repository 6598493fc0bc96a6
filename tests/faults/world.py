"""A small world for commands to work in: a capture, a run, films; and what every file in it holds."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dymap.capture.decode import read_image
from dymap.capture.writers.easymocap import write_calibration
from dymap.cli.capture.check import GROSS
from dymap.train.checkpoint import read_checkpoint
from tests.capture.check.mistakes import invert
from tests.capture.clips import numbered_clip
from tests.capture.test_importing import ring
from tests.cli.conftest import train_arguments

TIMES = {"seconds", "seconds_per_image", "rays_per_second", "date"}
"""Keys in JSON files whose values are other ones every time."""
UNLIKE = "tensorboard"
"""A folder whose files are named after the time and written by others."""

CHECKPOINT = re.compile(r"checkpoints/step-\d+\.safetensors$")

Contents = dict[str, str]
"""Path -> what the file holds, as a digest: equal if nothing but times differs."""


@dataclass(frozen=True)
class World:
    """The folder that commands change, and its master copy. It is always at the same place: files name it."""

    root: Path
    master: Path

    def restore(self) -> None:
        """As it was before the command. Times of the files too: the image cache looks at them."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.master, self.root)

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    def contents(self) -> Contents:
        files = (path for path in self.root.rglob("*") if path.is_file() and UNLIKE not in path.parts)
        return {path.relative_to(self.root).as_posix(): content(path) for path in files}

    def empty_folders(self) -> set[str]:
        folders = (path for path in self.root.rglob("*") if path.is_dir() and UNLIKE not in path.parts)
        return {path.relative_to(self.root).as_posix() for path in folders if not any(path.iterdir())}


@dataclass(frozen=True)
class Job:
    """A command, and whether it is run as users do, with processes of its own. again: what it may answer if it comes
    again and the first has come to its end. code: its exit code if nothing befalls it."""

    name: str
    arguments: list[str]
    alone: bool = False
    again: str = ""
    code: int = 0


def jobs(root: Path) -> list[Job]:
    """All that change the disk."""
    capture, run = root / "dance", root / "run"

    def job(name: str, *words: object, alone: bool = False, again: str = "", code: int = 0) -> Job:
        return Job(name, [str(word) for word in words], alone, again, code)

    film = partial(job, "film")
    small = ("--views", 3, "--size", 32, 32, "--threads", 1)
    trained = train_arguments(capture, root / "new", "--steps", 4, "--threads", 1)
    model = ("--preset", "zjumocap/313", "--boxes", root / "boxes.npy", "--out", root / "imported")
    settings = json.loads((root / "settings.json").read_text())
    in_segments = ("--steps", 4, "--segment", 4, "--threads", 2)
    return [
        job("sample", "sample", "--out", root / "new", "--size", 32, "--frames", 2, "--views", 3),
        job("train", *trained, "capture.ratio=0.5"),
        job("train by two processes", *trained, "train.processes=2", alone=True),
        job("train in segments", *train_arguments(root / "long", root / "new", *in_segments), alone=True),
        job("bake", "bake", run, "--threads", 1),
        job("bake of segments", "bake", root / "row", "--threads", 2, alone=True),
        job("pack", "pack", run, "--out", root / "small.dymap", "--threads", 1),
        job("export", "export", run, "--out", root / "site", "--threads", 1),
        job("export of one file", "export", run, "--out", root / "one.html", "--single-file", "--threads", 1),
        job("evaluate", "evaluate", run, "--threads", 1),
        film("render", run, *small),
        film("render", run, *small, "--out", root / "film.mov", "--background", "transparent"),
        film("render", run, *small, "--out", root / "film.webm", "--png", root / "png", "--layers", "rgb", "depth"),
        film("render", run, "--fixed-view", 1, "--fixed-time", 1, "--out", root / "one.png", "--threads", 1),
        job("mesh", "mesh", run, "--voxel", 0.1, "--level", 0.1, "--threads", 1),
        job("mesh", "mesh", run, "--voxel", 0.1, "--level", 0.1, "--format", "glb", "--threads", 1),
        job("import of a model", "import-model", root / "final.pth", *model, "--set", *settings,
            again="holds a run already"),
        job("import of videos", "capture", "import", root / "videos", "--calibration", root / "calibration",
            "--frames", 4, "--out", root / "new"),
        job("masks", "capture", "masks", capture, "--method", "median", "--overwrite"),
        job("convert", "capture", "convert", capture, root / "new", "--to", "transforms", again="exists already"),
        job("check", "capture", "check", root / "broken", "--fix", root / "new", "--page", root / "page.html",
            "--json", root / "findings.json", again="exists already", code=GROSS),
        job("clean", "clean", "--yes"),
    ]  # fmt: skip


def build(root: Path, command: Callable[[list[str]], int], model: Path, boxes: Path, settings: list[str]) -> World:
    """Make the world. command: runs one and returns its exit code. model, boxes, settings: of a released model."""

    def do(*words: object) -> None:
        assert command([str(word) for word in words]) == 0, words

    run = root / "run"
    do("sample", "--out", root / "dance", "--size", 48, "--frames", 3, "--views", 6)
    do(*train_arguments(root / "dance", run, "--steps", 4))
    do("sample", "--out", root / "long", "--size", 32, "--frames", 8, "--views", 6)
    do(*train_arguments(root / "long", root / "row", "--steps", 4, "--segment", 4))
    do("bake", run)
    do("evaluate", run)
    do("bake", run, "--half")  # so that what comes next replaces it by something else
    do("render", run, "--views", 2, "--size", 32, 32)
    do("mesh", run, "--voxel", 0.2, "--level", 0.1)
    write_calibration(root / "calibration", ring())
    (root / "videos").mkdir()
    for camera in ring():
        numbered_clip(root / "videos" / f"{camera.name}.mp4", 6)
    do("sample", "--out", root / "broken", "--size", 112, "--frames", 2, "--views", 8)
    invert(root / "broken", 2)
    shutil.copy(model, root / "final.pth")
    shutil.copy(boxes, root / "boxes.npy")
    (root / "settings.json").write_text(json.dumps(settings))
    (root / "mine.partial").mkdir()  # nobody's leftover
    (root / "mine.partial" / "thesis.tex").write_text("years of work")
    (root / ".tmp.notes").write_text("a stranger's")
    world = World(root, root.with_name("master"))
    shutil.copytree(root, world.master)
    return world


def content(path: Path) -> str:
    """A digest of what a file holds, whatever the time was."""
    data = path.read_bytes()
    try:
        if path.name == "log.jsonl":  # steps after the last checkpoint are done again, and told again
            data = "\n".join(sorted({_timeless(line) for line in data.decode().splitlines()})).encode()
        elif path.suffix == ".json":
            data = _timeless(data.decode()).encode()
        elif path.suffix == ".npz":
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                data = b"".join(name.encode() + arrays[name].tobytes() for name in sorted(arrays))
    except Exception as error:  # not whole: it is like nothing else
        return f"broken: {error}"
    return hashlib.sha256(data).hexdigest()


def _timeless(text: str) -> str:
    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(part) for key, part in value.items() if key not in TIMES}
        return [without(part) for part in value] if isinstance(value, list) else value

    return json.dumps(without(json.loads(text)), sort_keys=True)


def is_whole(path: Path) -> bool:
    """Whether a file that is there only on the way, such as a preview, is not half-written."""
    try:
        if path.suffix in (".png", ".jpg"):
            read_image(path)
        elif path.suffix == ".safetensors":
            read_checkpoint(path)
        else:
            return path.name in ("log.jsonl", "import.json") and not content(path).startswith("broken")
    except ValueError:
        return False
    return True


def is_temporary(name: str) -> bool:
    """Whether a path shows by its name that it is not finished, or that somebody is at work."""
    return name.endswith(".lock") or any(part.startswith(".") or ".partial" in part for part in Path(name).parts)


def check_nothing_lost(world: World, before: Contents, after: Contents, told: str) -> None:
    """Every file under a name of its own is as it was, as it will be, or whole."""
    now = world.contents()
    for name, held in now.items():
        known = held in (before.get(name), after.get(name))
        assert known or is_temporary(name) or is_whole(world.root / name), f"{name} is damaged: {told}"
    # The cache may be: what was prepared can be prepared again.
    gone = [name for name in before if name not in now and name in after and not name.startswith("cache/")]
    gone = [name for name in gone if not CHECKPOINT.search(name)]
    assert not gone, f"{gone} are gone: {told}"


def check_same(world: World, after: Contents, empty: set[str], told: str) -> None:
    """The world is what it is after a command that nothing has disturbed: no file less, more or another.

    But for checkpoints on the way: a training that is asked to end saves one, in whose favour an older one may go.
    """
    now, then = (_without_older_checkpoints(contents) for contents in (world.contents(), after))
    more, less = sorted(set(now) - set(then)), sorted(set(then) - set(now))
    assert not more, f"{more} left behind: {told}"
    assert not less, f"{less} missing: {told}"
    other = [name for name in now if now[name] != then[name]]
    assert not other, f"{other} differ: {told}"
    assert world.empty_folders() == empty, f"{sorted(world.empty_folders() ^ empty)} are empty or not: {told}"


def _without_older_checkpoints(contents: Contents) -> Contents:
    found = sorted(name for name in contents if CHECKPOINT.search(name))
    newest = {name.rpartition("/")[0]: name for name in found}
    return {name: held for name, held in contents.items() if name not in found or name in newest.values()}
