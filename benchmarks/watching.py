"""What watching takes of a training: `dymap train --view` with nobody there, a page that watches, and one that drags.

    python -m benchmarks.watching                                # the sample, one training thread
    python -m benchmarks.watching my_capture --preset small --threads 2 --rounds 6

One training goes on through phases of some seconds, which take turns, so that a machine's moods fall on all of them. A
client that is no browser asks for pictures and throws them away: a page would take processor time on this machine that
a visitor's own machine has. Rays a second are the training's own figures, medians over the phases of a kind.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from tests.stage.visitor import Visitor, visit

from dymap.sample import write_sample

PHASES = ("nobody looks", "a page watches", "somebody drags")
SETTLING = 1.5
"""Seconds of a phase that do not count: what was asked for before is still being drawn."""
LOG_EVERY = 5
"""Steps between two figures of the training."""
PATIENCE = 120.0
"""Seconds after which the training should have begun, or have told its next figures."""


@dataclass
class Phase:
    """What one kind of phase saw. rays: a second, median of each phase; pictures: a second, of each phase."""

    rays: list[float] = field(default_factory=list)
    pictures: list[float] = field(default_factory=list)


def measure(command: list[str], run: Path, seconds: float, rounds: int, side: int) -> dict[str, Phase]:
    """Phases of a training that the command begins, in this folder."""
    phases = {name: Phase() for name in PHASES}
    with training(command) as url:
        figures(run, 1, PATIENCE)
        for _ in range(rounds):
            for name, phase in phases.items():
                with visit(url) if name != PHASES[0] else nullcontext() as visitor:
                    look(visitor, name, SETTLING, side)
                    before = len(figures(run, 0))
                    phase.pictures.append(look(visitor, name, seconds, side) / seconds)
                    phase.rays.append(float(np.median(figures(run, before + 1, PATIENCE)[before:])))
    return phases


@contextmanager
def training(command: list[str]) -> Iterator[str]:
    """The address of a training's page, until the training is ended."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            told = ""
            for line in process.stdout:
                told += line
                if found := re.search(r"http://\S+/", line):
                    yield found[0]
                    break
            else:
                raise SystemExit(f"the training did not begin:\n{told}")
        finally:
            process.kill()


def figures(run: Path, count: int, patience: float = 0) -> list[float]:
    """Rays a second, as the training wrote them down so far: so many at least, if they come in time."""
    end = time.monotonic() + patience
    while True:
        lines = (run / "log.jsonl").read_text(encoding="utf-8").split("\n")[:-1] if (run / "log.jsonl").exists() else []
        if len(lines) >= count or time.monotonic() > end:
            assert len(lines) >= count, "the training has ended"
            return [json.loads(line)["rays_per_second"] for line in lines]
        time.sleep(0.1)


def look(visitor: Visitor | None, how: str, seconds: float, side: int) -> int:
    """Be there for some seconds; returns how many pictures came."""
    end, count, step = time.monotonic() + seconds, 0, 0
    if visitor is None:
        time.sleep(seconds)
        return 0
    cameras = len(visitor.clip["cameras"])
    while (left := end - time.monotonic()) > 0:
        step += 1
        moving = how == PHASES[2]
        if moving or step == 1:
            visitor.view(step % cameras, moving=moving, canvas=[side, side])
        try:
            head, data = visitor.next(left)
            count += len(data) > 0
            if not data and head["type"] == "training" and not moving:
                visitor.view(0, canvas=[side, side])  # as the page does: what is seen has changed
        except TimeoutError:
            pass
    return count


def table(phases: dict[str, Phase]) -> Iterator[str]:
    """As Markdown: medians (range) of the phases."""
    alone = np.median(phases[PHASES[0]].rays)
    yield "| | thousand rays/s | of nobody's | pictures/s |"
    yield "|---|---|---|---|"
    for name, phase in phases.items():
        rays = np.array(phase.rays)
        seen = f"{np.median(rays) / 1000:.1f} ({rays.min() / 1000:.1f} to {rays.max() / 1000:.1f})"
        yield f"| {name} | {seen} | {np.median(rays) / alone:.2f} | {np.median(phase.pictures):.1f} |"


def main(
    data: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(help="A capture; default: the sample.")] = None,
    preset: str = "tiny",
    threads: int = 1,
    seconds: float = 12,
    rounds: int = 4,
    side: Annotated[int, tyro.conf.arg(help="Pixels of the pictures that are asked for.")] = 512,
) -> None:
    """Measure what watching takes of a training."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        if data is None:
            data = Path(folder, "sample")
            write_sample(data)
        command = command_of(data, run, preset, threads)
        print("\n".join(table(measure(command, run, seconds, rounds, side))))


def command_of(data: Path, run: Path, preset: str, threads: int) -> list[str]:
    """A training that ends when it is killed."""
    asked = ["--data", data, "--out", run, "--preset", preset, "--threads", threads, "--steps", 10**6, "--segment", 0]
    asked += ["--train.log-every", LOG_EVERY, "--no-check", "--view", "--view-port", 0]
    return [sys.executable, "-m", "dymap", "train", *map(str, asked)]


if __name__ == "__main__":
    tyro.cli(main)
