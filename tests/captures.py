"""A tiny capture on disk: the one of the golden data set, 4 frames of 5 cameras, in the ZJU-MoCap layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.config import CaptureConfig
from tests.golden.sources import Arrays

FRAMES, VIEWS = 4, 5
TINY = CaptureConfig(ratio=0.5, test_views=(1, 3), test_frame_step=2)


def image_path(frame: int, view: int) -> str:
    return f"images/{view:02d}/{frame:06d}.png"


def annotations(dataset: Arrays, frames: int = FRAMES, metres: bool = False) -> dict[str, Any]:
    """What annots.npy holds."""
    scale = 1000.0 if metres else 1.0
    return {
        "cams": {
            "K": list(dataset["cap_K"]),
            "D": list(dataset["cap_D"]),
            "R": list(dataset["cap_R"]),
            "T": [T / scale for T in dataset["cap_T_mm"]],
        },
        "ims": [{"ims": [image_path(frame, view) for view in range(VIEWS)]} for frame in range(frames)],
    }


def write_annotations(root: Path, data: Any) -> None:
    np.save(root / "annots.npy", np.array(data, dtype=object), allow_pickle=True)


def write_rgb(path: Path, image: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1])


def write_capture(root: Path, dataset: Arrays, frames: int = FRAMES, masks: bool = True, metres: bool = False) -> Path:
    """Write the first `frames` frames to `root` and return it."""
    root.mkdir(parents=True, exist_ok=True)
    write_annotations(root, annotations(dataset, frames, metres))
    for frame in range(frames):
        for view in range(VIEWS):
            write_rgb(root / image_path(frame, view), dataset["cap_images"][frame, view])
            if masks:
                write_rgb(root / "schp" / f"{view:02d}/{frame:06d}.png", dataset["cap_schp"][frame, view])
        (root / "vertices").mkdir(exist_ok=True)
        np.save(root / "vertices" / f"{frame}.npy", dataset["cap_vertices"][frame])
    return root


def write_nhr(root: Path, dataset: Arrays) -> Path:
    """The same capture in the NHR layout, with its own masks."""
    write_capture(root, dataset, masks=False)
    for frame in range(FRAMES):
        for view in range(VIEWS):
            write_rgb(root / f"mask/images/{view:02d}/{frame:06d}.png", dataset["cap_mask"][frame, view])
    return root


def add_grey_masks(root: Path) -> Path:
    """Make an NHR capture of a sample: grey masks beside the label maps."""
    for path in (root / "schp").rglob("*.png"):
        labels = cv2.imread(str(path))
        assert labels is not None
        mask = root / "mask/images" / path.relative_to(root / "schp")
        mask.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(mask), np.where(labels.any(axis=-1), 255, 0).astype(np.uint8))
    return root
