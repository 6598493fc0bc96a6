"""A released `latest.pth` of NHR: the image encoder's weights become codes, and the run goes the way of our own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import dymap as library
from dymap.capture import open_capture
from dymap.config import Config
from dymap.field.codes import ImageEncoder
from dymap.field.field import Field
from dymap.presets import preset
from dymap.runs import configure
from dymap.sample import write_sample
from dymap.train.checkpoint import checkpoints, load_checkpoint
from tests.captures import add_grey_masks
from tests.cli.conftest import Run
from tests.cli.test_import_full import released_key
from tests.test_published_commands import TRAIN

SETTINGS = (*TRAIN, "capture.ratio=1")


@pytest.fixture(scope="module")
def config() -> Config:
    """sport1, small."""
    return configure(preset("nhr/sport1"), {}, SETTINGS)


@pytest.fixture(scope="module")
def field(config: Config) -> Field:
    """What was trained, so to speak: two frames."""
    torch.manual_seed(0)
    return Field(config.field, torch.zeros(2, 2, 3)).requires_grad_(False)


@pytest.fixture(scope="module")
def model(field: Field, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """latest.pth: the three cameras' convolutions are copies of each other."""
    net = {released_key(name): value for name, value in field.named_parameters()}
    for key in [key for key in net if ".down1.0." in key]:
        net |= {key.replace("down1.0", f"down1.{camera}"): net[key].clone() for camera in (1, 2)}
    path = tmp_path_factory.mktemp("released") / "latest.pth"
    about = {"optim": {"state": {}}, "scheduler": {"last_epoch": 350}, "recorder": {"step": np.int64(175_000)}}
    torch.save({"net": net, **about, "epoch": 350}, path)
    return path


def test_encoder_becomes_codes(dymap: Run, config: Config, field: Field, model: Path, tmp_path: Path) -> None:
    data = add_grey_masks(write_sample(tmp_path / "sport", frames=2, views=60, size=32))
    run, options = tmp_path / "run", ["--preset", "nhr/sport1", "--set", *SETTINGS]
    said = dymap("import-model", model, "--data", data, "--out", run, *options)
    assert said.code == 0, said.err
    assert "trained model, epoch 350; next: dymap bake" in said.out
    ((step, path),) = checkpoints(run / "checkpoints")
    held = Field(config.field, torch.zeros(2, 2, 3))
    assert load_checkpoint(path, held) == step == 175_000
    for name, value in field.named_parameters():
        assert torch.equal(held.get_parameter(name), value), name

    assert dymap("bake", run).code == 0
    video = library.load(run)
    capture = open_capture(data, config.capture)
    assert isinstance(field.codes, ImageEncoder)
    for frame in range(2):
        images = torch.from_numpy(capture.encoder_images(frame, config.field.encoder_views))
        torch.testing.assert_close(video.baked.field.codes.weight[frame], field.codes(images[None]).mu[0])
    assert video.baked.train_views == config.capture.train_views
    assert dymap("evaluate", run, "--views", 18, "--frames", 0).code == 0
    assert dymap("render", run, "--views", 2, "--published-path").code == 0


def test_an_encoder_needs_its_images(dymap: Run, model: Path, tmp_path: Path) -> None:
    boxes, run = tmp_path / "boxes.npy", tmp_path / "run"
    np.save(boxes, np.tile(np.array([[0.0, 0, 0], [1, 1, 2]], np.float32), (2, 1, 1)))
    options = ["--preset", "nhr/sport1", "--set", *SETTINGS]
    said = dymap("import-model", model, "--boxes", boxes, "--out", run, *options)
    assert f"dymap bake {run} --data DIR" in said.out
    dymap("bake", run).failed_with("its codes come from images; say where its capture is: --data DIR")
