"""Learning rates (method.md 6)."""

from __future__ import annotations

import math

from dymap.config import TrainConfig

WARMUP_START = 1 / 3
COSINE_WARMUP_STEPS = 100
COSINE_END = 0.02


def published_factor(epoch: int, decay_epochs: float = 400, warmup_epochs: float = 5) -> float:
    """warm(e) * 0.1^(e / decay): a linear rise from 1/3, then exponential decay; constant within an epoch."""
    rising = epoch < warmup_epochs
    warm = WARMUP_START + (1 - WARMUP_START) * epoch / warmup_epochs if rising else 1.0
    return warm * 0.1 ** (epoch / decay_epochs)


def cosine_factor(step: int, steps: int) -> float:
    """A short linear rise, then a half cosine down to COSINE_END at the last step."""
    warm = min(1.0, (step + 1) / COSINE_WARMUP_STEPS)
    return warm * (COSINE_END + (1 - COSINE_END) * 0.5 * (1 + math.cos(math.pi * min(step / steps, 1.0))))


def lr_factor(step: int, config: TrainConfig) -> float:
    """What the base learning rates are multiplied with at a step."""
    if config.schedule == "cosine":
        return cosine_factor(step, config.steps)
    return published_factor(step // config.epoch_steps, config.decay_epochs, config.warmup_epochs)
