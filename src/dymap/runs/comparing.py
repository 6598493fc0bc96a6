"""An evaluation that tasks do, range of frames by range of frames.

range of frames -> its task: video, capture, comparisons and their pictures -> all comparisons, frame-major
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dymap.capture import Capture
from dymap.config import RendererName
from dymap.evaluate.lpips import LPIPS
from dymap.evaluate.protocol import Comparison
from dymap.evaluate.protocol import evaluate as compare_all
from dymap.evaluate.report import side_by_side
from dymap.pictures import to_bytes, write_png
from dymap.play.video import Video, load
from dymap.runs.bars import Update, no_bars
from dymap.runs.captures import open_prepared
from dymap.runs.folder import RunFolder
from dymap.runs.process import pick_device
from dymap.runs.ranges import ranges
from dymap.runs.tasks import Channel, Engine, Place, Task


def compared(
    video: Video,
    capture: Capture,
    out: Path,
    renderer: RendererName,
    frames: Sequence[int],
    views: Sequence[int],
    lpips: LPIPS | None,
) -> Iterator[Comparison]:
    """Compare a video with its capture, image by image; the pictures go to `out`: truth, prediction and error side by
    side, and in folders of their own `truth` and `prediction`, for metrics of one's own."""
    for one in compare_all(capture, partial(video.render, renderer=renderer), list(frames), list(views), lpips):
        name = f"frame{one.frame:06d}_view{one.view:02d}.png"
        write_png(out / name, side_by_side(one))
        write_png(out / "truth" / name, to_bytes(one.truth))
        write_png(out / "prediction" / name, to_bytes(one.prediction))
        yield one


@dataclass(frozen=True)
class Parts:
    """How tasks find what is compared: the run, its capture, and the folder of LPIPS weights (None: without)."""

    engine: Engine
    run: Path
    data: Path
    weights: Path | None

    def compared(
        self, out: Path, renderer: RendererName, frames: Sequence[int], views: Sequence[int], update: Update
    ) -> list[Comparison]:
        """As `compared`, by the tasks of the engine."""
        where = self.engine.places(len(frames))
        parts = ranges(len(frames), len(where))
        done = [0] * len(parts)

        def told(number: int, images: int) -> None:
            done[number] = images
            update(sum(done), len(frames) * len(views))

        tasks = [
            Task(
                f"frames {frames[part[0]]} to {frames[part[-1]]} of the evaluation",
                partial(
                    compare_part, self.run, self.data, self.weights, out, renderer, [frames[k] for k in part], views
                ),
                "the same command begins again",
            )
            for part in parts
        ]
        return [one for found in self.engine.run(tasks, where, told) for one in found or ()]


def compare_part(
    run: Path,
    data: Path,
    weights: Path | None,
    out: Path,
    renderer: RendererName,
    frames: Sequence[int],
    views: Sequence[int],
    at: Place,
    channel: Channel,
) -> list[Comparison]:
    """What a task does: compare its frames, and tell how many images are done."""
    device = pick_device(at.device, at.threads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # who made this task has said them
        video = load(run, device)
        capture = open_prepared(data, RunFolder(run).read().config.capture, no_bars)
    lpips = LPIPS.load(weights).to(device) if weights else None
    found = list[Comparison]()
    for one in compared(video, capture, out, renderer, frames, views, lpips):
        found.append(one)
        channel.tell(len(found))
    video.close()
    return found
