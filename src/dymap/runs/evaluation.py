"""`dymap.runs.evaluate`: how close a video comes to held-out views.

run -> video, capture -> evaluate.protocol, image by image -> pictures, metrics.json -> Evaluated
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from dymap.capture import Capture, open_capture
from dymap.errors import InputError
from dymap.evaluate.lpips import LPIPS
from dymap.evaluate.lpips_files import NO_WEIGHTS, default_folder, download, missing_files, why_absent
from dymap.evaluate.protocol import METRICS, Comparison
from dymap.evaluate.protocol import evaluate as compare_all
from dymap.evaluate.report import TITLES, side_by_side, summarise, table_rows
from dymap.files import write_json
from dymap.pictures import write_png
from dymap.play.video import RendererName, Video, load
from dymap.runs.bars import Bars, no_bars
from dymap.runs.folder import RunFolder
from dymap.runs.process import pick_device


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
        return [["view", *(TITLES[key] for key in METRICS)], *table_rows(self.summary)]


def evaluate(
    run: str | Path,
    *,
    renderer: RendererName = "march",
    views: Sequence[int] = (),
    frames: Sequence[int] = (),
    out: str | Path | None = None,
    lpips_weights: Path | None = None,
    download_lpips: bool = False,
    device: str = "auto",
    threads: int = 0,
    progress: Bars = no_bars,
) -> Evaluated:
    """Measure a baked run on its test views: PSNR (box, foreground, image), SSIM, LPIPS, side-by-side pictures.

    views, frames: indices and positions, default the run's test views and frames. out: folder of the report, default
    in the run. lpips_weights: folder of the weights, default the user's cache; download_lpips: fetch missing ones.
    Raises InputError for a run that is not baked, has lost its capture or kept no test views.
    """
    folder = RunFolder(Path(run))
    record = folder.read()
    where = pick_device(device, threads)
    video = load(folder.root, where)
    lpips, note = open_lpips(lpips_weights, download_lpips, where, progress)
    with progress("prepare images") as update:
        capture = open_capture(record.data, record.config.capture, update)
    place = Path(out) if out is not None else folder.evaluation
    return measure(video, capture, place, renderer, views, frames, lpips, note, progress)


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
) -> Evaluated:
    """Compare a video with its capture; metrics.json and pictures go to `out`. lpips_note: why there is no `lpips`."""
    views = list(views or capture.test_views)
    frames = list(frames or capture.test_frames())
    if not views:
        raise InputError("the run kept no test views; name some with --views")
    for kind, chosen, count in (("view", views, len(capture.cameras)), ("frame", frames, len(capture.frames))):
        for index in chosen:
            if not 0 <= index < count:
                raise InputError(f"{kind} {index} does not exist: there are {count}")
    comparisons: list[Comparison] = []
    with progress("evaluate") as update:
        for one in compare_all(capture, partial(video.render, renderer=renderer), frames, views, lpips):
            comparisons.append(one)
            write_png(out / f"frame{one.frame:06d}_view{one.view:02d}.png", side_by_side(one))
            update(len(comparisons), len(frames) * len(views))
    names = [camera.name or str(index) for index, camera in enumerate(capture.cameras)]
    note = None if lpips else lpips_note
    summary = {"renderer": renderer} | summarise(comparisons, capture.frames, names, note)
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
