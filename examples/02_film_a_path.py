"""Film a path of your own: the camera climbs while it goes round, and the dance stops for half of the way.

    python examples/02_film_a_path.py --out out/02    # the clip that comes with dymap
    python examples/02_film_a_path.py --out out/02 --run out/01/run    # a run, or a baked file

A film is a list of steps, each a camera and a position in the clip. The world is in metres, z up (of the sample), and
a camera is K, R and T as in OpenCV.
"""

import math
from pathlib import Path

import numpy as np
import tyro

import dymap
from dymap import Camera
from dymap.pictures import write_png
from dymap.play.film import FilmImage, write_film
from dymap.runs.demonstration import PACKAGED


def climbing_camera(share: float, middle: np.ndarray, size: int) -> Camera:
    """Where the camera is after a share (0 to 1) of its way once round: it looks at `middle` [3] from 3 m away."""
    angle, height = 2 * math.pi * share, 0.5 + 1.5 * share
    position = [middle[0] + 3 * math.sin(angle), middle[1] - 3 * math.cos(angle), height]
    R, T = dymap.look_at(position, middle)
    focal, centre = 1.25 * size, (size - 1) / 2  # pixel (i, j) has its middle at (i, j)
    K = np.array([[focal, 0, centre], [0, focal, centre], [0, 0, 1]])
    return Camera(K, R, T, size, size)


def moment(share: float, frames: int) -> int:
    """The position in the clip: the first half in a quarter of the way, then a standstill, then the other half."""
    time = min(share, 0.25) + max(share - 0.75, 0)  # 0 to 0.5
    return min(int(2 * time * frames), frames - 1)


def main(run: Path = PACKAGED, size: int = 256, images: int = 96, out: Path = Path("out/02")) -> None:
    video = dymap.load(run)
    middle = video.boxes.mean(dim=(0, 1)).numpy()  # boxes: [frames, 2, 3] world, metres
    shares = [index / images for index in range(images)]
    film = [FilmImage(climbing_camera(share, middle, size), moment(share, video.num_frames)) for share in shares]
    files = write_film(video, film, out / "climb.mp4", layers=("rgb", "depth"), background="white", renderer="fast")
    print(f"{len(film)} images of {len({step.frame for step in film})} moments: {', '.join(map(str, files))}")

    # The same a picture at a time.
    step = film[images // 2]
    image = video.render(step.camera, step.frame, background="white")  # rgb [H, W, 3], acc [H, W], depth [H, W]
    print(f"the dancer covers {image.acc.mean().item():.1%} of {write_png(out / 'standstill.png', image.numpy())}")


if __name__ == "__main__":
    tyro.cli(main)
