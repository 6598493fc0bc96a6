"""Swap the decoder: train on the built-in sample with a decoder of your own in place of the published CNN.

    python examples/05_swap_the_decoder.py --out out/05    # a minute; --steps 1500 --size 256 --frames 24 for longer

A decoder is any module that turns a code into `Decoded`. This one has no convolutions: its grids are outer products.
"""

from pathlib import Path

import torch
import tyro
from torch import Tensor, nn

from dymap import Camera, Image
from dymap.capture import open_capture
from dymap.config import FieldConfig, replace_key
from dymap.evaluate.protocol import compare
from dymap.field.decoder import Decoded
from dymap.pictures import to_bytes, write_png
from dymap.presets import preset
from dymap.render.renderer import make_renderer
from dymap.sample import write_sample
from dymap.train.batches import BatchSampler
from dymap.train.loop import new_field, train


class LowRankGrids(nn.Module):
    """hidden [D] -> grids [3, channels, size, size] over xy, xz, yz: a mean plus `rank` outer products of lines."""

    def __init__(self, hidden: int, channels: int, size: int, mean: float | Tensor, rank: int = 32):
        super().__init__()
        self.lines = nn.Sequential(nn.Linear(hidden, 6 * rank * size), nn.Unflatten(0, (2, 3, rank, size)))
        self.mix = nn.Parameter(torch.randn(3, channels, rank) / rank**0.5)
        self.mean = nn.Parameter(torch.zeros(3, channels, 1, 1) + mean)

    def forward(self, hidden: Tensor) -> Tensor:
        rows, columns = self.lines(hidden)  # [3, rank, size] each
        return self.mean + torch.einsum("pcr,prh,prw->pchw", self.mix, rows, columns)


class LowRankDecoder(nn.Module):
    """code [code_dim] -> Decoded."""

    def __init__(self, config: FieldConfig, hidden: int = 128):
        super().__init__()
        C, P, S, n = config.channels, config.plane_size, config.map_size, config.map_params
        self.hidden = nn.Sequential(nn.Linear(config.code_dim, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.features = LowRankGrids(hidden, C, P, mean=0.017)  # with the next line: a light fog, 16 * 9 * 2 * 0.017
        self.density = LowRankGrids(hidden, C, P, mean=2.0)  # = 5 per metre, so that every sample has a gradient
        self.maps = LowRankGrids(hidden, n, S, mean=torch.randn(3, n, 1, 1) / 4)  # one network everywhere, 16 inputs

    def forward(self, code: Tensor) -> Decoded:
        hidden = self.hidden(code)
        maps = self.maps(hidden).flatten(2).transpose(1, 2)  # [3, S * S, n]: a row is the weights of one tiny MLP
        return Decoded(self.features(hidden), self.density(hidden), maps)  # features, density: [3, C, P, P]


def main(steps: int = 150, size: int = 128, frames: int = 4, out: Path = Path("out/05")) -> None:
    config = replace_key(replace_key(preset("tiny"), "train.steps", steps), "capture.test_views", (3,))
    capture = open_capture(write_sample(out / f"sample_{frames}x{size}", frames=frames, size=size), config.capture)
    field = new_field(config, torch.from_numpy(capture.boxes))  # boxes: [frames, 2, 3] world, metres
    field.register_module("decoder", LowRankDecoder(config.field))  # the swap
    hull = BatchSampler(capture, config.train).hull  # frame -> [gx, gy, gz] bool: where no mask rules out the dancer

    def look(camera: Camera, frame: int) -> Image:
        return make_renderer("march", field.at(frame), hull(frame), config.render).render(camera)

    losses: list[float] = []
    before = compare(capture, look, frame=0, view=3)  # a view that is not trained on
    train(field, capture, config, listeners=(lambda report: losses.append(report.losses["colour"]),))
    after = compare(capture, look, frame=0, view=3)
    print(f"colour loss {sum(losses[:5]) / 5:.4f} -> {sum(losses[-5:]) / 5:.4f}")
    print(f"PSNR of the dancer {before.metrics['psnr_foreground']:.2f} -> {after.metrics['psnr_foreground']:.2f} dB")
    pictures = [torch.from_numpy(image) for image in (before.truth, before.prediction, after.prediction)]  # [H, W, 3]
    print("truth, before, after:", write_png(out / "decoder.png", to_bytes(torch.cat(pictures, dim=1))))


if __name__ == "__main__":
    tyro.cli(main)
