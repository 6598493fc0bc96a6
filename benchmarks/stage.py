"""What a stage's server reaches, with a browser on the same machine.

    python -m benchmarks.stage runs/mine                         # a baked run or file
    python -m benchmarks.stage runs/mine --clients 1 4 --size 512
    python -m benchmarks.stage runs/mine --soak 10               # and minutes of browsers that come and go

Event to pixel: from the request in the page's script until its canvas holds the picture, milliseconds. Rows: an empty
picture (no rendering), dragging for some seconds with each number of clients in one headless Chromium, the full picture
after a drag ends, and the clip playing in time. The soak's slope of memory is that of its second half.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import tyro
from tests.browser import Page, browser
from tests.stage.visitor import visit

from dymap.files import write_json
from dymap.geometry.camera import Camera
from dymap.kernels import Cancel, Rows
from dymap.render.image import Background, Image
from dymap.render.renderer import Renderer
from dymap.runs.viewing import open_stage
from dymap.stage.server import Settings, Stage
from dymap.stage.subject import ClipSubject, Subject

PARTS = ("queue", "render", "encode", "transfer", "decode", "all")
SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


class Blank(ClipSubject):
    """Pictures that take no time, and are not empty: JPEG has something to do."""

    def renderer(self, frame: int) -> Renderer:  # noqa: ARG002
        return BlankRenderer()


class BlankRenderer:
    nbytes = 0

    def render(
        self,
        camera: Camera,
        background: Background = "black",  # noqa: ARG002
        cancel: Cancel | None = None,  # noqa: ARG002
        rows: Rows | None = None,
    ) -> Image:
        first, end = rows or (0, camera.height)
        return blank(end - first, camera.width)


@lru_cache(maxsize=64)
def blank(height: int, width: int) -> Image:
    ones = torch.ones(height, width)
    return Image(torch.from_numpy(noise(height, width)), ones, ones, ones, ones.bool())


def noise(height: int, width: int) -> np.ndarray:
    """[H, W, 3] float32: soft blobs."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.stack([0.5 + 0.5 * np.sin(x / a + y / b) for a, b in ((7, 31), (19, 11), (53, 23))], axis=-1)


def run_in(page: Page, stage: Stage, **options: Any) -> dict[str, Any]:
    page.visit(stage.url + "clip.json", 900, 700)
    return json.loads(page.evaluate(f"{SCRIPT.rstrip()}({json.dumps(options)})"))


def row(name: str, told: dict[str, Any], kind: str = "draft") -> dict[str, Any]:
    """Medians of what a browser saw. rate: pictures a second of a client."""
    shown = [one for one in told["shown"] if one["kind"] == kind] or told["shown"]
    clients = len({one["engine"] for one in shown}) or 1
    rate = len(shown) / told["seconds"] / clients
    times = {part: float(np.median([one["ms"][part] for one in shown])) for part in PARTS}
    side, size = (float(np.median([one[key] for one in shown])) for key in ("width", "bytes"))
    worst = float(np.percentile([one["ms"]["all"] for one in shown], 95))
    return {"name": name, "rate": rate, "side": side, "kB": size / 1000, **times, "p95": worst}


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """As Markdown."""
    yield "| | pictures/s | side | kB | queue | render | encode | transfer | decode | event to pixel | 95 % |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for one in rows:
        cells = " | ".join(f"{one[part]:.1f}" for part in PARTS)
        numbers = f"{one['rate']:.1f} | {one['side']:.0f} | {one['kB']:.1f} | {cells} | {one['p95']:.1f}"
        yield f"| {one['name']} | {numbers} |"


@contextlib.contextmanager
def without_rendering(subject: Subject, size: int) -> Iterator[Stage]:
    assert isinstance(subject, ClipSubject)
    with Stage(Blank(subject._video), port=0, settings=Settings(size)) as stage:
        yield stage


def resident() -> float:
    """MB of memory that this process takes now."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def come_and_go(url: str, until: float, seed: int) -> None:
    """Clients that drag a while, play a while, say nonsense, and leave in the middle."""
    rng = random.Random(seed)
    while time.time() < until:
        with contextlib.suppress(Exception), visit(url) as visitor:
            visitor.acknowledges = rng.random() < 0.9
            for _ in range(rng.randrange(1, 120)):
                camera, frame = rng.randrange(len(visitor.clip["cameras"])), rng.randrange(visitor.clip["frames"])
                layer = rng.choice(["colour"] * 8 + ["depth", "opacity"])
                visitor.view(camera, frame=frame, moving=rng.random() < 0.9, layer=layer, canvas=[256, 256])
                if rng.random() < 0.05:
                    visitor.send("nonsense")
                with contextlib.suppress(TimeoutError):
                    visitor.next(timeout=0.5)


def soak(stage: Stage, minutes: float, clients: int = 4) -> dict[str, float]:
    """Memory while clients come and go: MB at the beginning and the end, MB a minute over the second half."""
    context = multiprocessing.get_context("spawn")
    until = time.time() + 60 * minutes
    workers = [context.Process(target=come_and_go, args=(stage.url, until, seed)) for seed in range(clients)]
    for worker in workers:
        worker.start()
    seen: list[tuple[float, float]] = []
    began = time.time()
    while time.time() < until:
        time.sleep(min(5.0, 6 * minutes))
        seen.append(((time.time() - began) / 60, resident()))
    for worker in workers:
        worker.join()
    half = np.array(seen[len(seen) // 2 :])
    slope = float(np.polyfit(half[:, 0], half[:, 1], 1)[0]) if len(half) > 1 else 0.0
    return {"minutes": minutes, "first": seen[0][1], "last": seen[-1][1], "slope": slope}


def measure(
    run: Path, clients: tuple[int, ...] = (1, 4), seconds: float = 8, size: int = 512, minutes: float = 0
) -> dict[str, Any]:
    """All figures of a baked run or file."""
    stage = open_stage(run, port=0, size=size)
    rows, more = [], {}
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, browser(Path(folder), "none") as page:
            with without_rendering(stage.subject, size) as blank:
                told = run_in(page, blank, count=1, seconds=0, side=size, kind="single")
                rows.append(row("nothing rendered", told))
            run_in(page, stage, count=1, seconds=2, side=size, kind="drag")  # the frame is made, the pace is learned
            for count in clients:
                told = run_in(page, stage, count=count, seconds=seconds, side=size, kind="drag")
                rows.append(row(f"dragging, {count} client{'s' if count > 1 else ''}", told))
            told = run_in(page, stage, count=1, seconds=0, side=size, kind="release")
            rows.append(row("full picture after it", told, "full"))
            more["released"] = [float(np.percentile(told["released"], share)) for share in (50, 90)]
            for name in ("playing, first time", "playing, again"):
                length = max(seconds, len(stage.subject.boxes) / max(told["fps"], 1))
                rows.append(row(name, run_in(page, stage, count=1, seconds=length, side=size, kind="play")))
        if minutes:
            more["soak"] = soak(stage, minutes)
    finally:
        stage.close()
        stage.subject.close()
    return {"rows": rows, "threads": torch.get_num_threads(), "load": os.getloadavg()[0], **more}


def main(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of a baked run, or a baked file.")],
    clients: tuple[int, ...] = (1, 4),
    seconds: float = 8,
    size: int = 512,
    soak: Annotated[float, tyro.conf.arg(help="Minutes of browsers that come and go.")] = 0,
    json: Annotated[Path | None, tyro.conf.arg(help="File for the figures.")] = None,
) -> None:
    """Measure the stage's server with a headless Chromium on this machine."""
    told = measure(run, clients, seconds, size, soak)
    print("\n".join(table(told["rows"])))
    print(f"\nfull picture after release: {told['released'][0]:.0f} ms, nine of ten within {told['released'][1]:.0f}")
    if "soak" in told:
        print("{minutes:g} minutes: {first:.0f} MB to {last:.0f} MB, {slope:+.2f} MB a minute".format(**told["soak"]))
    if json:
        write_json(json, told)


if __name__ == "__main__":
    tyro.cli(main)
