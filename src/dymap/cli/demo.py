"""dymap demo: the whole path on the built-in sample."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import tyro

import dymap
from dymap.capture import open_capture
from dymap.cli.bake import bake_run
from dymap.cli.console import Device, Threads, console, pick_device, progress_bar
from dymap.cli.evaluate import evaluate_video
from dymap.cli.sample import sample
from dymap.cli.train import configure, train_capture
from dymap.errors import InputError
from dymap.evaluate.protocol import Comparison
from dymap.evaluate.report import TITLES
from dymap.play.film import Film, fixed_time_film, fixed_view_film, orbit_film, write_film
from dymap.play.layers import error_colours
from dymap.play.page import Clip, Pair, write_page
from dymap.play.video import Video, load
from dymap.presets import preset
from dymap.render.image import to_bytes
from dymap.train.run import RunFolder

TEST_VIEWS = (3, 7, 11, 15)
PACKAGED = Path(dymap.__file__).parent / "play" / "dancer.dymap"
"""The sample, trained beforehand with the preset `pocket`."""
SIZE, MIN_SIZE, MAX_SIZE = 256, 32, 4096
QUICK_SIZE, QUICK_FILM = 192, 24
"""Of the quick film: width and height, and at most how many images (one loop of the clip)."""
NEXT = {
    "See what dymap makes of a capture of yours, and which command trains on it:": "dymap info DIR",
    "Train; the same command goes on where it stopped:": "dymap train --data DIR --out runs/mine --test-views 3 7",
    "Then bake, measure and film:": "dymap bake runs/mine\ndymap evaluate runs/mine\ndymap render runs/mine",
}


def demo(
    out: Annotated[Path, tyro.conf.arg(help="Folder for everything that the demo makes.")] = Path("demo"),
    quick: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Only film a clip that comes with dymap: seconds.")
    ] = False,
    steps: Annotated[int | None, tyro.conf.arg(help="Training steps; default: the preset's.")] = None,
    size: Annotated[int | None, tyro.conf.arg(help="Width and height of the images; default: 256, quick 192.")] = None,
    frames: Annotated[int, tyro.conf.arg(help="Frames of the sample.")] = 24,
    film: Annotated[int, tyro.conf.arg(help="Images of the free-view film.")] = 72,
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Run everything once on the built-in sample: capture, train, bake, evaluate, films, and a page to look at."""
    started = time.monotonic()
    where = pick_device(device, threads)
    if film < 1 or (size is not None and not MIN_SIZE <= size <= MAX_SIZE):
        raise InputError(f"the demo needs --film 1 or more and --size from {MIN_SIZE} to {MAX_SIZE}")
    if quick:
        return film_packaged(out, size or QUICK_SIZE, min(film, QUICK_FILM), where)
    size = size or SIZE
    data = out / "sample"
    if code := sample(data, size=size, frames=frames):
        return code
    options = {"capture.test_views": TEST_VIEWS, "capture.test_frame_step": max(1, frames // 4), "train.steps": steps,
               "capture.fps": 24.0}  # fmt: skip
    config = configure(preset("tiny"), options)
    run = RunFolder(out / "run")
    with progress_bar("prepare images") as progress:
        capture = open_capture(data, config.capture, progress)
    if code := train_capture(capture, config, run, "tiny", where):
        return code
    bake_run(run, where, capture=capture)
    video = load(run.root, where)
    comparisons, summary = evaluate_video(video, capture, run.evaluation, "march", [], [])
    clips = make_films(video, out, film)
    facts = {
        "training": f"{config.train.steps} steps on {frames} frames, {len(capture.train_views)} views",
        "pictures": f"{size} x {size}",
        "this machine renders": f"{1 / summary['seconds_per_image']:.2g} pictures a second "
        f"({where}, {torch.get_num_threads()} threads)",
        "baked file": f"{run.model} ({run.model.stat().st_size / 1e6:.1f} MB)",
        "whole demo": f"{time.monotonic() - started:.0f} s",
    }
    metrics = {title: summary["mean"][key] for key, title in TITLES.items()}
    page = write_page(out / "index.html", "A dancer, from any side", pairs_of(comparisons), clips, metrics, facts, NEXT)
    console.print(f"{time.monotonic() - started:.0f} s in all; open {page} in a browser; pictures: {run.evaluation}")
    console.print(f"next, with your own capture: dymap info DIR (it says how to train on it), or dymap info {run.root}")
    return 0


def film_packaged(out: Path, size: int, count: int, where: torch.device) -> int:
    """Film the packaged clip."""
    video = load(PACKAGED, where)
    path = write_with_bar(video, orbit_film(video, count, (size, size)), out / "quick.mp4", "film")
    console.print(f"{path}: a clip that was trained beforehand; `dymap demo` trains one here")
    return 0


def make_films(video: Video, out: Path, count: int) -> list[Clip]:
    """The three films of the published system (method.md 13): `count` images of free view, then a half and a third."""
    films = [
        ("Free view", "time runs, the camera goes round", "orbit", orbit_film(video, count)),
        ("Fixed time", "one moment from all sides", "fixed_time",
         fixed_time_film(video, video.num_frames // 2, -(-count // 2))),
        ("Fixed view", "where a held-out camera stood", "fixed_view",
         fixed_view_film(video, TEST_VIEWS[0], -(-count // 3))),
    ]  # fmt: skip
    return [
        Clip(title, text, write_with_bar(video, film, out / f"{name}.mp4", f"film: {title.lower()}"))
        for title, text, name, film in films
    ]


def write_with_bar(video: Video, film: Film, path: Path, title: str) -> Path:
    with progress_bar(title) as progress:
        return write_film(video, film, path, progress=progress)[0]


def pairs_of(comparisons: Sequence[Comparison]) -> list[Pair]:
    """The evaluated images as the page shows them."""
    return [
        Pair(
            f"view {one.view}, frame {one.frame}",
            to_bytes(torch.from_numpy(one.truth)),
            to_bytes(torch.from_numpy(one.prediction)),
            error_colours(one.prediction, one.truth),
        )
        for one in comparisons
    ]
