"""Read a `.dymap` without dymap: numpy is enough. (OpenCV writes the picture.)

    python examples/03_read_a_dymap.py --out out/03    # the clip that comes with dymap
    python examples/03_read_a_dymap.py --out out/03 --file out/01/run/video.dymap

`read_format.py` beside it is the reader: it decodes all of a file, as docs/format.md describes it. Nothing in a file is
executed.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tyro
from read_format import read

PACKAGED = Path(__file__).parents[1] / "src" / "dymap" / "play" / "dancer.dymap"


def occupied_points(occupancy: np.ndarray, box: np.ndarray) -> np.ndarray:
    """[n, 3] world, metres: the middles of the occupied voxels. occupancy: [gx, gy, gz] bool over the box [2, 3]."""
    middles = (np.argwhere(occupancy) + 0.5) / occupancy.shape  # [n, 3] in [0, 1]
    return box[0] + middles * (box[1] - box[0])


def draw(points: np.ndarray, camera: dict[str, Any]) -> np.ndarray:
    """[H, W] uint8: points [n, 3] as a camera sees them, the nearer the brighter."""
    K, R, T = (np.array(camera[key]) for key in "KRT")
    local = points @ R.T + T  # [n, 3] x right, y down, z forward, metres
    column, row, _ = np.rint((local @ K.T / local[:, 2:]).T - camera["pixel_offset"]).astype(int)
    inside = (column >= 0) & (column < camera["width"]) & (row >= 0) & (row < camera["height"])
    depth = local[:, 2]
    brightness = 255 - 200 * (depth - depth.min()) / np.ptp(depth)
    picture = np.zeros((camera["height"], camera["width"]), np.uint8)
    np.maximum.at(picture, (row[inside], column[inside]), brightness[inside].astype(np.uint8))
    return picture


def main(file: Path = PACKAGED, frame: int = 0, out: Path = Path("out/03")) -> None:
    header, shared, tensors = read(file)
    frames, cameras = len(header["frames"]), header["cameras"]
    print(f"{header['name']}, version {header['version']}: {frames} frames at {header['fps']:g} a second")
    print(f"{len(cameras)} cameras; tested on {[cameras[view]['name'] for view in header['test_views']]}")
    for name, tensor in tensors.items():
        print(f"  {name:24} {tensor.dtype!s:8} {list(tensor.shape)}")

    occupancy = tensors["occupancy"]
    points = occupied_points(occupancy[frame], tensors["boxes"][frame])
    print(f"frame {frame}: {len(points)} of {occupancy[frame].size} voxels are occupied")

    out.mkdir(parents=True, exist_ok=True)
    if "poster" in shared:
        (out / "poster.jpg").write_bytes(shared["poster"])
    views = cameras[:: max(1, len(cameras) // 4)][:4]
    path = out / "occupancy.png"
    picture = np.concatenate([draw(points, camera) for camera in views], axis=1)
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    print(f"seen by cameras {[camera['name'] for camera in views]}: {path}")


if __name__ == "__main__":
    tyro.cli(main)
