"""Who listens to training steps: curves on TensorBoard, a log to read by script, a preview picture."""

from __future__ import annotations

import json
import math
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter

from dymap.capture import Capture
from dymap.config import Config, to_json
from dymap.errors import InputError
from dymap.field.field import Field
from dymap.pictures import to_bytes, write_png
from dymap.render.renderer import RendererName, make_renderer
from dymap.train.codes import mean_code
from dymap.train.step import StepReport

CURVES = {"background": "background (may be below 0)"}
"""Names of curves that say more than the loss's own."""


class Curves:
    """TensorBoard scalars (each loss, their sum, PSNR, learning rate, rays a second) and a log in JSON, every `every`
    steps; and, if it is given, the configuration as a text.

    folder: for TensorBoard. log: a file, a line a report. done: the steps that are done already; what a killed run
    drew beyond them is replaced. Close it when training ends: TensorBoard's writer works in the background, and what it
    has not written is lost.
    """

    def __init__(self, folder: Path, log: Path, every: int, done: int = 0, config: Config | None = None):
        self.every = every
        # Steps that a killed run did after its last checkpoint will be done, and drawn, again.
        self.board = Board(folder, done)
        if config is not None:
            lines = json.dumps(to_json(config), indent=2).splitlines()
            self.board.add_text("configuration", "\n".join(f"    {line}" for line in lines), done)
        self.log = log
        self._since, self._rays, self._psnr = time.perf_counter(), 0, list[float]()

    def __call__(self, report: StepReport) -> None:
        self._rays += report.rays
        if math.isfinite(report.psnr):  # a loss function of one's own may report none
            self._psnr.append(report.psnr)
        if (report.step + 1) % self.every:
            return
        now = time.perf_counter()
        scalars = {f"loss/{CURVES.get(name, name)}": value for name, value in report.losses.items()}
        scalars["loss/total"] = sum(report.losses.values())
        mean_psnr = float(np.mean(self._psnr)) if self._psnr else None
        if mean_psnr is not None:
            scalars["psnr"] = mean_psnr
        scalars["lr"] = report.lr
        scalars["rays per second"] = self._rays / max(now - self._since, 1e-9)
        for name, value in scalars.items():
            self.board.add_scalar(name, value, report.step)
        record = asdict(report) | {"mean_psnr": mean_psnr, "rays_per_second": scalars["rays per second"]}
        record["psnr"] = report.psnr if math.isfinite(report.psnr) else None  # JSON knows no NaN
        try:
            with self.log.open("a") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise InputError(f"{self.log}: cannot be written ({error.strerror or error})") from error
        self._since, self._rays, self._psnr = now, 0, []

    def close(self) -> None:
        self.board.close()


class Board:
    """TensorBoard's writer. A full disk or a folder that cannot be written is told once; the training goes on."""

    def __init__(self, folder: Path, done: int = 0):
        """done: steps that are done; what was drawn beyond them is replaced."""
        self.folder = folder
        self._writer: SummaryWriter | None = None
        self._hook = threading.excepthook
        threading.excepthook = self._quietly  # what its thread raises is told here, in one sentence
        with self._unless_it_fails():
            self._writer = SummaryWriter(str(folder), purge_step=done)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        with self._unless_it_fails():
            if self._writer is not None:
                self._writer.add_scalar(name, value, step)

    def add_image(self, name: str, picture: NDArray[np.uint8], step: int) -> None:
        """picture: [H, W, 3] RGB."""
        with self._unless_it_fails():
            if self._writer is not None:
                self._writer.add_image(name, picture, step, dataformats="HWC")

    def add_text(self, name: str, text: str, step: int) -> None:
        with self._unless_it_fails():
            if self._writer is not None:
                self._writer.add_text(name, text, step)

    def close(self) -> None:
        with self._unless_it_fails():
            if self._writer is not None:
                self._writer.close()
        threading.excepthook = self._hook

    def _quietly(self, raised: threading.ExceptHookArgs) -> None:
        if not type(raised.thread).__module__.startswith("tensorboard"):
            self._hook(raised)

    @contextmanager
    def _unless_it_fails(self) -> Iterator[None]:
        """Its thread writes later, so that any call can raise what went wrong with an earlier one."""
        try:
            yield
        except (OSError, UnicodeError) as error:
            self._writer = None
            warnings.warn(
                f"{self.folder}: no more curves for TensorBoard ({getattr(error, 'strerror', None) or error}); the "
                "training goes on",
                stacklevel=2,
            )


class Preview:
    """What a training view looks like now (ground truth beside prediction): a PNG file, TensorBoard, PSNR.

    Never a test view: who looks at one while training chooses by it. path: of the file, written anew every time. size:
    pixels of the picture's longer side at most. Rendered inside the visual hull, so it needs no bake. Takes another
    (frame, view) that was filmed every time.
    """

    def __init__(self, path: Path, field: Field, capture: Capture, config: Config, curves: Curves, size: int = 160):
        self.path, self.field, self.capture, self.config, self.curves = path, field, capture, config, curves
        self.size = size

    def __call__(self, report: StepReport) -> None:
        if (report.step + 1) % self.config.train.preview_every:
            return
        count = (report.step + 1) // self.config.train.preview_every - 1  # the same whether the run was resumed or not
        index = (count * 7) % len(self.capture.frames)
        views = self.capture.train_views_of(index)
        view = int(views[count % len(views)])
        camera = self.capture.cameras[view]
        scale = min(1.0, self.size / max(camera.width, camera.height))
        small = camera.resized(max(1, round(camera.width * scale)), max(1, round(camera.height * scale)))
        with torch.no_grad():
            frame = self.field.at(index, mean_code(self.field, self.capture, index))
            grid = None
            if self.capture.has_hull(index):
                hull = self.capture.hull(index, self.config.train.hull_grid)
                grid = torch.from_numpy(hull).to(self.field.boxes.device)
            name: RendererName = "volume" if grid is None else "march"
            seen = make_renderer(name, frame, grid, self.config.render).render(small)
        truth = cv2.resize(
            self.capture.image(index, view)[0], (small.width, small.height), interpolation=cv2.INTER_AREA
        )
        pair = np.concatenate([truth, to_bytes(seen.rgb)], axis=1)
        self.curves.board.add_image("preview", pair, report.step)
        if (hit := seen.hit.cpu().numpy()).any():
            error = ((truth / 255.0 - seen.rgb.cpu().numpy()) ** 2)[hit].mean()
            self.curves.board.add_scalar("preview psnr (training view)", -10 * np.log10(max(error, 1e-10)), report.step)
        write_png(self.path, pair)
