"""dymap evaluate: how close a video comes to held-out views."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from rich.table import Table

from dymap.capture import Capture, open_capture
from dymap.cli.console import Device, Renderer, Threads, console, pick_device, progress_bar
from dymap.errors import InputError
from dymap.evaluate.lpips import LPIPS
from dymap.evaluate.lpips_files import NO_WEIGHTS, default_folder, download, missing_files, why_absent
from dymap.evaluate.protocol import METRICS, Comparison, compare
from dymap.evaluate.report import TITLES, side_by_side, summarise, table_rows
from dymap.files import write_json
from dymap.play.movie import write_png
from dymap.play.video import Video, load
from dymap.train.run import RunFolder


def evaluate(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of a baked run.")],
    renderer: Annotated[
        Renderer, tyro.conf.arg(help="march: exact; fast: real time; volume: all samples of the box.")
    ] = "march",
    views: Annotated[tuple[int, ...], tyro.conf.arg(help="Views; default: the test views.")] = (),
    frames: Annotated[tuple[int, ...], tyro.conf.arg(help="Frame positions; default: every test frame.")] = (),
    out: Annotated[Path | None, tyro.conf.arg(help="Folder of the report; default: in the run.")] = None,
    lpips_weights: Annotated[Path | None, tyro.conf.arg(help="Folder of LPIPS weights; default: your cache.")] = None,
    download_lpips: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Fetch missing LPIPS weights (550 MB) there first.")
    ] = False,
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Measure a run on its test views: PSNR (box, foreground, image), SSIM, LPIPS, side-by-side pictures."""
    folder = RunFolder(run)
    record = folder.read()
    where = pick_device(device, threads)
    video = load(run, where)
    lpips, note = open_lpips(lpips_weights, download_lpips, where)
    with progress_bar("prepare images") as progress:
        capture = open_capture(record.data, record.config.capture, progress)
    evaluate_video(video, capture, out or folder.evaluation, renderer, list(views), list(frames), lpips, note)
    return 0


def open_lpips(folder: Path | None, fetch: bool, device: torch.device) -> tuple[LPIPS | None, str]:
    """The distance, or None and why. Weights may be absent from the cache, but not from a folder that was named."""
    place = folder or default_folder()
    if fetch:
        for file in missing_files(place):
            with progress_bar(f"download {file.name}, MB") as progress:
                download(file, place, lambda done, total: progress(done // 10**6, total // 10**6))
    if folder is None and missing_files(place):
        return None, why_absent(place)
    return LPIPS.load(place).to(device), ""


def evaluate_video(
    video: Video,
    capture: Capture,
    out: Path,
    renderer: Renderer,
    views: list[int],
    frames: list[int],
    lpips: LPIPS | None = None,
    lpips_note: str = NO_WEIGHTS,
) -> tuple[list[Comparison], dict[str, Any]]:
    """Write metrics.json and pictures to `out`, print the table; returns the images and what metrics.json holds.

    Without `lpips`, `lpips_note` says in both places why.
    """
    views = views or list(capture.test_views)
    frames = frames or list(capture.test_frames())
    if not views:
        raise InputError("the run kept no test views; name some with --views")
    for kind, chosen, count in (("view", views, len(capture.cameras)), ("frame", frames, len(capture.frames))):
        for index in chosen:
            if not 0 <= index < count:
                raise InputError(f"{kind} {index} does not exist: there are {count}")
    comparisons = []
    with progress_bar("evaluate") as progress:
        items = [(frame, view) for frame in frames for view in views]
        for done, (frame, view) in enumerate(items, 1):
            comparisons.append(compare(capture, partial(video.render, renderer=renderer), frame, view, lpips))
            write_png(out / f"frame{frame:06d}_view{view:02d}.png", side_by_side(comparisons[-1]))
            progress(done, len(items))
    names = [camera.name or str(index) for index, camera in enumerate(capture.cameras)]
    summary = {"renderer": renderer} | summarise(comparisons, capture.frames, names, None if lpips else lpips_note)
    write_json(out / "metrics.json", summary)
    table = Table("view", *(TITLES[key] for key in METRICS))
    for row in table_rows(summary):
        table.add_row(*row)
    console.print(table)
    if not lpips:
        console.print(f"LPIPS {lpips_note}")
    console.print(f"{summary['seconds_per_image']:.2f} s an image ({renderer}); report: {out}")
    return comparisons, summary
