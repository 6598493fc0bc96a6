"""Write a reader: teach dymap a layout of captures, and train on one.

    python examples/04_write_a_reader.py --out out/04    # a minute

The layout: `cameras.json`, and for each camera an array 00.npy, 01.npy, ... [frames, H, W, 4] of RGB and mask.
A reader is a module with `LOOKS_FOR`, `Options`, `score`, `missing` and `read`, as this file is one (see CONTRIBUTING).
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro

import dymap
from dymap.capture import Source, layouts, read_source
from dymap.capture.source import Footage
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.files import read_json, write_json
from dymap.video.facts import camera_to_json

LOOKS_FOR = "cameras.json, and an array 00.npy, 01.npy, ... for each camera"


@dataclass(frozen=True)
class Options:  # what the files do not say, such as the metres of T's unit; set as capture.options.metres
    metres: float = 1.0


def missing(root: Path) -> list[str]:  # what a folder lacks to have this layout
    return [name for name in ("cameras.json", "00.npy") if not (root / name).is_file()]


def score(root: Path) -> float:  # how sure it is, 0 to 1, that a folder has it
    return 0.0 if missing(root) else 0.9


def read(root: Path, options: Options) -> Source:  # lists what is there; raises InputError if it cannot
    try:
        cameras = [dymap.Camera(**entry) for entry in read_json(root / "cameras.json")]
        paths = tuple(root / f"{view:02d}.npy" for view in range(len(cameras)))
        footage = Arrays(paths, tuple(np.load(path, mmap_mode="r", allow_pickle=False) for path in paths))
    except (OSError, TypeError, ValueError) as error:
        raise InputError(f"{root}: not {LOOKS_FOR} ({error})") from None
    cameras = [replace(camera, T=camera.T * options.metres) for camera in cameras]
    return Source("arrays", options, root, tuple(cameras), tuple(range(len(footage.arrays[0]))), footage)


@dataclass(frozen=True, eq=False)
class Arrays(Footage):  # the pictures; they stay on the disk until they are asked for
    paths: tuple[Path, ...]
    arrays: tuple[np.ndarray, ...]
    has_masks = True

    def files(self, frame: int, view: int) -> tuple[Path, ...]:  # noqa: ARG002
        return (self.paths[view],)

    def picture(self, frame: int, view: int) -> np.ndarray:  # [H, W, 3] RGB
        return self.arrays[view][frame, ..., :3]

    def mask(self, frame: int, view: int) -> np.ndarray:  # [H, W]: 0 background, 1 foreground, 100 face
        return self.arrays[view][frame, ..., 3]


def main(steps: int = 150, size: int = 128, frames: int = 4, out: Path = Path("out/04")) -> None:
    folder, root = out / f"sample_{frames}x{size}", out / f"arrays_{frames}x{size}"
    sample = read_source(dymap.runs.sample(folder, size=size, frames=frames).folder, CaptureConfig())
    write_json(root / "cameras.json", [camera_to_json(camera) for camera in sample.cameras])
    for view in range(len(sample.cameras)):  # the sample in this layout, so that there is something to read
        np.save(root / f"{view:02d}.npy", [np.dstack(sample.read(frame, view)) for frame in range(frames)])
    layouts.READERS["arrays"] = sys.modules[__name__]  # from here on dymap knows the layout
    options = {"train.steps": steps, "train.preview_every": steps, "capture.boxes": "hull", "capture.test_views": (3,)}
    print(dymap.runs.train(root, out / "run", preset="tiny", options=options, say=print).run / "preview.png")


if __name__ == "__main__":
    tyro.cli(main)
