"""A released model becomes a run of ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import dymap as library
from dymap.geometry.camera import Camera
from tests.cli.conftest import Run
from tests.golden.sources import Golden
from tests.video.test_released import final_file
from tests.video.test_released_files import latest


@pytest.fixture(scope="module")
def model(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return final_file(trimmed, tmp_path_factory.mktemp("released"))


@pytest.fixture(scope="module")
def boxes(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Path:
    arrays = trimmed.arrays("small_fast")
    path = tmp_path_factory.mktemp("boxes") / "boxes.npy"
    np.save(path, np.stack([arrays[f"occ_wbounds_f{i}"] for i in range(5)]))
    return path


def settings(golden: Golden) -> list[str]:
    """What makes the published configuration the golden model's."""
    field, bake = golden.config("small"), golden.bake("small")
    values = {f"field.{key}": getattr(field, key) for key in ("code_dim", "plane_size", "map_size", "hidden")}
    values |= {f"field.hash.{key}": getattr(field.hash, key) for key in ("levels", "log2_size", "features", "finest")}
    values |= {"bake.grid": list(bake.grid), "render.max_samples": int(golden.arrays("small_fast")["max_samples"])}
    return ["--preset", "zjumocap/313", "--set", *(f"{key}={value}" for key, value in values.items())]


def test_baked_model_renders_the_golden_image(
    dymap: Run, trimmed: Golden, model: Path, boxes: Path, tmp_path: Path
) -> None:
    said = dymap("import-model", model, "--boxes", boxes, "--out", tmp_path / "run", *settings(trimmed))
    assert said.code == 0, said.err
    arrays = trimmed.arrays("small_fast")
    camera = Camera(arrays["fast_K"], arrays["fast_R"], arrays["fast_T"], 64, 64)
    video = library.load(tmp_path / "run")
    arrays.check("fast_noert_full_rgb", video.render(camera, int(arrays["fast_frame"])).rgb, atol=1e-4)
    assert "frames 5 at" in dymap("info", tmp_path / "run").out
    dymap("render", tmp_path / "run").failed_with("an orbit needs at least 3 cameras")
    dymap("evaluate", tmp_path / "run").failed_with("imported without its capture")
    again = dymap("import-model", model, "--boxes", boxes, "--out", tmp_path / "run", *settings(trimmed))
    again.failed_with("holds a run already")


def test_trained_model_is_baked_without_its_capture(
    dymap: Run, trimmed: Golden, model: Path, boxes: Path, tmp_path: Path
) -> None:
    """latest.pth and final.pth of one training: our bake of the first finds the grids of the second."""
    torch.save(latest(trimmed), tmp_path / "latest.pth")
    bake = trimmed.bake("small")
    rest = [f"bake.threshold={bake.threshold}", f"bake.subsamples={list(bake.subsamples)}"]
    options = ["--boxes", boxes, *settings(trimmed), *rest]
    said = dymap("import-model", tmp_path / "latest.pth", "--out", tmp_path / "run", *options)
    assert said.code == 0, said.err
    assert dymap("bake", tmp_path / "run").code == 0
    assert dymap("import-model", model, "--out", tmp_path / "final", *options).code == 0
    ours, theirs = library.load(tmp_path / "run").baked, library.load(tmp_path / "final").baked
    assert torch.equal(ours.field.codes.weight, theirs.field.codes.weight)
    assert theirs.occupancy.any()
    assert (ours.occupancy != theirs.occupancy).float().mean() < 1e-4


def test_what_does_not_fit(dymap: Run, trimmed: Golden, model: Path, boxes: Path, tmp_path: Path) -> None:
    options = ["--out", tmp_path / "run", *settings(trimmed)]
    dymap("import-model", model, *options).failed_with("--data", "--boxes")
    dymap("import-model", boxes, "--boxes", boxes, *options).failed_with("boxes.npy: refused or broken")
    dymap("import-model", tmp_path / "none", "--boxes", boxes, *options).failed_with("none: no such file")
    other = dymap("import-model", model, "--boxes", boxes, *options, "field.hidden=9")
    other.failed_with("the preset expects")
    three, flat, archive = (tmp_path / name for name in ("three.npy", "flat.npy", "boxes.npz"))
    np.save(three, np.load(boxes)[:3])
    np.save(flat, np.zeros((5, 2, 3)))
    np.savez(archive, np.load(boxes))
    dymap("import-model", model, "--boxes", three, *options).failed_with("the preset expects")
    dymap("import-model", model, "--boxes", flat, *options).failed_with("minimum below maximum")
    dymap("import-model", model, "--boxes", archive, *options).failed_with("not an array of boxes")
    dymap("import-model", model, "--boxes", model, *options).failed_with("not an array of boxes")
    assert not (tmp_path / "run").exists()
