"""`dymap.runs.evaluate`: how close a video comes to held-out views.

run -> video, capture -> evaluate.protocol, image by image -> pictures, metrics.json -> Evaluated
"""

from __future__ import annotations

import platform
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from dymap._version import __version__
from dymap.capture import Capture
from dymap.config import EngineName
from dymap.errors import InputError
from dymap.evaluate.lpips import LPIPS
from dymap.evaluate.lpips_files import NO_WEIGHTS, default_folder, download, missing_files, why_absent
from dymap.evaluate.protocol import Comparison
from dymap.evaluate.report import COLUMNS, TITLES, distinct_labels, summarise, table_rows
from dymap.files import write_json
from dymap.play.video import RendererName, Video, load
from dymap.runs.bars import Bars, no_bars
from dymap.runs.captures import find_capture, open_prepared
from dymap.runs.comparing import Parts, compared
from dymap.runs.engines import open_engine
from dymap.runs.folder import RunFolder
from dymap.runs.packed_facts import file_facts
from dymap.runs.process import pick_device
from dymap.runs.segments import steps_done


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What an evaluation measured.

    folder: of metrics.json and the pictures. comparisons: the images, frame-major. summary: what metrics.json holds.
    lpips_note: why LPIPS was not measured, or nothing.
    """

    folder: Path
    renderer: RendererName
    comparisons: tuple[Comparison, ...]
    summary: dict[str, Any]
    lpips_note: str = ""

    @property
    def seconds_per_image(self) -> float:
        return self.summary["seconds_per_image"]

    @property
    def means(self) -> dict[str, float | None]:
        """title -> mean over all images; None: not measured."""
        return {title: self.summary["mean"][key] for key, title in TITLES.items()}

    def table(self) -> list[list[str]]:
        """Titles, a row a view, and the means."""
        return [["view", *(TITLES[key] for key in COLUMNS)], *table_rows(self.summary)]


def evaluate(
    run: str | Path,
    *,
    data: str | Path | None = None,
    renderer: RendererName = "march",
    views: Sequence[int] = (),
    frames: Sequence[int] = (),
    out: str | Path | None = None,
    lpips_weights: Path | None = None,
    download_lpips: bool = False,
    engine: EngineName | None = None,
    address: str | None = None,
    device: str = "auto",
    threads: int = 0,
    progress: Bars = no_bars,
) -> Evaluated:
    """Measure a baked run on its test views: PSNR (box, foreground, image), SSIM, LPIPS, side-by-side pictures.

    data: where the run's capture is now, if it was moved. views, frames: indices and positions, default the run's test
    views and frames. out: folder of the report, default in the run, in which parts (some views, some frames, another
    renderer) get a folder each. lpips_weights: folder of the weights, default the user's cache; download_lpips: fetch
    missing ones. engine: who measures, in ranges of frames: None: this process; else see `train`. Raises InputError for
    a run that is not baked, has lost its capture or kept no test views.
    """
    folder = RunFolder(Path(run))
    record = folder.read()
    check_views(views or record.config.capture.test_views, folder.root)
    where = pick_device(device, threads)
    video = load(folder.root, where)
    place = find_capture(folder, data)
    lpips, note = open_lpips(lpips_weights, download_lpips, where, progress)
    capture = open_prepared(place, record.config.capture, progress)
    report = Path(out) if out is not None else folder.evaluation / part_of(capture, renderer, views, frames)
    origin = provenance(folder)
    with ExitStack() as opened:
        parts = None
        if engine is not None:
            runner = opened.enter_context(open_engine(engine, address, device, threads))
            parts = Parts(runner, folder.root, place, (lpips_weights or default_folder()) if lpips else None)
        return measure(video, capture, report, renderer, views, frames, lpips, note, progress, origin, parts)


def check_views(views: Sequence[int], run: Path) -> None:
    """Raise InputError if there is nothing to measure."""
    if not views:
        raise InputError(
            f"{run}: no views were kept for testing when it was trained (--test-views of dymap train); --views 0 3 "
            "measures views that it was trained on, which says little about new ones"
        )


def part_of(capture: Capture, renderer: RendererName, views: Sequence[int], frames: Sequence[int]) -> str:
    """The folder, in the run's evaluation, of what is not the whole of it; empty for the whole.

    So that a look at one picture, or with another renderer, never replaces the run's result.
    """
    names: list[str] = [] if renderer == "march" else [renderer]
    for kind, chosen, whole in (("views", views, capture.test_views), ("frames", frames, capture.test_frames())):
        if chosen and set(chosen) != set(whole):
            names.append("-".join([kind, *map(str, sorted(set(chosen)))]))
    name = "_".join(names)
    return name if len(name) <= 100 else f"{name[:80]}-{zlib.crc32(name.encode()):08x}"


def provenance(folder: RunFolder) -> dict[str, Any]:
    """What a run's numbers come from: preset, trained steps (null: imported), steps that were asked for, seed; and
    after which steps it was lengthened, if it was."""
    record, done = folder.read(), steps_done(folder)
    return {
        "run": str(folder.root),
        "preset": record.preset,
        "steps": done or None,
        "steps_asked": record.config.train.steps,
        "seed": record.config.train.seed,
    } | ({"lengthened_after": list(record.lengthened)} if record.lengthened else {})


def measure(
    video: Video,
    capture: Capture,
    out: Path,
    renderer: RendererName = "march",
    views: Sequence[int] = (),
    frames: Sequence[int] = (),
    lpips: LPIPS | None = None,
    lpips_note: str = NO_WEIGHTS,
    progress: Bars = no_bars,
    origin: Mapping[str, Any] | None = None,
    parts: Parts | None = None,
) -> Evaluated:
    """Compare a video with its capture; metrics.json and the pictures (see `compared`) go to `out`.

    lpips_note: why there is no `lpips`. origin: what the video comes from, see `provenance`. parts: who compares, if it
    is not this process.
    """
    views = list(views or capture.test_views)
    frames = list(frames or capture.test_frames())
    check_views(views, out)
    for kind, chosen, count in (("view", views, len(capture.cameras)), ("frame", frames, len(capture.frames))):
        for index in chosen:
            if not 0 <= index < count:
                raise InputError(f"{kind} {index} does not exist: there are {count}")
    comparisons: list[Comparison] = []
    with progress("evaluate") as update:
        if parts:
            comparisons = parts.compared(out, renderer, frames, views, update)
        else:
            for one in compared(video, capture, out, renderer, frames, views, lpips):
                comparisons.append(one)
                update(len(comparisons), len(frames) * len(views))
    names = distinct_labels([camera.name for camera in capture.cameras])
    note = None if lpips else lpips_note
    known = {
        **(origin or {}),
        "dymap": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.node()}, {platform.machine()}, {platform.system()}",
        "device": str(video.baked.device),
        "renderer": renderer,
        "capture": str(capture.source.root),
        "training_views": [names[view] for view in video.baked.train_views],
    }
    trained = video.baked.train_views
    summary: dict[str, Any] = {"renderer": renderer, "provenance": known}
    summary |= summarise(comparisons, capture.frames, names, note, trained)
    summary["file"] = file_facts(video.baked)
    write_json(out / "metrics.json", summary)
    return Evaluated(out, renderer, tuple(comparisons), summary, note or "")


def open_lpips(
    folder: Path | None, fetch: bool, device: torch.device, progress: Bars = no_bars
) -> tuple[LPIPS | None, str]:
    """The distance, or None and why. Weights may be absent from the cache, but not from a folder that was named."""
    place = folder or default_folder()
    if fetch:
        for file in missing_files(place):
            with progress(f"download {file.name}, MB") as update:
                download(file, place, lambda done, total: update(done // 10**6, total // 10**6))
    if folder is None and missing_files(place):
        return None, why_absent(place)
    return LPIPS.load(place).to(device), ""
