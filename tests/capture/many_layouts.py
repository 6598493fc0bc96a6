"""One capture, written in each layout: what a reader makes of it is the same everywhere."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.source import Source


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


LAYOUTS: dict[str, Callable[[Source, Path], None]] = {"actorshq": write_actorshq, "dna": write_dna}


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
