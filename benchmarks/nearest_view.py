"""The baseline that a model must beat: the nearest training view, warped through the visual hull.

    python -m benchmarks.nearest_view --data DIR --test-views 3 7 11 15 --frames 0 6 12 18 --run runs/mine

No optimisation at all: a pixel's ray ends at the first voxel of the hull of the training masks, and that point's
colour is looked up in the nearest training camera, seen from the hull's centre. Measured with the very
protocol of the models. The hull here is the tight one (a voxel's centre lies in every mask): the conservative hull
that training samples in is fatter, which shifts what is looked up and costs this baseline 4 dB.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from dymap.capture import Capture, open_capture
from dymap.capture.hull import carve
from dymap.config import CaptureConfig
from dymap.evaluate.protocol import evaluate
from dymap.evaluate.report import COLUMNS, TITLES, summarise, table_rows
from dymap.files import read_json
from dymap.geometry.camera import Array, Camera
from dymap.geometry.grid import grid_shape
from dymap.geometry.rays import Rays, camera_rays
from dymap.render.image import Image, Rendered, assemble
from dymap.runs import RunFolder

CHUNK = 4096
"""Rays marched at once."""


def hull_depths(rays: Rays, box: NDArray[np.float32], hull: NDArray[np.bool_], per_voxel: int = 2) -> Array:
    """[R] metres along each ray to the first point inside the hull, infinity if there is none.

    hull: [gx, gy, gz] over the box. Rays are sampled every 1 / per_voxel of a voxel's shortest side.
    """
    shape = np.array(hull.shape)
    voxel = (box[1] - box[0]).astype(np.float64) / shape
    step = float(voxel.min()) / per_voxel
    near, far = rays.near.double().numpy().clip(min=0), rays.far.double().numpy()
    origins, directions = rays.origins.double().numpy(), rays.directions.double().numpy()
    depths = np.full(len(rays), np.inf)
    for start in range(0, len(rays), CHUNK):
        part = slice(start, start + CHUNK)
        steps = np.arange(int(np.ceil((far[part] - near[part]).max(initial=0) / step)) + 1)
        z = near[part, None] + (steps + 0.5) * step  # [R, S]
        points = origins[part, None] + directions[part, None] * z[..., None]
        cell = np.clip(((points - box[0]) / voxel).astype(np.int64), 0, shape - 1)
        inside = hull[cell[..., 0], cell[..., 1], cell[..., 2]] & (z < far[part, None])
        first = inside.argmax(axis=1)
        depths[part] = np.where(inside.any(axis=1), np.take_along_axis(z, first[:, None], 1)[:, 0], np.inf)
    return depths


def tighten(
    hull: NDArray[np.bool_], cameras: Sequence[Camera], masks: Sequence[NDArray[np.uint8]], box: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """The voxels of a hull [gx, gy, gz] whose centre lies on the foreground of every mask [H, W] that sees it."""
    index = np.argwhere(hull)
    centres = box[0] + (index + 0.5) * ((box[1] - box[0]).astype(np.float64) / hull.shape)
    kept = np.ones(len(index), bool)
    for camera, mask in zip(cameras, masks, strict=True):
        pixels, depth = camera.project(centres)
        column, row = np.rint(pixels).astype(np.int64).T
        seen = (depth > 0) & (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
        kept[seen] &= mask[row[seen], column[seen]] != 0
    out = np.zeros_like(hull)
    out[tuple(index[kept].T)] = True
    return out


def nearest_cameras(camera: Camera, others: Sequence[Camera], centre: Array, count: int) -> tuple[list[int], Array]:
    """Positions of the `count` nearest of `others`, by the angle at `centre`, and their angles in radians."""

    def towards(position: Array) -> Array:
        return (position - centre) / np.linalg.norm(position - centre)

    cosines = np.array([towards(other.position) @ towards(camera.position) for other in others])
    order = np.argsort(-cosines, kind="stable")[:count]
    return order.tolist(), np.arccos(np.clip(cosines[order], -1, 1))


class NearestView:
    """A renderer for the protocol: (camera, frame position) -> Image."""

    def __init__(self, capture: Capture, voxels: int = 128, nearest: int = 1):
        self.capture, self.voxels, self.nearest = capture, voxels, nearest
        self._hulls: dict[int, NDArray[np.bool_]] = {}

    def hull(self, frame: int) -> NDArray[np.bool_]:
        """[gx, gy, gz] the frame's hull of the training masks."""
        if frame not in self._hulls:
            capture, box = self.capture, self.capture.boxes[frame]
            cameras = [capture.cameras[view] for view in capture.train_views]
            masks = [capture.image(frame, view)[1] for view in capture.train_views]
            safe = carve(cameras, masks, box, grid_shape(box, self.voxels))
            self._hulls[frame] = tighten(safe, cameras, masks, box)
        return self._hulls[frame]

    def __call__(self, camera: Camera, frame: int) -> Image:
        capture, box, hull = self.capture, self.capture.boxes[frame], self.hull(frame)
        rays, hit = camera_rays(camera, torch.from_numpy(box))
        depths = hull_depths(rays, box, hull)
        found = np.isfinite(depths)
        points = rays.origins.double().numpy() + rays.directions.double().numpy() * np.where(found, depths, 0)[:, None]
        filled = np.argwhere(hull)
        middle = (filled.mean(axis=0) + 0.5) / hull.shape if len(filled) else np.full(3, 0.5)
        centre = box[0] + middle * (box[1] - box[0])
        others = [capture.cameras[view] for view in capture.train_views]
        chosen, angles = nearest_cameras(camera, others, centre, self.nearest)
        weights = 1 / (angles + 1e-3)
        rgb = np.zeros((len(rays), 3), np.float32)
        for index, weight in zip(chosen, weights / weights.sum(), strict=True):
            seen = look_up(capture.image(frame, capture.train_views[index])[0], others[index], points[found])
            rgb[found] += np.float32(weight) * seen
        return assemble(
            Rendered(torch.from_numpy(rgb), torch.from_numpy(found).float(), torch.from_numpy(depths).float()),
            rays.far, hit, camera.width,
        )  # fmt: skip


def look_up(image: NDArray[np.uint8], camera: Camera, points: Array) -> NDArray[np.float32]:
    """[N, 3] in [0, 1]: where world points [N, 3] lie in a camera's image, bilinear, black beyond its border."""
    if len(points) == 0:
        return np.zeros((0, 3), np.float32)
    pixels, depth = camera.project(points)
    pixels[depth <= 0] = -10
    # remap refuses images of more than 32767 rows: fold the list of points into a square.
    width = int(np.ceil(np.sqrt(len(points))))
    padded = np.full((width * width, 2), -10, np.float32)
    padded[: len(points)] = pixels.clip(-10, 1e6)
    grid = padded.reshape(width, width, 2)
    out = cv2.remap(
        image.astype(np.float32) / np.float32(255), grid[..., 0], grid[..., 1], cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
    )  # fmt: skip
    return np.asarray(out, np.float32).reshape(-1, 3)[: len(points)]


def measure(capture: Capture, frames: Sequence[int], voxels: int = 128, nearest: int = 1) -> dict[str, Any]:
    """The summary of the baseline over the capture's test views, as `dymap evaluate` writes it for a model."""
    comparisons = list(evaluate(capture, NearestView(capture, voxels, nearest), list(frames)))
    names = [camera.name or str(index) for index, camera in enumerate(capture.cameras)]
    return summarise(comparisons, capture.frames, names)


def main(
    data: Annotated[Path, tyro.conf.arg(help="Folder of the capture.")],
    test_views: Annotated[tuple[int, ...], tyro.conf.arg(help="Views that are not looked up.")] = (3, 7, 11, 15),
    frames: Annotated[tuple[int, ...], tyro.conf.arg(help="Frame positions.")] = (0, 6, 12, 18),
    ratio: Annotated[float, tyro.conf.arg(help="Resize images by this.")] = 1.0,
    voxels: Annotated[int, tyro.conf.arg(help="Voxels along the longest side of the hull.")] = 128,
    nearest: Annotated[int, tyro.conf.arg(help="Training views to blend, by the inverse of their angle.")] = 1,
    run: Annotated[Path | None, tyro.conf.arg(help="An evaluated run to compare with.")] = None,
) -> None:
    """Print the baseline's metrics, and a run's beside them."""
    capture = open_capture(data, CaptureConfig(ratio=ratio, test_views=test_views))
    summary = measure(capture, frames, voxels, nearest)
    table = Table("view", *(TITLES[key] for key in COLUMNS))
    for row in table_rows(summary):
        table.add_row(*row)
    if run is not None:
        model, baseline = read_json(RunFolder(run).evaluation / "metrics.json")["mean"], summary["mean"]
        table.add_row(str(run), *(number(model.get(key)) for key in COLUMNS))
        table.add_row("difference", *(difference(model.get(key), baseline[key]) for key in COLUMNS))
    Console(highlight=False).print(table)


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def difference(model: float | None, baseline: float | None) -> str:
    return "-" if model is None or baseline is None else f"{model - baseline:+.3f}"


if __name__ == "__main__":
    tyro.cli(main)
