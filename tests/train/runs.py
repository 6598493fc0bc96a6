"""Short trainings of a tiny field on the tiny capture."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from dymap.capture import Capture
from dymap.config import Config, RenderConfig, TrainConfig
from dymap.field.field import Field
from dymap.train.loop import Listener, train
from dymap.train.losses import Losses
from dymap.train.step import StepReport
from tests.captures import TINY
from tests.field.models import TINY as FIELD


def short(**options: object) -> Config:
    """A configuration of few steps; a schedule epoch is two steps, so that the rate changes within a test."""
    values = {"items": 2, "rays": 64, "steps": 6, "epoch_steps": 2, "checkpoint_every": 3} | options
    render = RenderConfig(samples=12, max_samples=64)
    return Config(field=FIELD, capture=TINY, render=render, train=TrainConfig(**values))  # type: ignore[arg-type]


def fresh_field(capture: Capture, config: Config, seed: int = 0) -> Field:
    torch.manual_seed(seed)
    return Field(config.field, torch.from_numpy(capture.boxes))


def run(
    capture: Capture,
    config: Config,
    folder: Path | None = None,
    *,
    field_seed: int = 0,
    losses: Losses | None = None,
    listeners: tuple[Listener, ...] = (),
) -> tuple[Field, list[StepReport]]:
    """Train a new field; returns it with the reports of the steps that this call made."""
    field, reports = fresh_field(capture, config, field_seed), list[StepReport]()
    train(field, capture, config, folder, losses=losses, listeners=(reports.append, *listeners))
    return field, reports


def measured(reports: list[StepReport]) -> list[dict[str, float]]:
    return [report.losses for report in reports]


def state(field: Field) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in field.state_dict().items()}


def assert_same(a: Field, b: Field) -> None:
    """Equal to the bit."""
    for name, value in a.state_dict().items():
        assert torch.equal(value, b.state_dict()[name]), name
