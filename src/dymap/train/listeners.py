"""Who listens to training steps: curves on TensorBoard, a log to read by script, a preview picture."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import torch
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
        self.writer = SummaryWriter(str(folder), purge_step=done)
        if config is not None:
            lines = json.dumps(to_json(config), indent=2).splitlines()
            self.writer.add_text("configuration", "\n".join(f"    {line}" for line in lines), done)
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
            self.writer.add_scalar(name, value, report.step)
        record = asdict(report) | {"mean_psnr": mean_psnr, "rays_per_second": scalars["rays per second"]}
        record["psnr"] = report.psnr if math.isfinite(report.psnr) else None  # JSON knows no NaN
        try:
            with self.log.open("a") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise InputError(f"{self.log}: cannot be written ({error.strerror or error})") from error
        self._since, self._rays, self._psnr = now, 0, []

    def close(self) -> None:
        self.writer.close()


class Preview:
    """What a training view looks like now (ground truth beside prediction): a PNG file, TensorBoard, PSNR.

    Never a test view: who looks at one while training chooses by it. path: of the file, written anew every time. size:
    pixels of the picture's longer side at most. Rendered inside the visual hull, so it needs no bake. Takes another
    (frame, view) every time.
    """

    def __init__(self, path: Path, field: Field, capture: Capture, config: Config, curves: Curves, size: int = 160):
        self.path, self.field, self.capture, self.config, self.curves = path, field, capture, config, curves
        self.size = size
        self.count = 0

    def __call__(self, report: StepReport) -> None:
        if (report.step + 1) % self.config.train.preview_every:
            return
        views = self.capture.train_views
        frames = len(self.capture.frames)
        view, index = views[self.count % len(views)], (self.count * 7) % frames
        self.count += 1
        camera = self.capture.cameras[view]
        scale = min(1.0, self.size / max(camera.width, camera.height))
        small = camera.resized(max(1, round(camera.width * scale)), max(1, round(camera.height * scale)))
        with torch.no_grad():
            frame = self.field.at(index, mean_code(self.field, self.capture, index))
            grid = None
            if self.capture.has_masks:
                hull = self.capture.hull(index, self.config.train.hull_grid)
                grid = torch.from_numpy(hull).to(self.field.boxes.device)
            name: RendererName = "volume" if grid is None else "march"
            seen = make_renderer(name, frame, grid, self.config.render).render(small)
        truth = cv2.resize(
            self.capture.image(index, view)[0], (small.width, small.height), interpolation=cv2.INTER_AREA
        )
        pair = np.concatenate([truth, to_bytes(seen.rgb)], axis=1)
        error = ((truth / 255.0 - seen.rgb.cpu().numpy()) ** 2)[seen.hit.cpu().numpy()].mean()
        self.curves.writer.add_image("preview", pair, report.step, dataformats="HWC")
        self.curves.writer.add_scalar("preview psnr (training view)", -10 * np.log10(max(error, 1e-10)), report.step)
        write_png(self.path, pair)
