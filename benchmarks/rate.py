"""Rate and distortion of packed files: how large they are, by part, and what that costs.

    python -m benchmarks.rate runs/mine              # a run whose capture is there
    python -m benchmarks.rate clip.dymap             # an exact file: only against the model that was not rounded

Each row is a file of version 2 that was written and read: its coarseness (dymap/video/quantise.py), MB a frame by part,
PSNR of its pictures against those of the exact model (over what these show) and, on the test views of the capture,
against what was filmed (foreground), and seconds of decoding a frame. The last row of a table is the exact model.
"""

from __future__ import annotations

import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from dymap.capture import Capture
from dymap.evaluate.protocol import evaluate
from dymap.files import write_json
from dymap.play.video import Video, load
from dymap.runs.baking import bake
from dymap.runs.bars import no_bars
from dymap.runs.captures import find_capture, open_prepared
from dymap.runs.coarseness import cameras_of, difference, pictures, standard_coarseness
from dymap.runs.folder import RunFolder
from dymap.runs.process import pick_device
from dymap.video.clip import BakedVideo
from dymap.video.model_file import load_video
from dymap.video.packing import save_packed

COARSENESSES = (1e-6, 2e-6, 3e-6, 4e-6, 6e-6, 8e-6, 1.2e-5, 1.6e-5, 2.4e-5)
PARTS = ("hash", "decoder", "occupancy", "codes")


@dataclass(frozen=True)
class Row:
    """parts: bytes a frame. model, filmed: dB; seconds: of decoding a frame."""

    coarseness: float
    parts: dict[str, float]
    model: float
    filmed: float
    seconds: float

    @property
    def megabytes(self) -> float:
        return sum(self.parts.values()) / 1e6


def measure(exact: BakedVideo, coarsenesses: tuple[float, ...], capture: Capture | None, frames: int) -> list[Row]:
    """A row for each coarseness, and one of the exact model (coarseness 0)."""
    part = exact.part(0)
    cameras = cameras_of(part)
    expected = pictures(part, cameras)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for coarseness in coarsenesses:
            path = Path(folder) / "packed.dymap"
            parts = save_packed(path, exact, coarseness)
            packed = load_video(path)
            started = time.perf_counter()
            for index in range(len(packed.segments)):
                packed.segment(index)
            seconds = (time.perf_counter() - started) / len(exact.frames)
            error = difference(pictures(packed.part(0), cameras), expected)
            a_frame = {name: size / len(exact.frames) for name, size in parts.items()}
            model = -10 * math.log10(max(error, 1e-12))
            rows.append(Row(coarseness, a_frame, model, against_film(packed, capture, frames), seconds))
    return [*rows, Row(0, {}, math.inf, against_film(exact, capture, frames), 0)]


def against_film(baked: BakedVideo, capture: Capture | None, count: int) -> float:
    """Mean PSNR of the foreground, dB, of the test views at `count` moments; nan without a capture or test views."""
    if capture is None or not capture.test_views:
        return math.nan
    moments = sorted({round(x) for x in np.linspace(0, len(capture.frames) - 1, count)})
    video = Video(baked)
    found = [one.metrics["psnr_foreground"] for one in evaluate(capture, video.render, moments)]
    video.close()
    return float(np.nanmean(found))


def text(rows: list[Row]) -> str:
    """A table in Markdown."""
    titles = [
        "coarseness",
        "MB a frame",
        *PARTS,
        "rest",
        "dB to the model",
        "dB to the film",
        "lost",
        "decoding, s a frame",
    ]
    lines = [titles, ["---"] * len(titles)]
    for row in rows:
        parts = [row.parts.get(name, 0) / 1e6 for name in PARTS]
        lines.append(
            [
                f"{row.coarseness:.3g}" if row.coarseness else "exact",
                f"{row.megabytes:.4f}",
                *(f"{size:.4f}" for size in (*parts, row.megabytes - sum(parts))),
                f"{row.model:.1f}",
                f"{row.filmed:.3f}",
                f"{rows[-1].filmed - row.filmed:.3f}",
                f"{row.seconds:.3f}",
            ]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(
    clip: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="A run, or an exact baked file.")],
    data: Annotated[Path | None, tyro.conf.arg(help="Where the run's capture is now.")] = None,
    coarseness: Annotated[tuple[float, ...], tyro.conf.arg(help="Rows of the table.")] = COARSENESSES,
    frames: Annotated[int, tyro.conf.arg(help="Moments that are compared with what was filmed.")] = 4,
    json: Annotated[Path | None, tyro.conf.arg(help="Write the figures here too.")] = None,
) -> None:
    """Print the table, and which coarseness is the standard for this clip."""
    device, capture = pick_device("cpu", 0), None
    if clip.is_dir():
        folder = RunFolder(clip)
        place = find_capture(folder, data)
        capture = open_prepared(place, folder.read().config.capture, no_bars)
        with tempfile.TemporaryDirectory() as scratch:
            file = bake(clip, Path(scratch) / "exact.dymap", data=place, exact=True, capture=capture).path
            exact = load(file, device).baked
    else:
        exact = load(clip, device).baked
    rows = measure(exact, coarseness, capture, frames)
    print(text(rows))
    print(f"standard: {standard_coarseness(exact):.3g}")
    if json is not None:
        write_json(json, [vars(row) | {"megabytes": row.megabytes} for row in rows[:-1]])


if __name__ == "__main__":
    tyro.cli(main)
