"""How long a training step may take here: one pass forward and back over made-up rays, before anything is prepared."""

from __future__ import annotations

import time

import torch

from dymap.config import Config
from dymap.field.field import Field

SAMPLES = 2**14
"""Samples of the pass that is timed; what all samples of a step take is in proportion."""


def trial_seconds(config: Config, frames: int, device: torch.device) -> float:
    """Seconds of a step, roughly: half or twice as long is possible. Leaves random numbers as they were.

    A Frame is made once and then sampled, so that its time is taken apart from that of the samples. Codes of an image
    encoder and the optimiser are left out.
    """
    train = config.train
    samples = train.rays * (train.hull_samples or config.render.samples)
    with torch.random.fork_rng(devices=[]):
        field = Field(config.field, torch.tensor([[[0.0] * 3, [1.0] * 3]]).repeat(frames, 1, 1)).to(device)
        code = torch.zeros(config.field.code_dim, device=device)
        few = _pass(field, code, 64, device)  # also loads what is loaded once
        few = min(few, _pass(field, code, 64, device))
        many = _pass(field, code, min(samples, SAMPLES), device)
    return train.items * (few + max(many - few, 0.0) * samples / min(samples, SAMPLES))


def _pass(field: Field, code: torch.Tensor, samples: int, device: torch.device) -> float:
    """Seconds of one pass over samples at random places of the first frame."""
    points = torch.rand(samples, 3, device=device)
    directions = torch.nn.functional.normalize(torch.randn(samples, 3, device=device), dim=1)
    started = time.perf_counter()
    frame = field.at(0, code)
    sigma, feature = frame.density(points)
    (sigma.sum() + frame.colour(points, feature, directions).sum()).backward()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
