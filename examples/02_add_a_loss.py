"""Add a loss: train on the built-in sample with smooth density planes, besides what the published losses ask for.

    python examples/02_add_a_loss.py    # half a minute; with --steps 1500 --size 256 --frames 24 for longer
    python examples/02_add_a_loss.py --weight 0    # the same without the loss, to compare

A loss function gets what the rays of a step saw and what was filmed there; it returns weighted terms by name, and
their sum is minimised. Whatever else it needs, it listens for: here the planes, when the decoder has made them.
"""

from pathlib import Path

import torch
import tyro
from torch import Tensor, nn

from dymap import Camera, Image
from dymap.capture import open_capture
from dymap.config import TrainConfig, replace_key
from dymap.evaluate.protocol import compare
from dymap.field.decoder import Decoded
from dymap.pictures import to_bytes, write_png
from dymap.presets import preset
from dymap.render.image import render_image
from dymap.render.volume import Rendered
from dymap.sample import write_sample
from dymap.train.batches import BatchSampler, Item
from dymap.train.loop import StepReport, new_field, train
from dymap.train.losses import Losses, published_losses


def total_variation(planes: Tensor) -> Tensor:
    """Mean absolute difference of neighbours in planes [3, C, P, P], along rows and along columns."""
    return planes.diff(dim=-1).abs().mean() + planes.diff(dim=-2).abs().mean()


class SmoothPlanes:
    """The published losses, and the total variation of the density planes of the step's frame."""

    def __init__(self, decoder: nn.Module, weight: float):
        self.weight = weight
        self.density: Tensor  # [3, C, P, P], of the last code that was decoded
        decoder.register_forward_hook(self.listen)

    def listen(self, _decoder: nn.Module, _code: tuple[Tensor], decoded: Decoded) -> None:
        self.density = decoded.density

    def __call__(self, seen: Rendered, item: Item, config: TrainConfig) -> Losses:
        # R rays: seen.rgb [R, 3], .acc [R], .depth [R] against item.rgb [R, 3], .mask [R], all at time item.frame.
        return published_losses(seen, item, config) | {"smooth": self.weight * total_variation(self.density)}


def main(
    steps: int = 150, weight: float = 0.1, size: int = 128, frames: int = 4, view: int = 3, out: Path = Path("out/loss")
) -> None:
    config = replace_key(replace_key(preset("tiny"), "train.steps", steps), "capture.test_views", (view,))
    capture = open_capture(write_sample(out / f"sample_{frames}x{size}", frames=frames, size=size), config.capture)
    field = new_field(config, torch.from_numpy(capture.boxes))  # boxes: [frames, 2, 3] world, metres
    hull = BatchSampler(capture, config.train).hull  # frame -> [gx, gy, gz] bool: where no mask rules out the dancer

    def look(camera: Camera, frame: int) -> Image:
        return render_image(field.at(frame), camera, hull(frame))

    reports: list[StepReport] = []
    before = compare(capture, look, frame=0, view=view)  # a view that is not trained on
    train(field, capture, config, loss_function=SmoothPlanes(field.decoder, weight), listeners=(reports.append,))
    after = compare(capture, look, frame=0, view=view)
    for name in reports[0].losses:  # colour, mask and smooth; empty comes with the preset: the space outside the hull
        values = [report.losses[name] for report in reports]
        print(f"{name} loss {sum(values[:5]) / 5:.4f} -> {sum(values[-5:]) / 5:.4f}")
    variation = total_variation(field.decoder(field.code(0)).density).item()
    print(f"variation of the density planes after training {variation:.4f}")
    print(f"PSNR of the dancer {before.metrics['psnr_foreground']:.2f} -> {after.metrics['psnr_foreground']:.2f} dB")
    pictures = [torch.from_numpy(image) for image in (before.truth, before.prediction, after.prediction)]  # [H, W, 3]
    print("truth, before, after:", write_png(out / "loss.png", to_bytes(torch.cat(pictures, dim=1))))


if __name__ == "__main__":
    tyro.cli(main)
