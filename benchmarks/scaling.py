"""How time, memory, disk and file grow with frames, views and pixels.

    python -m benchmarks.scaling                     # some minutes, one thread
    python -m benchmarks.scaling --steps 300

Every row is a capture of the built-in sample that is prepared, trained for a few steps with the preset `tiny` (one
segment) and baked, by commands in processes of their own. Times are those of the processor: of one busy core. What a
long clip takes follows from it: docs/scaling.md does the arithmetic.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import tyro

from dymap.sample import write_sample

SIZES = ((15, 8, 128), (30, 8, 128), (60, 8, 128), (30, 16, 128), (30, 8, 256), (30, 8, 512))
"""(frames, views, pixels along a side)."""
MB = 1e6


@dataclass(frozen=True)
class Row:
    """Seconds of the processor, bytes of memory (the most that the training held), of disk, and of the packed file."""

    frames: int
    views: int
    pixels: int
    check: float
    prepare: float
    train: float
    bake: float
    memory: int
    cache: int
    checkpoint: int
    file: int

    def cells(self) -> list[str]:
        """As a row of a table."""
        pictures = self.frames * self.views
        return [
            *(str(size) for size in (self.frames, self.views, self.pixels)),
            f"{1000 * self.check / pictures:.1f}",
            f"{1000 * self.prepare / pictures:.1f}",
            f"{1000 * self.train:.0f}",
            f"{self.bake / self.frames:.2f}",
            f"{self.memory / MB:.0f}",
            f"{self.cache / pictures / 1e3:.0f}",
            f"{self.checkpoint / MB:.0f}",
            f"{self.file / MB / self.frames:.3f}",
        ]


TITLES = [
    "frames", "views", "pixels", "check, ms a picture", "prepare, ms a picture", "train, ms a step", "bake, s a frame",
    "memory, MB", "prepared, kB a picture", "checkpoint, MB", "file, MB a frame",
]  # fmt: skip


def measure(frames: int, views: int, pixels: int, steps: int, folder: Path) -> Row:
    """One row. folder: scratch."""
    data, run = folder / "data", folder / "run"
    cache = folder / "cache"
    write_sample(data, frames=frames, views=views, size=pixels)
    check = seconds(["capture", "check", str(data)], cache)[0]
    command = [
        "train",
        "--preset",
        "tiny",
        "--data",
        str(data),
        "--out",
        str(run),
        "--test-views",
        "1",
        "--segment",
        "0",
    ]
    command += ["--no-check", "--threads", "1", "--steps"]
    first, _ = seconds([*command, "1"], cache)  # prepares the images, carves
    second, _ = seconds([*command, "2"], cache)  # starts, and finds both done
    third, memory = seconds([*command, str(steps + 2)], cache)
    bake, _ = seconds(["bake", str(run), "--threads", "1"], cache)
    starting = seconds(["info"], cache)[0]
    newest = max((run / "checkpoints").glob("*.safetensors"))
    return Row(
        frames, views, pixels, check - starting, first - second, (third - second) / steps, bake - starting, memory,
        sum(path.stat().st_size for path in cache.rglob("*") if path.is_file()),
        newest.stat().st_size, (run / "video.dymap").stat().st_size,
    )  # fmt: skip


def seconds(words: list[str], cache: Path) -> tuple[float, int]:
    """Processor time of a command, and the bytes of memory that it holds at most."""
    environment = {**os.environ, "DYMAP_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "dymap", *words], stdout=subprocess.DEVNULL, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"dymap {' '.join(words)} failed")
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def main(steps: int = 200) -> None:
    """Print the table."""
    print(f"| {' | '.join(TITLES)} |\n|{'---|' * len(TITLES)}")
    for frames, views, pixels in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            row = measure(frames, views, pixels, steps, Path(folder))
        print(f"| {' | '.join(row.cells())} |", flush=True)


if __name__ == "__main__":
    tyro.cli(main)
