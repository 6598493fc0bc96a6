"""Evaluate with a metric of your own: a function of prediction and truth, over the paper's protocol.

    python examples/07_measure_with_your_own_metric.py --out out/07    # the clip that comes with dymap
    python examples/07_measure_with_your_own_metric.py --out out/07 --run out/01/run    # any run on the sample

The sample is a formula, so that any moment of the dance can be filmed in any size: here a few moments of the loop, each
held against the clip's frame at that moment.
"""

from pathlib import Path

import numpy as np
import tyro

import dymap
from dymap import Camera, Image
from dymap.capture import open_capture
from dymap.config import CaptureConfig
from dymap.evaluate.protocol import evaluate
from dymap.evaluate.report import side_by_side
from dymap.pictures import write_png
from dymap.runs.demonstration import PACKAGED


def detail(image: np.ndarray) -> float:
    """How much neighbouring pixels of an image [H, W, 3] differ."""
    return float(np.abs(np.diff(image, axis=0)).mean() + np.abs(np.diff(image, axis=1)).mean())


def sharpness(prediction: np.ndarray, truth: np.ndarray) -> float:
    """The prediction's share of the truth's detail; both [H, W, 3] in [0, 1]. Below 1: blurred, above: noisy."""
    return detail(prediction) / detail(truth)


def main(run: Path = PACKAGED, size: int = 128, frames: int = 2, out: Path = Path("out/07")) -> None:
    video = dymap.load(run)
    sample = dymap.runs.sample(out / f"sample_{frames}x{size}", size=size, frames=frames)
    capture = open_capture(sample.folder, CaptureConfig(test_views=video.baked.test_views))

    def look(camera: Camera, frame: int) -> Image:
        """Frame `frame` of the sample is at this share of the loop, and so is one of the clip, if the numbers fit."""
        return video.render(camera, frame * video.num_frames // frames)

    worst, least = None, float("inf")
    print("frame  view  PSNR of the dancer  SSIM   sharpness")
    for seen in evaluate(capture, look):  # test views of all frames: truth, prediction, the paper's metrics
        ours = sharpness(seen.prediction, seen.truth)
        print(f"{seen.frame:5}  {seen.view:4}  {seen.metrics['psnr_foreground']:18.2f}", end="  ")
        print(f"{seen.metrics['ssim']:.3f}  {ours:9.3f}")
        if ours < least:
            worst, least = seen, ours
    assert worst is not None
    path = write_png(out / "most_blurred.png", side_by_side(worst))
    print(f"the most blurred, frame {worst.frame} of camera {worst.view} (truth, prediction, error): {path}")


if __name__ == "__main__":
    tyro.cli(main)
