"""Add a loss: train on the built-in sample with losses of your own, beside those that the preset asks for.

    python examples/06_add_a_loss.py --out out/06    # a minute or two; --steps 1500 --size 256 --frames 24 for longer
    python examples/06_add_a_loss.py --out out/06_without --weight 0    # the same without them, to compare

A loss is one function of a `Step`, which knows the frame, what its rays see (`seen`) and what was filmed there
(`item`), the lattice of densities, and the field, which may be asked for another frame. Here are four.
"""

from pathlib import Path

import numpy as np
import torch
import tyro
from torch import Tensor

from dymap.capture import open_capture
from dymap.config import replace_key
from dymap.kernels import opacity
from dymap.pictures import to_bytes, write_png
from dymap.presets import preset
from dymap.render.renderer import make_renderer
from dymap.sample import write_sample
from dymap.train.batches import BatchSampler
from dymap.train.forward import Step
from dymap.train.loop import new_field, train
from dymap.train.losses import Loss, losses_of
from dymap.train.step import StepReport


def smooth(step: Step) -> Tensor:
    """On planes: neighbours differ little."""
    planes = step.frame.planes  # [3, P, P, 2 C]
    return planes.diff(dim=1).abs().mean() + planes.diff(dim=2).abs().mean()


def steady(step: Step) -> Tensor:
    """On codes: that of a frame is close to that of the frame before."""
    frame = step.item.frame
    return (step.field.code(frame) - step.field.code(max(frame - 1, 0))).square().mean()


def clear(step: Step) -> Tensor:
    """On the lattice: a point is empty or solid, not between."""
    assert step.lattice is not None  # as in all presets of ours
    alpha = opacity(step.lattice.sigma, step.lattice.length)  # [a, b, d]
    return (alpha * (1 - alpha)).mean()


def still(step: Step) -> Tensor:
    """On two frames: the networks that make the colours stay as they are."""
    before = step.field.at(max(step.item.frame - 1, 0))
    return (step.frame.maps - before.maps).square().mean()  # [3, S * S, n]


OURS = {"smooth": Loss(smooth, 0.1), "steady": Loss(steady, 0.01), "clear": Loss(clear, 0.1), "still": Loss(still)}


def main(steps: int = 150, weight: float = 1.0, size: int = 128, frames: int = 4, out: Path = Path("out/06")) -> None:
    config = replace_key(replace_key(preset("tiny"), "train.steps", steps), "capture.test_views", (3,))
    capture = open_capture(write_sample(out / f"sample_{frames}x{size}", frames=frames, size=size), config.capture)
    field = new_field(config, torch.from_numpy(capture.boxes))  # boxes: [frames, 2, 3] world, metres
    losses = losses_of(config) | {name: loss._replace(weight=weight * loss.weight) for name, loss in OURS.items()}
    reports: list[StepReport] = []
    train(field, capture, config, losses=losses, listeners=(reports.append,))
    for name in losses:
        values = [report.losses[name] for report in reports]  # weighted
        print(f"{name} loss {np.mean(values[:5]):.5f} -> {np.mean(values[-5:]):.5f}")
    hull = BatchSampler(capture, config.train).hull(0)  # [gx, gy, gz] bool: where no mask rules out the dancer
    image = make_renderer("march", field.at(0), hull, config.render).render(capture.cameras[3])
    pair = np.concatenate([capture.image(0, 3)[0], to_bytes(image.rgb)], axis=1)  # [H, 2 W, 3]
    print("camera 3, truth and prediction:", write_png(out / "loss.png", pair))


if __name__ == "__main__":
    tyro.cli(main)
