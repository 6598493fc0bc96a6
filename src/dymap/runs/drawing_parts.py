"""A film that tasks draw, range by range, and that is put together here in order.

range of images -> its task -> pictures in a folder beside the film -> told -> the film takes them, and they go
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from dymap.partials import beside
from dymap.play.drawing import Drawing, Pictures, Take, draw_here, write_array
from dymap.play.video import load
from dymap.runs.bars import no_bars
from dymap.runs.folder import RunFolder
from dymap.runs.process import pick_device
from dymap.runs.ranges import ranges
from dymap.runs.tasks import Channel, Engine, Place, Task
from dymap.runs.truth import open_truth


@dataclass(frozen=True)
class Shown:
    """What a film shows. place: a run's folder, or a baked file. data: where the capture is, if it was moved."""

    place: Path
    data: str | Path | None


def draw_parts(engine: Engine, shown: Shown, drawing: Drawing, take: Take) -> None:
    """Draw a film by the tasks of an engine. The same pictures as those of `draw_here`, in the same order."""
    near = next(place for place in (drawing.path, drawing.png, drawing.exr) if place is not None)
    near.parent.mkdir(parents=True, exist_ok=True)
    where = engine.places(len(drawing.film))
    parts = ranges(len(drawing.film), len(where))
    ready, taken = set[int](), 0
    with beside(near.parent / "pictures") as place:
        folder = place.parent.absolute()

        def told(_: int, number: int) -> None:
            nonlocal taken
            ready.add(number)
            while taken in ready:
                files = {layer: picture_file(folder, taken, layer) for layer in drawing.layers}
                take({layer: np.load(file) for layer, file in files.items()})
                for file in files.values():
                    file.unlink()
                taken += 1

        engine.run([part_of(drawing, shown, part, folder) for part in parts], where, told)


def part_of(drawing: Drawing, shown: Shown, part: range, folder: Path) -> Task[None]:
    """The task that draws a range of images."""
    own = replace(drawing, film=drawing.film[part.start : part.stop], first=part.start)
    name = f"images {part.start} to {part.stop - 1} of the film"
    return Task(name, partial(draw_part, shown, own, folder), "the same command begins again")


def draw_part(shown: Shown, drawing: Drawing, folder: Path, at: Place, channel: Channel) -> None:
    """What a task does: draw, and tell the number of each image whose pictures are in the folder."""
    video = load(shown.place, pick_device(at.device, at.threads))
    run = RunFolder(shown.place if shown.place.is_dir() else shown.place.parent)
    truth = open_truth(video, drawing.film, run, no_bars, shown.data) if "diff" in drawing.layers else None
    number = drawing.first

    def take(pictures: Pictures) -> None:
        nonlocal number
        for layer, picture in pictures.items():
            write_array(picture_file(folder, number, layer), picture)
        channel.tell(number)
        number += 1

    draw_here(video, truth, drawing, take)
    video.close()


def picture_file(folder: Path, number: int, layer: str) -> Path:
    """Where an image's layer waits for the film."""
    return folder / f"{number:06d}_{layer}.npy"
