"""A released model at full size: 62 million parameters, imported, stored, loaded, rendered and evaluated."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import torch

import dymap as library
from dymap.field.field import Field, count_parameters
from dymap.presets import preset
from dymap.sample import write_sample
from dymap.video.released import our_key
from tests.cli.conftest import Run
from tests.golden.make_state import make_state

FRAMES = 2
RULES = {
    r"hash\.(\w+)": r"hashtable_\1.embeddings",
    r"codes\.weight": "latent_vectors.weight",
    r"codes\.down\.(\d+)\.(\w+)": r"latent_vectors.down1.0.\1.\2",
    r"codes\.mix\.(\w+)": r"latent_vectors.down2.\1",
    r"codes\.(mu|logstd)\.(\w+)": r"latent_vectors.\1.\2",
    r"decoder\.code\.(\w+)": r"plane_decoder.backbone.0.\1",
    r"decoder\.features\.(\w+)": r"plane_decoder.feat_conv.\1",
    r"decoder\.density\.(\w+)": r"plane_decoder.density_conv.\1",
    r"decoder\.trunk\.(\d+)\.(\w+)": r"plane_decoder.kn_backbone.\1.\2",
    r"decoder\.map_(\w)\.(\w+)": r"plane_decoder.kn_\1_conv.\2",
}


def released_key(ours: str) -> str:
    """The published name of a parameter of ours."""
    if found := re.fullmatch(r"decoder\.up\.(\d+)\.(\w+)", ours):
        return f"plane_decoder.backbone.{int(found[1]) + 2}.{found[2]}"
    for pattern, released in RULES.items():
        if found := re.fullmatch(pattern, ours):
            return found.expand(released)
    raise KeyError(ours)


def test_full_size_model_is_imported_to_the_bit(dymap: Run, tmp_path: Path) -> None:
    with torch.device("meta"):
        field = Field(preset("zjumocap/313").field, torch.zeros(FRAMES, 2, 3))
        assert count_parameters(Field(field.config, torch.zeros(300, 2, 3))) == 61_981_284
        assert count_parameters(Field(preset("nhr/sport1").field, torch.zeros(100, 2, 3))) == 70_215_844
    shapes = {released_key(name): tuple(value.shape) for name, value in field.named_parameters()}
    assert all(our_key(key) for key in shapes)
    state = make_state(shapes, seed=5, channels=field.config.channels, head_gain=0.35, paint_G=8.0, paint_F0=4.0)
    net = {key: torch.from_numpy(value) for key, value in state.items()}
    net["encodings"] = net.pop("latent_vectors.weight")
    net["occupancy_grids"] = torch.ones(FRAMES, 24, 24, 48, dtype=torch.bool)
    for axes in ("xyt", "xzt", "yzt"):
        net[f"hashtable_{axes}.offsets"] = torch.from_numpy(np.array(field.hash.levels.offsets, dtype=np.int32))
    torch.save({"net": net, "epoch": 400}, tmp_path / "final.pth")

    data = write_sample(tmp_path / "data", frames=FRAMES, views=22, size=32)
    run = tmp_path / "run"
    said = dymap("import-model", tmp_path / "final.pth", "--preset", "zjumocap/313", "--data", data, "--out", run)
    assert said.code == 0, said.err
    video = library.load(run)
    held = dict(video.baked.field.named_parameters())
    for key, value in net.items():
        if key != "occupancy_grids" and (ours := "codes.weight" if key == "encodings" else our_key(key)):
            assert torch.equal(held[ours], value), key
    assert torch.equal(video.baked.occupancy, net["occupancy_grids"])

    image = video.render(video.cameras[0], frame=1)
    assert 0 < (image.acc > 0.5).float().mean() < 1, "the painted body stands before an empty background"
    assert dymap("evaluate", run, "--views", 1, "--frames", 0).code == 0
    mean = json.loads((run / "evaluation" / "views-1" / "metrics.json").read_text())["mean"]
    assert np.isfinite(mean["psnr"])
