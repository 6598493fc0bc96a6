"""The examples run as scripts, at a small size: the loss falls, a picture is left, and they stay short."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch

from dymap.config import FieldConfig, TrainConfig
from dymap.field.decoder import PlaneDecoder
from dymap.geometry.rays import Rays
from dymap.render.volume import Rendered
from dymap.train.batches import Item
from tests.field.models import TINY as TINY_FIELD

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
each_example = pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
TINY = ("--steps", "24", "--size", "64", "--frames", "2")
FELL = re.compile(r"^(.+) (\d+\.\d+) -> (\d+\.\d+)", re.MULTILINE)
"""Lines such as `colour loss 0.0838 -> 0.0180`."""


def run(path: Path, out: Path, *options: str) -> str:
    """What the script prints. It may use one core, like the rest of the suite."""
    done = subprocess.run(
        [sys.executable, str(path), "--out", str(out), *options],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def changes(text: str) -> dict[str, tuple[float, float]]:
    """What the script says was so much before and so much after."""
    return {name: (float(before), float(after)) for name, before, after in FELL.findall(text)}


def test_there_are_examples() -> None:
    assert [path.name for path in EXAMPLES] == ["01_swap_the_decoder.py", "02_add_a_loss.py"]


@each_example
def test_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 80


@each_example
def test_learns_and_leaves_a_picture(path: Path, tmp_path: Path) -> None:
    text = run(path, tmp_path, *TINY)
    measured = changes(text)
    before, after = measured["colour loss"]
    assert after < 0.9 * before, text
    assert "PSNR of the dancer" in measured, text
    (picture,) = tmp_path.glob("*.png")
    assert str(picture) in text
    image = cv2.imread(str(picture))
    assert image is not None
    assert image.shape == (64, 3 * 64, 3)
    truth, first, last = (image[:, 64 * i : 64 * (i + 1)].astype(float) for i in range(3))
    assert truth.max() > 100
    assert abs(last - first).mean() > 0.5, "the pictures before and after training differ"


def names_of(stem: str) -> dict[str, Any]:
    """What an example defines, without running its main."""
    return runpy.run_path(str(next(path for path in EXAMPLES if path.stem == stem)), run_name="example")


@pytest.mark.parametrize("config", [TINY_FIELD, replace(TINY_FIELD, plane_size=32, map_size=8, layers=2)])
def test_the_other_decoder_makes_what_the_published_one_makes(config: FieldConfig) -> None:
    decoder = names_of("01_swap_the_decoder")["LowRankDecoder"](config)
    code = torch.randn(config.code_dim)
    for ours, theirs in zip(decoder(code), PlaneDecoder(config)(code), strict=True):
        assert ours.shape == theirs.shape
    sum(part.sum() for part in decoder(code)).backward()
    assert all(parameter.grad is not None for parameter in decoder.parameters())


def test_the_added_loss_is_the_variation_of_the_planes_just_decoded() -> None:
    names = names_of("02_add_a_loss")
    ramp = torch.arange(4.0).expand(3, 2, 4, 4)  # 1 from column to column, 0 from row to row
    torch.testing.assert_close(names["total_variation"](ramp), torch.tensor(1.0))
    torch.testing.assert_close(names["total_variation"](2 * ramp.mT), torch.tensor(2.0))

    decoder = PlaneDecoder(TINY_FIELD)
    loss_function = names["SmoothPlanes"](decoder, weight=0.5)
    rays = torch.rand(5, 3)
    item = Item(0, Rays(rays, rays, rays[:, 0], rays[:, 0]), rays, rays[:, 0], torch.zeros(5, dtype=torch.bool))
    decoded = decoder(torch.randn(TINY_FIELD.code_dim))
    losses = loss_function(Rendered(rays, rays[:, 0], rays[:, 0]), item, TrainConfig())
    assert set(losses) == {"colour", "mask", "smooth"}
    torch.testing.assert_close(losses["smooth"], 0.5 * names["total_variation"](decoded.density))
    losses["smooth"].backward()
    assert decoder.density.weight.grad is not None
    others = decoder.features.weight.grad
    assert others is None or not others.any()
