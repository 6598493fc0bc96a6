"""Colours of the training cameras: a matrix each is learned beside the field, and is no part of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dymap.capture import Capture, open_source
from dymap.config import CaptureConfig
from dymap.render.image import Rendered
from dymap.render.renderer import make_renderer
from dymap.train.checkpoint import read_newest
from dymap.train.colours import ColourMatch
from tests.capture.person import BALLS, Balls, filmed, ring
from tests.train.runs import assert_same, fresh_field, measured, run, short

HELD_OUT = 4
KNOWN = np.array([[0.8, 0.1, 0.0, 0.04], [0.0, 0.7, 0.1, 0.05], [0.05, 0.0, 0.85, 0.02]])
SHARES = (0.0, 1.0, -0.5, 1.0, 0.0, 1.0)
"""How far the colours of each camera are on the way from the identity to KNOWN."""
HEIGHTS = np.linspace(0, 1.9, 20)
HULL = {
    "batches": "frames", "items": 1, "rays": 128, "hull_samples": 8, "hull_grid": 32, "proposal_grid": 16,
    "any_background": True, "colour_threshold": 1e-3, "view_noise": 2.0, "schedule": "cosine",
     "quick_start": True, "lazy_adam": True,
    "lr_codes": 4e-3, "lr_decoder": 3e-3, "lr_hash": 3e-2, "lr_colours": 1e-2,
}  # fmt: skip


def paint(height: NDArray[np.float64]) -> NDArray[np.float64]:
    """[..., 3] the colour of the person at heights."""
    return 0.5 + 0.35 * np.stack([np.sin(4 * height), np.cos(4 * height), np.sin(8 * height + 1)], axis=-1)


def known(view: int) -> NDArray[np.float64]:
    """[3, 4] the colour matrix of a camera."""
    return np.eye(3, 4) + SHARES[view] * (KNOWN - np.eye(3, 4))


class Painted(Balls):
    """The person in colours, which most cameras show otherwise."""

    def picture(self, frame: int, view: int) -> NDArray[np.uint8]:  # noqa: ARG002
        camera = self.cameras[view]
        row, column = np.mgrid[: camera.height, : camera.width]
        d = np.stack([column, row, np.ones_like(row)], -1) @ np.linalg.inv(camera.K).T
        d /= np.linalg.norm(d, axis=-1, keepdims=True)
        nearest = np.full(row.shape, np.inf)
        for centre, radius in BALLS:
            local = camera.R @ np.array(centre) + camera.T
            along = d @ local
            inside = radius**2 - (local @ local - along**2)
            nearest = np.minimum(nearest, np.where(inside > 0, along - np.sqrt(np.maximum(inside, 0)), np.inf))
        seen = np.isfinite(nearest)
        height = (camera.position + np.where(seen, nearest, 0)[..., None] * (d @ camera.R))[..., 2]
        colour = np.where(seen[..., None], paint(height), 0)
        A = known(view)
        colour = np.where(seen[..., None], (colour @ A[:, :3].T + A[:, 3]).clip(0, 1), 0)
        return np.rint(255 * colour).astype(np.uint8)


@pytest.fixture(scope="module")
def painted() -> Capture:
    cameras = ring(6, size=64)
    source = replace(filmed(cameras), footage=Painted(cameras), root=Path("painted"))
    return open_source(source, CaptureConfig(test_views=(HELD_OUT,), options={}))


def trained(capture: Capture, folder: Path, **options: object) -> tuple[NDArray[np.float64], float]:
    """The learned matrices [V, 3, 4], if there are any, and the mean squared error inside the held-out silhouette."""
    config = replace(short(**HULL, steps=300, checkpoint_every=300, **options), capture=capture.config)
    field, _ = run(capture, config, folder)
    with torch.no_grad():
        grid = torch.from_numpy(capture.hull(0, 32))
        seen = make_renderer("march", field.at(0), grid, config.render).render(capture.cameras[HELD_OUT])
    rgb, mask = capture.image(0, HELD_OUT)
    inner = cv2.erode(mask, np.ones((3, 3), np.uint8)) > 0
    error = float(((seen.rgb.numpy() - rgb / 255) ** 2)[inner].mean())
    found = read_newest(folder)
    assert found is not None
    match = ColourMatch(len(capture.cameras), capture.train_views[0])
    if "colours.change" in found.tensors:
        match.load_state_dict({"change": found.tensors["colours.change"]})
    return match.matrices().detach().double().numpy(), error


def test_the_matrices_of_odd_cameras_are_found_and_a_held_out_view_gains(painted: Capture, tmp_path: Path) -> None:
    matrices, error = trained(painted, tmp_path / "with", colour_match=True)
    _, plain = trained(painted, tmp_path / "without")
    assert error < 0.9 * plain
    homogeneous = np.c_[paint(HEIGHTS), np.ones(len(HEIGHTS))]

    def between(A: NDArray[np.float64], B: NDArray[np.float64]) -> float:
        return float(np.abs(homogeneous @ (A - B).T).mean())

    for view in painted.train_views:
        assert between(matrices[view], known(view)) < 0.4 * between(KNOWN, np.eye(3, 4)), view
    assert (matrices[painted.train_views[0]] == np.eye(3, 4)).all(), "one is fixed"


def test_nothing_is_changed_at_first_and_what_is_empty_stays_black() -> None:
    match, rgb, acc = ColourMatch(3, 1), torch.rand(5, 3), torch.tensor([1.0, 0.5, 0, 1, 0.2])
    seen, views = Rendered(rgb * acc[:, None], acc, acc), torch.tensor([0, 1, 2, 2, 0])
    assert torch.equal(match(seen, views).rgb, seen.rgb)
    with torch.no_grad():
        match.change.normal_()
    moved = match(seen, views)
    assert torch.equal(moved.rgb[1], seen.rgb[1])
    assert not moved.rgb[2].any()
    A = match.matrices()[2]
    torch.testing.assert_close(moved.rgb[3], A[:, :3] @ rgb[3] + A[:, 3])
    assert moved.acc is seen.acc
    moved.rgb.sum().backward()
    assert match.change.grad is not None
    assert not match.change.grad[1].any()


@pytest.mark.parametrize("recipe", [{}, HULL])
def test_a_run_that_was_stopped_goes_on_exactly(tiny: Capture, tmp_path: Path, recipe: dict[str, object]) -> None:
    config = short(**recipe | {"colour_match": True, "rays": 64})
    whole, reports = run(tiny, config, tmp_path / "whole")
    stopped = replace(config, train=replace(config.train, steps=3)) if not recipe else config
    if stopped is config:  # a cosine's steps cannot change: its first checkpoint is taken
        run(tiny, config, tmp_path / "part")
        sorted((tmp_path / "part").glob("step-*"))[-1].unlink()
    else:
        run(tiny, stopped, tmp_path / "part")
    rest, others = run(tiny, config, tmp_path / "part", field_seed=5)
    assert measured(others) == measured(reports)[3:]
    assert_same(rest, whole)
    a, b = read_newest(tmp_path / "whole"), read_newest(tmp_path / "part")
    assert a is not None
    assert b is not None
    assert a.tensors.keys() == b.tensors.keys()
    assert all(torch.equal(value, b.tensors[key]) for key, value in a.tensors.items())
    assert a.tensors["colours.change"].any()


def test_the_field_of_such_a_run_is_a_field_as_any(tiny: Capture, tmp_path: Path) -> None:
    """Bake and video take nothing else from the checkpoint."""
    config = short(colour_match=True)
    field, _ = run(tiny, config, tmp_path)
    found = read_newest(tmp_path)
    assert found is not None
    other = fresh_field(tiny, config, seed=9)
    found.restore(other)
    assert_same(field, other)


def test_without_them_a_checkpoint_holds_nothing_of_them(tiny: Capture, tmp_path: Path) -> None:
    run(tiny, short(), tmp_path)
    found = read_newest(tmp_path)
    assert found is not None
    assert not any("colours" in name for name in found.tensors)
