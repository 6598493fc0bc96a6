"""Mistakes of strangers, made on the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def invert(root: Path, view: int) -> None:
    """Write the pose of a camera of a ZJU-MoCap capture the wrong way round: camera to world."""
    data = np.load(root / "annots.npy", allow_pickle=True).item()
    cams, (R, T) = data["cams"], (np.asarray(data["cams"][key][view], float) for key in "RT")
    cams["R"][view], cams["T"][view] = R.T, -R.T @ T
    np.save(root / "annots.npy", np.array(data, dtype=object), allow_pickle=True)
