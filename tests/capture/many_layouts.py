"""One capture, written in each layout: what a reader makes of it is the same everywhere."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.source import Bytes, Footage, Source
from dymap.capture.writers.easymocap import write_easymocap
from dymap.capture.writers.transforms import write_transforms
from dymap.capture.writers.zjumocap import write_zjumocap
from dymap.geometry.camera import Camera, look_at
from dymap.runs.bars import ignore_update
from tests.capture.calibrations.cameras import write_toml
from tests.capture.clips import write_clip
from tests.capture.test_colmap import write_text

VIEWS, WIDTH, HEIGHT = 5, 64, 48


@dataclass(frozen=True)
class Ball(Footage):
    """A coloured ball that moves to the side, [frames][views] pictures and masks."""

    pictures: list[list[Bytes]]
    masks: list[list[Bytes]]

    @property
    def has_masks(self) -> bool:
        return True

    def picture(self, frame: int, view: int) -> Bytes:
        return self.pictures[frame][view]

    def mask(self, frame: int, view: int) -> Bytes:
        return self.masks[frame][view]

    def files(self, frame: int, view: int) -> tuple[Path, ...]:
        return (Path(f"{frame}-{view}.memory"),)


def ball(frames: int = 2) -> Source:
    """Five ideal cameras of one focal length each, principal points in the middle: what every layout can say."""
    cameras = []
    for view in range(VIEWS):
        angle, focal = 2 * np.pi * view / VIEWS, 60.0 + view
        K = np.array([[focal, 0, (WIDTH - 1) / 2], [0, focal, (HEIGHT - 1) / 2], [0, 0, 1]])
        eye = 3 * np.sin(angle), -3 * np.cos(angle), 1.2 + 0.1 * view
        cameras.append(Camera(K, *look_at(eye, (0, 0, 1)), WIDTH, HEIGHT, name=f"{view:02d}"))
    shown = [[_shot(camera, np.array([0.1 * frame, 0, 1])) for camera in cameras] for frame in range(frames)]
    footage = Ball([[shot[0] for shot in row] for row in shown], [[shot[1] for shot in row] for row in shown])
    return Source("memory", None, Path("memory"), tuple(cameras), tuple(range(frames)), footage)


def _shot(camera: Camera, centre: NDArray[np.float64], radius: float = 0.7) -> tuple[Bytes, Bytes]:
    """The picture [H, W, 3] of a ball and its mask [H, W]."""
    i, j = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    d = np.stack([i, j, np.ones_like(i)], -1) @ np.linalg.inv(camera.K).T @ camera.R
    d /= np.linalg.norm(d, axis=-1, keepdims=True)
    to_centre = centre - camera.position
    along = d @ to_centre
    inside = to_centre @ to_centre - along**2 < radius**2
    colour = 128 + 100 * np.sin(6 * (camera.position + along[..., None] * d))
    return np.where(inside[..., None], colour, 40).astype(np.uint8), inside.astype(np.uint8)


def write_actorshq(source: Source, root: Path) -> None:
    """Lenses without p1 and p2."""
    (root / "2x").mkdir(parents=True)
    with (root / "2x/calibration.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["name", "w", "h", "rx", "ry", "rz", "tx", "ty", "tz", "fx", "fy", "px", "py", "k1", "k2", "k3"])
        for camera in source.cameras:
            size = camera.width, camera.height
            turn = cv2.Rodrigues(camera.R.T)[0].ravel()
            focal, centre = camera.K.diagonal()[:2] / size, (camera.K[:2, 2] + 0.5) / size
            table.writerow([camera.name, *size, *turn, *camera.position, *focal, *centre, *camera.D[[0, 1, 4]]])
    for frame, view, picture, mask in shots(source):
        name = source.cameras[view].name
        stem = f"{source.frames[frame]:06d}.png"
        write(root / f"2x/rgbs/{name}/{name}_rgb{stem}", picture)
        if mask is not None:
            write(root / f"2x/masks/{name}/{name}_mask{stem}", mask)


def write_dna(source: Source, root: Path) -> None:
    import h5py

    root.mkdir(parents=True)
    with h5py.File(root / "0012_11.smc", "w") as main, h5py.File(root / "0012_11_annots.smc", "w") as annotations:
        for view, camera in enumerate(source.cameras):
            lens = annotations.create_group(f"Camera_Parameter/{view:02d}")
            lens["K"], lens["D"], lens["RT"] = camera.K, camera.D, np.linalg.inv(camera.extrinsics)
        for frame, view, picture, mask in shots(source):
            number, rig = source.frames[frame], "Camera_5mp" if view < 3 else "Camera_12mp"
            main[f"{rig}/{view}/color/{number}"] = encoded(picture)
            if mask is not None:
                annotations[f"Mask/{view}/mask/{number}"] = encoded(mask)


def write_nhr(source: Source, root: Path) -> None:
    """As ZJU-MoCap's, with grey masks."""
    write_zjumocap(source, root, ignore_update)
    (root / "schp").rename(root / "mask")
    for frame, view, _, mask in shots(source):
        if mask is not None:
            write(root / f"mask/{source.cameras[view].name}/{source.frames[frame]:06d}.png", mask)


def write_selfcap(source: Source, root: Path) -> None:
    write_easymocap(source, root, ignore_update)
    (root / "sync.json").write_text(json.dumps({camera.name: 0.0 for camera in source.cameras}))


def write_pictures(source: Source, root: Path, images: str = "images", masks: str = "masks") -> None:
    for frame, view, picture, mask in shots(source):
        name = f"{source.cameras[view].name}/{source.frames[frame]:06d}.png"
        write(root / images / name, picture)
        if mask is not None:
            write(root / masks / name, mask)


def write_colmap(source: Source, root: Path) -> None:
    """Lenses of four numbers."""
    write_pictures(source, root)
    write_text(root / "sparse/0", source.cameras, [f"{camera.name}/000000.png" for camera in source.cameras])


def write_caliscope(source: Source, root: Path) -> None:
    write_pictures(source, root)
    (root / "calibration").mkdir()
    write_toml(root / "calibration/config.toml", source.cameras)


def write_panoptic(source: Source, root: Path) -> None:
    """Ideal lenses."""
    write_pictures(source, root, "ims", "seg")
    cameras, times = source.cameras, source.frames
    meta = {"w": cameras[0].width, "h": cameras[0].height}
    meta |= {"k": [[camera.K.tolist() for camera in cameras]] * len(times)}
    meta |= {"w2c": [[camera.extrinsics.tolist() for camera in cameras]] * len(times)}
    meta |= {"fn": [[f"{camera.name}/{number:06d}.png" for camera in cameras] for number in times]}
    meta |= {"cam_id": [list(range(len(cameras)))] * len(times)}
    (root / "train_meta.json").write_text(json.dumps(meta))


def write_neural3d(source: Source, root: Path) -> None:
    """Ideal lenses with principal points in the middle; videos without loss."""
    root.mkdir(parents=True)
    rows = []
    for view, camera in enumerate(source.cameras):
        pictures = [source.read(frame, view)[0] for frame in range(len(source.frames))]
        write_clip(root / f"{camera.name}.mkv", pictures, codec="ffv1", pix_fmt="bgr0")
        right, down, forward = camera.R
        lens = np.array([camera.height, camera.width, camera.K[0, 0]])
        rows.append([*np.stack([down, right, -forward, camera.position, lens], axis=1).ravel(), 0.5, 9])
    np.save(root / "poses_bounds.npy", np.array(rows))
    for frame, view, _, mask in shots(source):
        if mask is not None:
            write(root / f"masks/{source.cameras[view].name}/{frame:06d}.png", mask)


def _written_by(writer: Any) -> Callable[[Source, Path], None]:
    return lambda source, root: writer(source, root, ignore_update)


LAYOUTS: dict[str, Callable[[Source, Path], None]] = {
    "actorshq": write_actorshq,
    "calibrated": write_caliscope,
    "colmap": write_colmap,
    "dna": write_dna,
    "easymocap": _written_by(write_easymocap),
    "neural3d": write_neural3d,
    "nhr": write_nhr,
    "panoptic": write_panoptic,
    "selfcap": write_selfcap,
    "transforms": _written_by(write_transforms),
    "zjumocap": _written_by(write_zjumocap),
}
"""By the reader's name, a capture of ideal lenses in its layout."""


def shots(source: Source) -> Iterator[tuple[int, int, NDArray[np.uint8], NDArray[np.uint8] | None]]:
    """Frame, view, picture [H, W, 3] RGB and mask [H, W], 255 where anything is."""
    for frame in range(len(source.frames)):
        for view in range(len(source.cameras)):
            if source.present(frame, view):
                picture, mask = source.read(frame, view)
                yield frame, view, picture, None if mask is None else np.where(mask, 255, 0).astype(np.uint8)


def encoded(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The bytes of a PNG."""
    return np.frombuffer(cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)[1].tobytes(), np.uint8)


def write(path: Path, image: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(image).tobytes())
