"""The baseline of the benchmarks: a hull, rays that end on it, colours that are looked up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.nearest_view import NearestView, hull_depths, look_up, main, measure, nearest_cameras

from dymap.capture import Capture
from dymap.evaluate.protocol import METRICS, compare
from dymap.files import write_json
from dymap.geometry.camera import Camera, look_at
from dymap.geometry.rays import Rays, slab_test
from dymap.render.image import Image

BOX = np.array([[-1, -1, -1], [1, 1, 1]], np.float32)


def camera(angle: float) -> Camera:
    R, T = look_at((3 * np.cos(angle), 3 * np.sin(angle), 0), (0, 0, 0))
    return Camera(np.array([[30.0, 0, 20], [0, 30, 15], [0, 0, 1]]), R, T, 40, 30)


def test_rays_end_on_a_ball() -> None:
    """The first voxel of a ball of radius 0.8 is where the quadratic equation says, to about a voxel."""
    voxels = 64
    axis = (np.arange(voxels) + 0.5) / voxels * 2 - 1
    hull = sum(x**2 for x in np.meshgrid(axis, axis, axis, indexing="ij")) < 0.8**2
    rng = np.random.default_rng(0)
    o = torch.from_numpy(rng.normal(size=(200, 3)) * 0.1 + [3, 0, 0]).float()
    d = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(200, 3)) * 0.4).float() - o, dim=1)
    near, far, hit = slab_test(o, d, torch.from_numpy(BOX))
    o, d, near, far = o[hit], d[hit], near[hit], far[hit]
    along = -(o * d).sum(1)
    below = 0.8**2 - ((o * o).sum(1) - along**2)
    expected = torch.where(below > 0, along - below.clamp(min=0).sqrt(), torch.inf).numpy()
    depths = hull_depths(Rays(o, d, near, far), BOX, hull)
    clear = below.abs().numpy() > 0.1  # rays that graze may go either way
    np.testing.assert_array_equal(np.isfinite(depths)[clear], np.isfinite(expected)[clear])
    both = clear & np.isfinite(expected)
    assert both.sum() > 50
    assert (~np.isfinite(expected)).sum() > 10
    assert np.abs(depths[both] - expected[both]).max() < 2.5 * 2 / voxels
    assert np.isinf(hull_depths(Rays(o, d, near, far), BOX, np.zeros_like(hull))).all()


def test_nearest_camera_is_the_one_beside() -> None:
    ring = [camera(angle) for angle in (0, 1, 2, 4)]
    order, angles = nearest_cameras(camera(1.2), ring, np.zeros(3), 3)
    assert order == [1, 2, 0]
    np.testing.assert_allclose(angles, [0.2, 0.8, 1.2], atol=1e-6)


def test_colours_are_looked_up_between_pixels() -> None:
    one = camera(0.3)
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    pixels = np.array([[7.0, 5.0], [7.25, 5.5], [-20, 5]])
    local = np.concatenate([pixels, np.ones((3, 1))], axis=1) @ np.linalg.inv(one.K).T * 2
    points = (local - one.T) @ one.R
    behind = one.position - one.R[2]
    seen = look_up(image, one, np.concatenate([points, behind[None]])) * 255
    np.testing.assert_allclose(seen[0], image[5, 7], atol=0.05)
    blend = 0.5 * (0.75 * image[5:7, 7].astype(float) + 0.25 * image[5:7, 8]).sum(axis=0)
    np.testing.assert_allclose(seen[1], blend, atol=2)
    assert not seen[2:].any()
    assert look_up(image, one, np.zeros((0, 3))).shape == (0, 3)


def test_a_training_view_is_nearest_to_itself(tiny: Capture) -> None:
    """There the warp changes nothing, inside the hull and up to its voxels."""
    view = tiny.train_views[1]
    own = compare(tiny, NearestView(tiny, voxels=48), 0, view)
    mask = tiny.image(0, view)[1] > 0
    shown = own.prediction.any(axis=-1)
    assert (shown & mask).sum() > 0.6 * mask.sum()
    assert np.abs(own.prediction - own.truth)[shown & mask].mean() < 0.03
    held_out = compare(tiny, NearestView(tiny, voxels=48), 0, tiny.test_views[0])
    assert own.metrics["psnr"] > held_out.metrics["psnr"]


@pytest.mark.parametrize("nearest", [1, 2])
def test_summary_beats_darkness(tiny: Capture, nearest: int) -> None:
    """The one thing that any baseline must do."""
    mean = measure(tiny, [0, 2], voxels=48, nearest=nearest)["mean"]

    def black(one: Camera, _: int) -> Image:
        shape = (one.height, one.width)
        return Image(
            torch.zeros(*shape, 3), torch.zeros(shape), torch.zeros(shape), torch.ones(shape, dtype=torch.bool)
        )

    darkness = [compare(tiny, black, frame, view).metrics["psnr_foreground"] for frame in (0, 2) for view in (1, 3)]
    assert mean["psnr_foreground"] > np.mean(darkness)


def test_table_sets_a_run_beside_the_baseline(
    tiny: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    model = dict.fromkeys(METRICS, 50.0) | {"psnr_foreground": None}
    write_json(tmp_path / "evaluation" / "metrics.json", {"mean": model})
    main(tiny.source.root, test_views=(1, 3), frames=(0,), ratio=0.5, voxels=24, run=tmp_path)
    mean = measure(tiny, [0], voxels=24)["mean"]
    rows = {line.split()[1]: line for line in capsys.readouterr().out.splitlines() if line.startswith("│")}
    assert f"{mean['psnr']:.3f}" in rows["mean"]
    assert f"{50 - mean['psnr']:+.3f}" in rows["difference"]
    assert " - " in rows["difference"], "what one of them lacks has no difference"
