"""What a training leaves to look at: curves, a log to read by script, a preview picture."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dymap.capture import Capture, open_capture
from dymap.config import Config, from_json
from dymap.runs import RunFolder
from dymap.train.listeners import Curves, Preview
from dymap.train.loop import train
from dymap.train.step import StepReport
from tests.captures import VIEWS, annotations, write_annotations, write_capture
from tests.disks import files_of_at_most
from tests.golden.sources import Golden
from tests.train.runs import fresh_field, measured, short

LOG_EVERY, PREVIEW_EVERY, STEPS = 2, 3, 6


@pytest.fixture(scope="module")
def trained(tiny: Capture, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, list[StepReport]]:
    """A run of six steps, heard by all listeners."""
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    reports: list[StepReport] = []
    listen(folder, tiny, config(), reports)
    return folder, reports


def config(**options: object) -> Config:
    values = {"log_every": LOG_EVERY, "preview_every": PREVIEW_EVERY, "steps": STEPS, "hull_grid": 16}
    return short(**(values | options))


def listen(folder: RunFolder, capture: Capture, config: Config, reports: list[StepReport]) -> None:
    field = fresh_field(capture, config)
    curves = Curves(folder.curves, folder.log, config.train.log_every, config=config)
    preview = Preview(folder.preview, field, capture, config, curves, size=24)
    train(field, capture, config, None, listeners=(reports.append, curves, preview))
    curves.close()


def events(folder: RunFolder) -> EventAccumulator:
    accumulator = EventAccumulator(str(folder.curves))
    accumulator.Reload()
    return accumulator


def lines(folder: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line, parse_constant=refuse) for line in folder.log.read_text().splitlines()]


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def test_curves_hold_losses_psnr_rate_and_speed(trained: tuple[RunFolder, list[StepReport]]) -> None:
    folder, reports = trained
    curves = events(folder)
    expected = {
        "loss/colour",
        "loss/mask",
        "loss/total",
        "psnr",
        "lr",
        "rays per second",
        "preview psnr (training view)",
    }
    assert expected == set(curves.Tags()["scalars"])
    for tag, values in {
        "loss/colour": [report.losses["colour"] for report in reports[1::2]],
        "loss/mask": [report.losses["mask"] for report in reports[1::2]],
        "loss/total": [report.losses["colour"] + report.losses["mask"] for report in reports[1::2]],
        "lr": [report.lr for report in reports[1::2]],
        "psnr": [(a.psnr + b.psnr) / 2 for a, b in zip(reports[::2], reports[1::2], strict=True)],
    }.items():
        scalars = curves.Scalars(tag)
        assert [event.step for event in scalars] == [1, 3, 5]
        np.testing.assert_allclose([event.value for event in scalars], values, rtol=1e-6)
    assert all(event.value > 0 for event in curves.Scalars("rays per second"))


def test_log_is_a_line_of_json_for_each_report(trained: tuple[RunFolder, list[StepReport]]) -> None:
    folder, reports = trained
    records = lines(folder)
    assert [record["step"] for record in records] == [1, 3, 5]
    assert [record["losses"] for record in records] == measured(reports)[1::2]
    for record, report in zip(records, reports[1::2], strict=True):
        assert record["psnr"] == report.psnr
        assert record["lr"] == report.lr
        assert record["rays"] == report.rays
        assert record["rays_per_second"] > 0


def test_a_resumed_run_shows_the_previews_that_it_would_have_shown(tiny: Capture, tmp_path: Path) -> None:
    shown: list[Any] = []
    for name, parts in (("whole", [STEPS]), ("resumed", [PREVIEW_EVERY, STEPS])):
        folder = RunFolder(tmp_path / name)
        for steps in parts:
            options = config(steps=steps, checkpoint_every=PREVIEW_EVERY, schedule="published")
            field = fresh_field(tiny, options)
            with closing(Curves(folder.curves, folder.log, LOG_EVERY)) as curves:
                preview = Preview(folder.preview, field, tiny, options, curves, size=24)
                train(field, tiny, options, folder.checkpoints, listeners=(preview,))
        shown.append(cv2.imread(str(folder.preview)))
    np.testing.assert_array_equal(shown[0], shown[1])


def test_preview_is_truth_beside_prediction(trained: tuple[RunFolder, list[StepReport]], tiny: Capture) -> None:
    """Two previews in six steps: training views in turn, frames 0 and 7 mod 4; 64 x 48 images shrink to 24 x 18."""
    folder, _ = trained
    curves = events(folder)
    assert [image.step for image in curves.Images("preview")] == [2, 5]
    pictures = [
        cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), 1) for image in curves.Images("preview")
    ]
    camera = tiny.cameras[tiny.train_views[0]]
    width = 24 if camera.width >= camera.height else round(24 * camera.width / camera.height)
    height = 24 if camera.height >= camera.width else round(24 * camera.height / camera.width)
    for picture, view, frame in zip(pictures, tiny.train_views[:2], (0, 3), strict=True):
        assert view not in tiny.test_views
        assert picture.shape == (height, 2 * width, 3)
        truth = cv2.resize(tiny.image(frame, view)[0], (width, height), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(picture[:, :width, ::-1], truth)
    np.testing.assert_array_equal(cv2.imread(str(folder.preview)), pictures[-1])


def test_without_test_views_the_preview_is_the_same(tiny: Capture, tmp_path: Path) -> None:
    options = config(steps=PREVIEW_EVERY, rays=16)
    options = replace(options, capture=replace(options.capture, test_views=()))
    capture = open_capture(tiny.source.root, options.capture)
    listen(RunFolder(tmp_path), capture, options, [])
    assert "preview psnr (training view)" in events(RunFolder(tmp_path)).Tags()["scalars"]


def test_previews_are_of_pictures_that_there_are_and_need_no_masks(trimmed: Golden, tmp_path: Path) -> None:
    """Camera 0 has no picture of frame 0, of which no camera has a mask."""
    root = write_capture(tmp_path / "capture", trimmed.arrays("dataset"))
    data = annotations(trimmed.arrays("dataset"))
    data["ims"][0]["ims"][0] = None
    write_annotations(root, data)
    for view in range(VIEWS):
        (root / f"schp/{view:02d}/000000.png").unlink()
    options = config(rays=16, use_masks=False, hull_samples=0)
    capture = open_capture(root, replace(options.capture, boxes="vertices"))
    field = fresh_field(capture, options)
    curves = Curves(tmp_path / "curves", tmp_path / "log.jsonl", 1)
    Preview(tmp_path / "preview.png", field, capture, options, curves, size=24)(StepReport(2, {}, 20.0, 1e-3, 64, 0.1))
    curves.close()
    picture = cv2.imread(str(tmp_path / "preview.png"))
    assert picture is not None
    truth = capture.image(0, capture.train_views[1])[0]
    height, width = picture.shape[0], picture.shape[1] // 2
    np.testing.assert_array_equal(
        picture[:, :width, ::-1], cv2.resize(truth, (width, height), interpolation=cv2.INTER_AREA)
    )


def test_image_encoder_has_previews_without_its_noise(tiny: Capture, tmp_path: Path) -> None:
    options = config(rays=16)
    options = replace(options, field=replace(options.field, codes="encoder", encoder_views=(2, 0)))
    field = fresh_field(tiny, options)
    curves = Curves(tmp_path / "curves", tmp_path / "log.jsonl", 1)
    for name in ("first.png", "second.png"):
        preview = Preview(tmp_path / name, field, tiny, options, curves, size=24)
        preview(StepReport(2, {}, 20.0, 1e-3, 64, 0.1))
    curves.close()
    first, second = (cv2.imread(str(tmp_path / name)) for name in ("first.png", "second.png"))
    assert first is not None
    np.testing.assert_array_equal(first, second)


def test_the_configuration_is_a_text_on_tensorboard(trained: tuple[RunFolder, list[StepReport]]) -> None:
    (event,) = events(trained[0]).Tensors("configuration/text_summary")
    text = event.tensor_proto.string_val[0].decode()
    assert all(line.startswith("    ") for line in text.splitlines()), "code, as Markdown has it"
    assert from_json(Config, json.loads(text)) == config()


def test_the_curve_of_the_background_says_that_it_may_be_negative(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    curves = Curves(folder.curves, folder.log, 1)
    curves(StepReport(0, {"colour": 0.5, "background": -0.125}, 3.0, 1e-3, 64, 0.1))
    curves.close()
    (record,) = lines(folder)
    assert record["losses"] == {"colour": 0.5, "background": -0.125}
    assert events(folder).Scalars("loss/background (may be below 0)")[0].value == -0.125
    assert events(folder).Scalars("loss/total")[0].value == 0.375


def test_repeated_steps_replace_their_curves(tiny: Capture, tmp_path: Path) -> None:
    """A run that was killed before its first checkpoint begins again; the log keeps both, the curves the later one."""
    folder = RunFolder(tmp_path)
    for _ in range(2):
        listen(folder, tiny, config(steps=2, rays=16, preview_every=100), [])
    assert [record["step"] for record in lines(folder)] == [1, 1]
    assert [event.step for event in events(folder).Scalars("lr")] == [1]


def test_steps_without_a_psnr_are_logged_as_json_all_the_same(tmp_path: Path) -> None:
    """A loss function of one's own need not report a colour loss."""
    folder = RunFolder(tmp_path)
    curves = Curves(folder.curves, folder.log, 1)
    curves(StepReport(0, {"mine": 0.5}, float("nan"), 1e-3, 64, 0.1))
    curves.close()
    (record,) = lines(folder)
    assert record["psnr"] is None
    assert record["losses"] == {"mine": 0.5}
    assert "loss/mine" in events(folder).Tags()["scalars"]


def test_preview_leaves_the_numbers_of_training_alone(tiny: Capture, tmp_path: Path) -> None:
    alone: list[StepReport] = []
    heard: list[StepReport] = []
    options = config(rays=16)
    train(fresh_field(tiny, options), tiny, options, None, listeners=(alone.append,))
    listen(RunFolder(tmp_path), tiny, options, heard)
    assert measured(alone) == measured(heard)


def draw_much(folder: Path) -> None:
    curves = Curves(folder / "curves", folder / "log.jsonl", 1)
    picture = np.random.default_rng(0).integers(256, size=(64, 64, 3)).astype(np.uint8)
    for step in range(40):
        curves(StepReport(step, {"colour": 0.5}, 20.0, 1e-3, 64, 0.1))
        curves.board.add_image("preview", picture, step)
    curves.close()


def test_curves_that_cannot_be_written_are_told_once(tmp_path: Path) -> None:
    (tmp_path / "curves").write_text("in the way")
    with pytest.warns(UserWarning, match="curves: no more curves for TensorBoard") as told:
        draw_much(tmp_path)
    assert len(told) == 1
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 40


def test_a_disk_that_runs_full_under_the_curves_is_told_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with files_of_at_most(20_000), pytest.warns(UserWarning, match=r"TensorBoard \(File too large\)") as told:
        draw_much(tmp_path)
    assert len(told) == 1
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 40
    assert "Traceback" not in capfd.readouterr().err
