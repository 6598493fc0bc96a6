"""The benchmarks: the baseline (a hull, rays that end on it, colours that are looked up), and what is timed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks import rate, stage, watching, web_kernels
from benchmarks.__main__ import main as speed
from benchmarks.__main__ import run
from benchmarks.cases import Case, Peak, Stopwatch, Work, median_time
from benchmarks.nearest_view import NearestView, hull_depths, look_up, main, measure, nearest_cameras
from benchmarks.workloads import RECIPE, open_workload, released_key

from dymap.capture import Capture
from dymap.evaluate.protocol import METRICS, compare
from dymap.field.field import Field
from dymap.files import write_json
from dymap.geometry.camera import Camera, look_at
from dymap.geometry.rays import Rays, slab_test
from dymap.kernels import running
from dymap.presets import preset
from dymap.render.image import Image
from dymap.runs.demonstration import PACKAGED
from tests.browser import needs_browser
from tests.golden.sources import FULL, Golden
from tests.video.videos import painted_video

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
        nothing = torch.zeros(shape)
        return Image(torch.zeros(*shape, 3), nothing, nothing, nothing, torch.ones(shape, dtype=torch.bool))

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


def test_speed_quickly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every case runs, in the core where there is one and in the reference; the table and the file hold them all."""
    monkeypatch.setattr("benchmarks.__main__.pick_device", lambda *_: None)  # the suite's threads stay as they are
    speed(quick=True, runs=1, json=tmp_path / "figures.json", allow_torch=True)
    report, printed = json.loads((tmp_path / "figures.json").read_text()), capsys.readouterr().out
    rows = {row["name"]: row for row in report["rows"]}
    for name, row in rows.items():
        assert row["seconds"] > 0, name
        assert name.rpartition("/")[2] in printed
    assert {name.split("/")[1] for name in rows} == {"operations", "frame", "renderers", "training"}
    assert (
        rows["quick/renderers/close fast"]["reference_seconds"]
        == rows["quick/renderers/close march"]["reference_seconds"]
    )
    assert rows["quick/operations/mlp maps"]["ns_per_sample"] > 0
    assert all(probe["gemm"] > 0 and probe["bandwidth"] > 0 for probe in report["probe"])
    assert 0 < report["seen"]["quick far"]["covered"] < report["seen"]["quick close"]["covered"] < 0.5


def test_only_what_is_asked_for_is_measured() -> None:
    report = run(("quick",), ("density", "collapse where"), runs=1, reference=False, quick=True)
    assert [row.name for row in report.rows] == [
        "quick/operations/density",
        "quick/operations/density backward",
        "quick/frame/collapse where occupied",
    ]
    assert report.rows[0].ratio is None
    with pytest.raises(ValueError, match="nothing is called like rust"):
        run(("quick",), ("rust",))


def test_the_workload_is_that_of_a_file(tmp_path: Path) -> None:
    """The file in a folder that is named wins."""
    (tmp_path / "speed_scene.json").write_text(json.dumps(RECIPE | {"frame": 7}))
    assert open_workload("quick", tmp_path).index == 7
    with pytest.raises(FileNotFoundError):
        open_workload("quick", tmp_path / "elsewhere")


@pytest.mark.full_golden
def test_the_workload_in_the_code_is_that_beside_the_full_golden_arrays() -> None:
    given = json.loads((FULL / "speed_scene.json").read_text())
    for key in ("K", "K_close", "R", "T", "bounds"):
        np.testing.assert_allclose(np.ravel(RECIPE[key]), np.ravel(given[key]), atol=1e-4, err_msg=key)
    assert all(given[key] == RECIPE[key] for key in ("recipe", "frame", "num_frames", "width", "height"))
    with torch.device("meta"):
        field = Field(preset("zjumocap/313").field, torch.zeros(300, 2, 3))
    ours = {released_key(name): list(value.shape) for name, value in field.named_parameters()}
    assert ours == {key: shape for key, shape in given["shapes"].items() if not key.endswith("offsets")}


def test_median_leaves_the_first_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.0, 1.0, 1.0, 1.2, 1.2, 1.2, 1.5, 1.5, 1.5, 1.9])
    monkeypatch.setattr("benchmarks.cases.time.perf_counter", lambda: next(clock))
    seconds, runs = median_time(lambda: None, 3, 100)
    assert (seconds, runs) == (pytest.approx(0.3), 3)


def test_share_is_of_the_nearer_peak() -> None:
    watch = Stopwatch(Peak(flops=1e12, bytes=1e9), runs=1, variant=running(), reference=False)
    row = watch.measure(Case("a/b/c", lambda: lambda: time.sleep(0.01), lambda: Work(1000, 1e6, 5e6)))
    assert row.bound == "bytes"
    assert row.share == pytest.approx(5e6 / row.seconds / 1e9)
    assert row.ns == pytest.approx(row.seconds * 1e6)


def test_a_coarser_file_is_smaller_and_further_from_the_model(trimmed: Golden) -> None:
    rows = rate.measure(painted_video(trimmed), (1e-7, 4e-6), None, 1)
    assert [row.coarseness for row in rows] == [1e-7, 4e-6, 0]
    assert rows[0].megabytes > rows[1].megabytes
    assert rows[0].model > rows[1].model + 10
    lines = rate.text(rows).splitlines()
    assert len(lines) == 5
    assert lines[-1].startswith("| exact |")


@needs_browser
def test_what_the_stage_reaches_is_measured() -> None:
    told = stage.measure(PACKAGED, (2,), seconds=0.4, size=64)
    names = [row["name"] for row in told["rows"]]
    assert names[:3] == ["nothing rendered", "dragging, 2 clients", "full picture after it"]
    assert all(row["all"] > 0 for row in told["rows"])
    assert told["released"][0] > 0
    lines = list(stage.table(told["rows"]))
    assert len({line.count("|") for line in lines}) == 1


def test_what_watching_takes_of_a_training_is_measured(
    tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "SETTLING", 0.1)
    for seconds in (1.0, 4.0, 16.0):  # on a busy machine, drawing waits for the training: somebody may get none so soon
        run = tmp_path / f"{seconds}"
        phases = watching.measure(watching.command_of(tiny_root, run, "tiny", 1), run, seconds, 1, 32)
        assert all(phase.rays[0] > 0 for phase in phases.values())
        pictures = [phase.pictures[0] for phase in phases.values()]
        if pictures[2]:
            break
    assert pictures[0] == 0 < pictures[2]
    lines = list(watching.table(phases))
    assert len({line.count("|") for line in lines}) == 1


def test_the_march_of_gpus_is_followed_sample_by_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many colours as the marching renderer gives, and not more densities than it takes in rounds."""
    monkeypatch.setattr(web_kernels, "SHARE", 1)
    workload = open_workload("quick")
    camera, grid = workload.cameras["far"], workload.occupancy[workload.index]
    exact, draft = (web_kernels.follow(workload.frame, grid, workload.step, camera, merged) for merged in (1, 4))
    seen = workload.seen("far")
    assert exact.colours == pytest.approx(seen.colours, abs=2)
    assert exact.colours <= exact.densities <= seen.densities
    assert draft.densities == exact.densities
    assert draft.colours < 0.5 * exact.colours
    assert exact.paid_colours >= exact.colours
    assert web_kernels.work_of(workload.config.field, grid, exact).march > 0
