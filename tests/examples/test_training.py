"""The examples that train: each learns at a small size, and what it adds is what it says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

import dymap
from dymap.capture import read_source
from dymap.config import CaptureConfig, FieldConfig
from dymap.errors import InputError
from dymap.field.decoder import PlaneDecoder
from tests.examples.conftest import TINY, Run, names_of
from tests.field.models import TINY as TINY_FIELD

FELL = re.compile(r"^(.+) (\d+\.\d+) -> (\d+\.\d+)", re.MULTILINE)
"""Lines such as `colour loss 0.0838 -> 0.0180`."""


def changes(text: str) -> dict[str, tuple[float, float]]:
    """What the script says was so much before and so much after."""
    return {name: (float(before), float(after)) for name, before, after in FELL.findall(text)}


def picture(path: Path, text: str, across: int) -> list[np.ndarray]:
    """The parts [64, 64, 3] of a picture that the script says it has left, `across` side by side."""
    assert str(path) in text
    image = cv2.imread(str(path))
    assert image is not None
    assert image.shape == (64, across * 64, 3)
    return [image[:, 64 * i : 64 * (i + 1)].astype(float) for i in range(across)]


def test_training_from_python_leaves_a_run_that_plays(trained: tuple[Path, str]) -> None:
    out, text = trained
    assert f"{out / 'run'}: 24 of 24 steps" in text
    assert dymap.load(out / "run").num_frames == 2
    assert 5 < float(re.findall(r"PSNR foreground: ([\d.]+)", text)[0]) < 50
    assert "LPIPS: " in text
    truth, prediction, _ = picture(out / "run" / "evaluation" / "frame000000_view03.png", text, 3)
    assert truth.max() > 100
    assert prediction.max() > 50


def test_the_reader_says_what_the_sample_says(run: Run, sample: Path, tmp_path: Path) -> None:
    text = run("04", tmp_path, *TINY)
    truth, prediction = picture(tmp_path / "run" / "preview.png", text, 2)
    assert truth.max() > 100
    assert prediction.max() > 50

    reader, root = SimpleNamespace(**names_of("04")), tmp_path / "arrays_2x64"
    assert reader.score(root) > 0.5 > reader.score(sample)
    ours, theirs = reader.read(root, reader.Options()), read_source(sample, CaptureConfig())
    assert ours.frames == theirs.frames
    for one, other in zip(ours.cameras, theirs.cameras, strict=True):
        np.testing.assert_array_equal(one.extrinsics, other.extrinsics)
    for part, whole in zip(ours.read(1, 5), theirs.read(1, 5), strict=True):
        np.testing.assert_array_equal(part, whole)
    scaled = reader.read(root, reader.Options(metres=0.5))
    np.testing.assert_array_equal(scaled.cameras[2].T, ours.cameras[2].T / 2)
    (root / "03.npy").unlink()
    with pytest.raises(InputError, match=r"arrays_2x64: not cameras.json, and an array 00.npy"):
        reader.read(root, reader.Options())


def test_the_other_decoder_learns(run: Run, tmp_path: Path) -> None:
    text = run("05", tmp_path, *TINY)
    before, after = changes(text)["colour loss"]
    assert after < 0.9 * before, text
    assert "PSNR of the dancer" in changes(text), text
    truth, first, last = picture(tmp_path / "decoder.png", text, 3)
    assert truth.max() > 100
    assert abs(last - first).mean() > 0.5, "the pictures before and after training differ"


@pytest.mark.parametrize("config", [TINY_FIELD, replace(TINY_FIELD, plane_size=32, map_size=8, layers=2)])
def test_the_other_decoder_makes_what_the_published_one_makes(config: FieldConfig) -> None:
    decoder = names_of("05")["LowRankDecoder"](config)
    code = torch.randn(config.code_dim)
    for ours, theirs in zip(decoder(code), PlaneDecoder(config)(code), strict=True):
        assert ours.shape == theirs.shape
    sum(part.sum() for part in decoder(code)).backward()
    assert all(parameter.grad is not None for parameter in decoder.parameters())


def test_the_added_losses_are_minimised_with_the_others(run: Run, tmp_path: Path) -> None:
    text = run("06", tmp_path, *TINY)
    measured = changes(text)
    assert {"colour loss", "smooth loss", "steady loss", "clear loss", "still loss"} <= set(measured)
    for name in ("colour loss", "clear loss"):
        before, after = measured[name]
        assert after < before, text
    truth, prediction = picture(tmp_path / "loss.png", text, 2)
    assert truth.max() > 100
    assert prediction.max() > 50


def test_the_added_losses_measure_what_they_say() -> None:
    losses = SimpleNamespace(**names_of("06"))
    ramp = torch.arange(4.0)[:, None].expand(3, 4, 4, 2)  # 1 from column to column, 0 from row to row
    flat = SimpleNamespace(frame=SimpleNamespace(planes=torch.ones(3, 4, 4, 2)))
    assert losses.smooth(flat) == 0
    assert losses.smooth(SimpleNamespace(frame=SimpleNamespace(planes=2 * ramp))) == 2

    solid, half = torch.tensor([-1.0, 1e9]).view(1, 1, 2), torch.full((1, 1, 2), np.log(2))
    assert losses.clear(SimpleNamespace(lattice=SimpleNamespace(sigma=solid, length=1.0))) == 0
    torch.testing.assert_close(
        losses.clear(SimpleNamespace(lattice=SimpleNamespace(sigma=half, length=1.0))), torch.tensor(0.25)
    )

    field = SimpleNamespace(
        code=torch.tensor, at=lambda frame: SimpleNamespace(maps=torch.full((3, 4, 5), 1.0 * frame))
    )
    for frame, expected in ((0, 0), (3, 1)):
        step = SimpleNamespace(field=field, frame=field.at(frame), item=SimpleNamespace(frame=frame))
        field.code = lambda frame: torch.full((6,), 2.0 * frame)
        assert losses.steady(step) == 4 * expected
        assert losses.still(step) == expected
