"""The published models' key names, and a released file rendered by ours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dymap.config import FieldConfig, RenderConfig
from dymap.field.field import Field
from dymap.geometry.camera import Camera
from dymap.render.renderer import make_renderer
from dymap.video.released import from_released, our_key
from tests.golden.sources import HERE, Golden
from tests.variants import with_all_kernels


def final_file(golden: Golden, folder: Path) -> Path:
    """small_final.pth as published, or, where only the trimmed arrays are, the same keys and values made anew."""
    if (path := golden.folder / "small_final.pth").exists():
        return path
    state: dict[str, Tensor] = {key: torch.from_numpy(value) for key, value in golden.state("small").items()}
    arrays, offsets = golden.arrays("small_fast"), golden.arrays("small_points").tensor("hash_offsets")
    net = {key: value for key, value in state.items() if not key.startswith("latent_vector")}
    net |= {f"hashtable_{axes}.offsets": offsets for axes in ("xyt", "xzt", "yzt")}
    net["occupancy_grids"] = torch.stack([arrays.tensor(f"occ_grid_f{i}") for i in range(5)])
    net["encodings"] = torch.stack([arrays.tensor(f"encoding_f{i}") for i in range(5)])
    about = json.loads((golden.folder / "small_checkpoints.json").read_text())
    assert {key: [list(v.shape), str(v.dtype)] for key, v in net.items()} == about["final_net"]
    torch.save({"net": net, "epoch": about["final_epoch"]}, folder / "final.pth")
    return folder / "final.pth"


def baked_field(golden: Golden, net: dict[str, Tensor]) -> Field:
    """A Field of the released file's parameters: its encodings are the codes."""
    arrays = golden.arrays("small_fast")
    boxes = {i: arrays[f"occ_wbounds_f{i}"] for i in range(5)}
    field = golden.field("small", boxes).requires_grad_(False)
    held = from_released({k: v for k, v in net.items() if k not in ("occupancy_grids", "encodings")})
    for parameter in field.parameters():
        parameter.zero_()
    missing, unexpected = field.load_state_dict({**held, "codes.weight": net["encodings"]}, strict=False)
    assert missing == ["boxes"]
    assert not unexpected
    return field


@with_all_kernels
def test_final_file_renders_the_golden_image(golden: Golden, tmp_path: Path) -> None:
    file = torch.load(final_file(golden, tmp_path), weights_only=True)
    net = file["net"]
    arrays = golden.arrays("small_fast")
    field = baked_field(golden, net)
    number = int(arrays["fast_frame"])
    camera = Camera(arrays["fast_K"], arrays["fast_R"], arrays["fast_T"], 64, 64)
    grids = net["occupancy_grids"]
    assert grids.dtype == torch.bool
    for i in range(5):
        arrays.check(f"occ_grid_f{i}", grids[i])
    settings = RenderConfig(max_samples=int(arrays["max_samples"]))
    image = make_renderer("march", field.at(number), grids[number], settings).render(camera)
    arrays.check("fast_noert_full_rgb", image.rgb, atol=1e-4)


def test_final_file_holds_what_the_recipe_makes(golden: Golden, tmp_path: Path) -> None:
    net = torch.load(final_file(golden, tmp_path), weights_only=True)["net"]
    state = golden.state("small")
    for key, value in state.items():
        if not key.startswith("latent_vector"):
            np.testing.assert_array_equal(net[key].numpy(), value)
    np.testing.assert_array_equal(net["encodings"].numpy(), state["latent_vectors.weight"])


@pytest.mark.parametrize("model", ["small", "small_mlp2", "small13"])
def test_every_released_key_has_one_of_ours(golden: Golden, model: str) -> None:
    about = golden.about(model)
    field = golden.field(model, {})
    ours = {key: tuple(value.shape) for key, value in field.named_parameters()}
    translated = {our_key(key): tuple(shape) for key, shape in about["shapes"].items()}
    del translated[None]  # the offsets
    assert translated == ours
    assert [our_key(key) for key in about["param_order"] if not key.endswith("offsets")]


def test_encoder_keys() -> None:
    """The three cameras' stacks are copies: one is kept."""
    config = FieldConfig(codes="encoder", encoder_views=(1, 23, 38), directions="sh", direction_degree=3)
    with torch.device("meta"):
        codes = {key for key, _ in Field(config, torch.zeros(2, 2, 3)).named_parameters() if key.startswith("codes.")}
    released = [f"latent_vectors.{name}.{kind}" for name in ("down2", "mu", "logstd") for kind in ("weight", "bias")]
    for camera in range(3):
        released += [f"latent_vectors.down1.{camera}.{i}.{kind}" for i in range(7) for kind in ("weight", "bias")]
    translated = [key for name in released if (key := our_key(name)) is not None]
    assert sorted(translated) == sorted(codes)


@pytest.mark.parametrize("key", ["plane_decoder.extra.weight", "net.weight", "hashtable_xyz.embeddings"])
def test_unknown_keys_are_not_dropped_silently(key: str) -> None:
    with pytest.raises(KeyError, match=key):
        from_released({key: torch.zeros(1)})


def test_released_files_are_described(golden: Golden) -> None:
    """small_checkpoints.json: all keys of latest.pth and final.pth are known to us."""
    about = json.loads((golden.folder / "small_checkpoints.json").read_text())
    assert set(about["final_net"]) - set(about["latest_net"]) == {"occupancy_grids", "encodings"}
    assert about["final_top"] == ["net", "epoch"]
    assert about["latest_top"] == ["net", "optim", "scheduler", "recorder", "epoch"]
    for key in about["latest_net"]:
        our_key(key)
    assert (HERE / "small_checkpoints.json").exists()
