"""`dymap.runs.demo`: the whole path on the built-in sample, and `quick_demo`: a film of a clip that comes with dymap.

sample -> train -> bake -> evaluate -> three films -> page -> Demo
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from dymap.capture import open_capture
from dymap.errors import InputError
from dymap.evaluate.protocol import Comparison
from dymap.pictures import error_colours, to_bytes
from dymap.play.film import Film, fixed_time_film, fixed_view_film, orbit_film, write_film
from dymap.play.page import Clip, Pair, write_page
from dymap.play.video import Video, load
from dymap.runs.baking import Baked, bake
from dymap.runs.bars import Bars, Say, no_bars, say_nothing
from dymap.runs.evaluation import Evaluated, measure, provenance
from dymap.runs.folder import RunFolder
from dymap.runs.process import pick_device
from dymap.runs.sampling import sample
from dymap.runs.training import train
from dymap.runs.training_process import Trained

TEST_VIEWS = (3, 7, 11, 15)
PACKAGED = Path(__file__).parents[1] / "play" / "dancer.dymap"
"""The sample, trained beforehand with the preset `pocket`."""
SIZE, MIN_SIZE, MAX_SIZE = 256, 32, 4096
QUICK_SIZE, QUICK_FILM = 192, 24
"""Of the quick film: width and height, and at most how many images (one loop of the clip)."""
NEXT = {
    "See what dymap makes of a capture of yours, and which command trains on it:": "dymap info DIR",
    "Train; the same command goes on where it stopped:": "dymap train --data DIR --out runs/mine --test-views 3 7",
    "Then bake, measure and film:": "dymap bake runs/mine\ndymap evaluate runs/mine\ndymap render runs/mine",
}


@dataclass(frozen=True, eq=False)
class Finished:
    """What comes after the training of a demo. page: a file to open in a browser. seconds: of the whole demo."""

    baked: Baked
    evaluated: Evaluated
    page: Path
    seconds: float


@dataclass(frozen=True, eq=False)
class Demo:
    """What a demo made. finished: None if its training was interrupted; the same call goes on."""

    trained: Trained
    finished: Finished | None


def demo(
    out: str | Path = "demo",
    *,
    steps: int | None = None,
    size: int | None = None,
    frames: int = 24,
    film: int = 72,
    device: str = "auto",
    threads: int = 0,
    progress: Bars = no_bars,
    say: Say = say_nothing,
) -> Demo:
    """Run everything once on the built-in sample, with the preset `tiny`.

    out: folder for everything. steps: of the training, default the preset's. size: width and height of the images,
    default 256. frames: of the sample. film: images of the free-view film. Raises InputError.
    """
    started = time.monotonic()
    check_demo(film, size)
    out, size = Path(out), size or SIZE
    made = sample(out / "sample", size=size, frames=frames, progress=progress)
    say(f"{made.folder}: {frames} frames, {made.views} views of {size} x {size}")
    options = {"capture.test_views": TEST_VIEWS, "capture.test_frame_step": max(1, frames // 4), "train.steps": steps,
               "capture.fps": 24.0}  # fmt: skip
    trained = train(
        made.folder, out / "run", preset="tiny", options=options, device=device, threads=threads, progress=progress,
        say=say,
    )  # fmt: skip
    if trained.interrupted:
        return Demo(trained, None)
    folder = RunFolder(trained.run)
    capture = open_capture(made.folder, folder.read().config.capture)
    baked = bake(folder.root, device=device, threads=threads, capture=capture, progress=progress)
    where = pick_device(device, threads)
    video = load(folder.root, where)
    evaluated = measure(video, capture, folder.evaluation, progress=progress, origin=provenance(folder))
    clips = make_films(video, out, film, progress)
    facts = {
        "training": f"{trained.steps} steps on {frames} frames, {len(capture.train_views)} views",
        "pictures": f"{size} x {size}",
        "this machine renders": f"{1 / evaluated.seconds_per_image:.2g} pictures a second "
        f"({where}, {torch.get_num_threads()} threads)",
        "baked file": f"{baked.path} ({baked.path.stat().st_size / 1e6:.1f} MB)",
        "whole demo": f"{time.monotonic() - started:.0f} s",
    }
    pairs = pairs_of(evaluated.comparisons)
    page = write_page(out / "index.html", "A dancer, from any side", pairs, clips, evaluated.means, facts, NEXT)
    return Demo(trained, Finished(baked, evaluated, page, time.monotonic() - started))


def quick_demo(
    out: str | Path = "demo",
    *,
    size: int | None = None,
    film: int = 72,
    device: str = "auto",
    threads: int = 0,
    progress: Bars = no_bars,
) -> Path:
    """Film the packaged clip; returns the film. Raises InputError."""
    check_demo(film, size)
    video = load(PACKAGED, pick_device(device, threads))
    side = size or QUICK_SIZE
    steps = orbit_film(video, min(film, QUICK_FILM), (side, side))
    return write_with_bar(video, steps, Path(out) / "quick.mp4", "film", progress)


def check_demo(film: int, size: int | None) -> None:
    """Raise InputError for sizes that no demo has."""
    if film < 1 or (size is not None and not MIN_SIZE <= size <= MAX_SIZE):
        raise InputError(f"the demo needs --film 1 or more and --size from {MIN_SIZE} to {MAX_SIZE}")


def make_films(video: Video, out: Path, count: int, progress: Bars) -> list[Clip]:
    """The three films of the published system (method.md 13): `count` images of free view, then a half and a third."""
    films = [
        ("Free view", "time runs, the camera goes round", "orbit", orbit_film(video, count)),
        ("Fixed time", "one moment from all sides", "fixed_time",
         fixed_time_film(video, video.num_frames // 2, -(-count // 2))),
        ("Fixed view", "where a held-out camera stood", "fixed_view",
         fixed_view_film(video, TEST_VIEWS[0], -(-count // 3))),
    ]  # fmt: skip
    return [
        Clip(title, text, write_with_bar(video, film, out / f"{name}.mp4", f"film: {title.lower()}", progress))
        for title, text, name, film in films
    ]


def write_with_bar(video: Video, film: Film, path: Path, title: str, progress: Bars) -> Path:
    """Write a film; returns its file."""
    with progress(title) as update:
        return write_film(video, film, path, progress=update)[0]


def pairs_of(comparisons: Sequence[Comparison]) -> list[Pair]:
    """The evaluated images as the page shows them."""
    return [
        Pair(
            f"view {one.view}, frame {one.frame}",
            to_bytes(one.truth),
            to_bytes(one.prediction),
            error_colours(one.prediction, one.truth),
        )
        for one in comparisons
    ]
