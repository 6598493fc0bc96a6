"""`dymap.runs.demo`: the whole path on the built-in sample, and `quick_demo`: a film of a clip that comes with dymap.

sample -> train -> bake -> evaluate -> three films, pairs of pictures -> page -> page that plays the clip -> Demo
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dymap.capture import open_capture
from dymap.errors import InputError
from dymap.evaluate.report import COLUMNS, MEANINGS, TITLES, UNITS
from dymap.pictures import error_colours
from dymap.play.film import Film, fixed_time_film, fixed_view_film, orbit_film, write_film
from dymap.play.page import LARGE, SMALL, Clip, NextStep, Number, Pair, write_page
from dymap.play.video import RendererName, Video, load
from dymap.runs.baking import Baked, bake
from dymap.runs.bars import Bars, Say, no_bars, say_nothing
from dymap.runs.commands import command
from dymap.runs.evaluation import Evaluated, measure, provenance
from dymap.runs.exporting import export
from dymap.runs.folder import RunFolder
from dymap.runs.process import pick_device
from dymap.runs.sampling import sample
from dymap.runs.training import train
from dymap.runs.training_process import Trained
from dymap.sample import render_view, sample_cameras
from dymap.site.export import check_own_file

VIEWS, TEST_VIEWS = 16, (3, 7, 11, 15)
PACKAGED = Path(__file__).parents[1] / "play" / "dancer.dymap"
"""The sample, trained beforehand with the preset `pocket`."""
SIZE, MIN_SIZE, MAX_SIZE = 256, 32, 4096
QUICK_SIZE, QUICK_FILM = 192, 24
"""Of the quick film: width and height, and at most how many images (one loop of the clip)."""
PLAYER, TITLE = "player.html", "A dancer, from any side"
LARGER = 4
"""How many times as wide as the sample's images the page's pictures are, at most: the model has no pixels."""


@dataclass(frozen=True, eq=False)
class Finished:
    """What comes after the training of a demo. page: a file to open in a browser; player: one that plays the clip.
    seconds: of the whole demo."""

    baked: Baked
    evaluated: Evaluated
    page: Path
    player: Path
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
    check_own_file(out / PLAYER)
    made = sample(out / "sample", size=size, frames=frames, views=VIEWS, progress=progress)
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
    clips = make_films(video, out, film, size, progress)
    pairs = make_pairs(video, size, progress)
    facts = {
        "training": f"{trained.steps} steps on {frames} frames, {len(capture.train_views)} views",
        "pictures": f"{size} x {size}",
        "this machine renders": f"{1 / evaluated.seconds_per_image:.2g} pictures a second "
        f"({where}, {torch.get_num_threads()} threads)",
        "baked file": f"{baked.path} ({baked.path.stat().st_size / 1e6:.1f} MB)",
        "whole demo": f"{time.monotonic() - started:.0f} s",
    }
    lead = (
        f"{len(capture.train_views)} cameras filmed her. From their pictures dymap learned a model of every moment. "
        "These films show only the model, from where none of those cameras stood."
    )
    comparison = (
        f"{len(TEST_VIEWS)} cameras were kept out of the training. Drag the line: left of it is what they filmed, "
        f"right of it what the model shows from there. It learned from pictures of {size} x {size}; here both sides "
        "have {} x {}.".format(*sharp(size, LARGE))
    )
    means = evaluated.summary["mean"]
    numbers = [Number(TITLES[key], means[key], UNITS.get(key, ""), MEANINGS[key]) for key in COLUMNS]
    page = write_page(
        out / "index.html", TITLE, lead, clips, pairs, comparison, next_steps(folder.root), numbers,
        facts,
    )  # fmt: skip
    player = export(folder.root, out / PLAYER, single_file=True, title=TITLE, device=device, threads=threads).page
    return Demo(trained, Finished(baked, evaluated, page, player, time.monotonic() - started))


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


def make_films(video: Video, out: Path, count: int, size: int, progress: Bars) -> list[Clip]:
    """The three films of the published system (method.md 13): `count` images of free view, then a half and a third.

    size: of the sample's images.
    """
    large, small = (sharp(size, shown) for shown in (LARGE, SMALL))
    films = [
        ("Free view.", "Time runs while the camera goes round.", "orbit", orbit_film(video, count, large)),
        ("Fixed time.", "One moment from all sides.", "fixed_time",
         fixed_time_film(video, video.num_frames // 2, -(-count // 2), small)),
        ("Fixed view.", "From where a camera stood that was kept out.", "fixed_view",
         fixed_view_film(video, TEST_VIEWS[0], -(-count // 3), small)),
    ]  # fmt: skip
    clips = []
    for title, text, name, film in films:
        path = write_with_bar(video, film, out / f"{name}.mp4", f"film: {name.replace('_', ' ')}", progress, "fast")
        poster = video.render(film[0].camera, film[0].frame, renderer="fast").numpy()
        clips.append(Clip(title, text, path, poster))
    return clips


def sharp(size: int, shown: int) -> tuple[int, int]:
    """Width and height of pictures that the page shows `shown` CSS pixels wide, if the sample's are `size` wide."""
    return (min(2 * shown, LARGER * size),) * 2


def write_with_bar(
    video: Video, film: Film, path: Path, title: str, progress: Bars, renderer: RendererName = "march"
) -> Path:
    """Write a film; returns its file."""
    with progress(title) as update:
        return write_film(video, film, path, renderer=renderer, progress=update)[0]


def make_pairs(video: Video, size: int, progress: Bars) -> list[Pair]:
    """What each camera that was kept out sees of the dancer, at a moment of its own, and what the model shows.

    The sample is drawn again for this: at the size of the page's pictures, which is larger than that of the images that
    were learned from, `size`.
    """
    cameras = sample_cameras(VIEWS, sharp(size, LARGE)[0])
    pairs = []
    with progress("page") as update:
        for index, view in enumerate(TEST_VIEWS):
            frame = index * video.num_frames // len(TEST_VIEWS)
            filmed, labels = render_view(cameras[view], frame / video.num_frames)
            truth = np.where(labels[..., None] > 0, filmed, np.uint8(0))
            prediction = video.render(cameras[view], frame).numpy()
            error = error_colours(*(np.divide(picture, 255, dtype=np.float32) for picture in (prediction, truth)))
            pairs.append(Pair(f"camera {view}", truth, prediction, error))
            update(index + 1, len(TEST_VIEWS))
    return pairs


def next_steps(run: Path) -> list[NextStep]:
    """What to do with the run of a demo, and then with a capture of one's own."""
    return [
        NextStep("Look around", "Turn her with the mouse, at any moment, in a browser.", command("view", run)),
        NextStep("Give it away", "One file that plays by a double click, in browsers with WebGPU: player.html is one.",
                 command("export", run, "--single-file", "--out", "dancer.html")),
        NextStep("Film", "Along an orbit or a path of your own, at any size, with alpha.",
                 command("render", run, "--size", 1024, 1024, "--background", "white")),
        NextStep("Make meshes", "A coloured surface for each moment, for other programs.",
                 command("mesh", run, "--format", "glb")),
        NextStep("See what a capture of yours is", "It says what is missing, and which command trains on it.",
                 "dymap info my_capture"),
        NextStep("Train on it", "Ctrl-C saves, and the same command goes on.",
                 "dymap train --data my_capture --out runs/mine --test-views 3 11"),
        NextStep("Bake and measure", "After that, look around, film and make meshes as above.",
                 "dymap bake runs/mine\ndymap evaluate runs/mine"),
    ]  # fmt: skip
