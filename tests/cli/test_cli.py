"""The commands, from a capture to a film."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import av
import cv2
import pytest

from dymap.runs import RunFolder
from dymap.runs.demonstration import PACKAGED
from dymap.train.checkpoint import checkpoints
from tests.cli.conftest import SETTINGS, Run, train_arguments

COMMANDS = ("train", "bake", "evaluate", "render", "import-model", "info", "sample", "demo", "mesh")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(dymap: Run, capfd: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as caught:
        dymap(command, "--help")
    assert caught.value.code == 0
    text = capfd.readouterr().out
    assert f"dymap {command}" in text
    assert "--help" in text


def test_help_lists_the_commands(dymap: Run, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        dymap("--help")
    assert caught.value.code == 0
    text = capfd.readouterr().out
    assert all(command in text for command in COMMANDS)


def test_sample_is_written_once(dymap: Run, sample: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in sample.rglob("*")}
    said = dymap("sample", "--out", sample, "--views", 6, "--size", 48, "--frames", 3)
    assert said.code == 0
    assert "3 frames, 6 views of 48 x 48" in said.out
    assert "dymap train" in said.out
    assert {path: path.stat().st_mtime_ns for path in sample.rglob("*")} == before


def test_training_leaves_a_run(trained: Path, sample: Path) -> None:
    run = RunFolder(trained)
    record = run.read()
    assert record.data == sample.resolve()
    assert record.config.capture.test_views == (1, 4)
    assert record.config.train.steps == 4
    assert record.config.field.width == 32
    assert record.config.bake.grid == (8, 8, 12)
    assert [step for step, _ in checkpoints(run.checkpoints)] == [2, 4]
    assert [json.loads(line)["step"] for line in run.log.read_text().splitlines()] == [0, 1, 2, 3]
    assert run.preview.exists()
    assert any(run.curves.iterdir())


def test_options_in_any_order(dymap: Run, sample: Path, trained: Path, tmp_path: Path) -> None:
    said = dymap(
        "train",
        "--steps",
        4,
        "--set",
        *SETTINGS[::-1],
        "--out",
        tmp_path / "run",
        "--test-views",
        1,
        4,
        "--data",
        sample,
    )
    assert said.code == 0
    assert (tmp_path / "run" / "config.json").read_bytes() == (trained / "config.json").read_bytes()
    ours, theirs = (RunFolder(path).checkpoints / "step-0000004.safetensors" for path in (tmp_path / "run", trained))
    assert ours.read_bytes() == theirs.read_bytes(), "the same options give the same field, to the bit"


def test_same_command_resumes(dymap: Run, sample: Path, trained: Path, tmp_path: Path) -> None:
    """Stopped by its time at once, gone on later: the same field as in one go."""
    arguments = train_arguments(sample, tmp_path / "run", "--steps", 4)
    said = dymap(*arguments, "--minutes", 0)
    assert said.code == 0
    assert "stopped and saved after 0 of 4 steps; the same command goes on" in said.out
    said = dymap(*arguments)
    assert "trained 4 of 4 steps; next: dymap bake" in said.out
    path = RunFolder(tmp_path / "run").checkpoints / "step-0000004.safetensors"
    assert path.read_bytes() == (RunFolder(trained).checkpoints / "step-0000004.safetensors").read_bytes()
    before = path.stat().st_mtime_ns
    assert dymap(*arguments).code == 0
    assert path.stat().st_mtime_ns == before, "nothing is left to do"


def test_bake_writes_one_file(dymap: Run, baked: Path, tmp_path: Path) -> None:
    said = dymap("bake", "--out", tmp_path / "other.dymap", baked)
    assert said.code == 0
    assert "3 frames at step 4" in said.out
    assert said.out.endswith(f"next: dymap render {tmp_path / 'other.dymap'}"), "which is not what the run evaluates"
    assert (tmp_path / "other.dymap").read_bytes() == (baked / "video.dymap").read_bytes()


@pytest.mark.parametrize("renderer", ["march", "volume"])
def test_evaluate_reports(dymap: Run, baked: Path, tmp_path: Path, renderer: str) -> None:
    said = dymap("evaluate", "--renderer", renderer, baked, "--out", tmp_path)
    assert said.code == 0
    assert "PSNR box" in said.out
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["renderer"] == renderer
    assert [(image["frame"], image["view"]) for image in metrics["images"]] == [
        (frame, view) for frame in range(3) for view in ("01", "04")
    ]
    assert 3 < metrics["mean"]["psnr"] < 60
    assert f"{metrics['mean']['psnr']:.3f}" in said.out
    for frame in range(3):
        for view in (1, 4):
            picture = cv2.imread(str(tmp_path / f"frame{frame:06d}_view{view:02d}.png"))
            assert picture is not None
            assert picture.shape == (48, 3 * 48, 3)


def test_evaluate_chosen_images(dymap: Run, baked: Path, tmp_path: Path) -> None:
    assert dymap("evaluate", baked, "--views", 0, 2, "--frames", 1, "--out", tmp_path).code == 0
    images = json.loads((tmp_path / "metrics.json").read_text())["images"]
    assert [(image["frame"], image["view"]) for image in images] == [(1, "00"), (1, "02")]


def test_render_films_an_orbit(dymap: Run, baked: Path, tmp_path: Path) -> None:
    film, pictures = tmp_path / "film.mp4", tmp_path / "png"
    said = dymap("render", "--views", 5, "--size", 32, 24, "--fps", 10, "--out", film, baked, "--png", pictures)
    assert said.code == 0
    assert "5 images at 10 fps" in said.out
    assert sorted(path.name for path in pictures.iterdir()) == [f"{i:06d}.png" for i in range(5)]
    with av.open(str(film)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 10
    assert [frame.shape for frame in frames] == [(24, 32, 3)] * 5
    first = cv2.imread(str(pictures / "000000.png"))
    assert first is not None
    assert abs(frames[0].astype(float) - first[..., ::-1]).mean() < 0.02 * 255


def test_render_takes_a_file_that_was_moved_and_white(dymap: Run, baked: Path, tmp_path: Path) -> None:
    file = tmp_path / "dance.dymap"
    shutil.copy(baked / "video.dymap", file)
    said = dymap("render", file, "--views", 1, "--background", "white", "--png", tmp_path / "png", "--size", 20, 20)
    assert said.code == 0
    assert (tmp_path / "orbit.mp4").exists(), "beside the file"
    picture = cv2.imread(str(tmp_path / "png" / "000000.png"))
    assert picture is not None
    assert (picture[0, 0] == 255).all()


def test_film_lasts_whole_clips_of_four_seconds_or_more(dymap: Run, baked: Path) -> None:
    said = dymap("render", baked, "--size", 8, 8, "--fps", 2)
    assert "9 images at 2 fps" in said.out, "three clips of three frames"
    assert (baked / "orbit.mp4").exists()


def test_info_leads_from_step_to_step(dymap: Run, sample: Path, trained: Path, baked: Path, tmp_path: Path) -> None:
    said = dymap("info", sample)
    for part in ("capture", "6 of 48 x 48", "3, numbers 0 to 2", "masks yes", "vertices yes", "next dymap train"):
        assert part in said.out, part
    said = dymap("info", trained)
    for part in ("run", "preset small", "4 of 4 steps", "next dymap bake"):
        assert part in said.out, part
    shutil.copytree(baked, tmp_path / "baked", ignore=shutil.ignore_patterns("evaluation"))
    said = dymap("info", tmp_path / "baked")
    for part in ("video", "scene dance", "8 x 8 x 12", "next dymap evaluate"):
        assert part in said.out, part
    assert dymap("evaluate", tmp_path / "baked").code == 0
    said = dymap("info", tmp_path / "baked")
    assert "evaluated psnr" in said.out
    assert "next dymap render" in said.out
    said = dymap("info", baked / "video.dymap")
    for part in ("video", "scene dance", "3 at 30 fps", "6 of 48 x 48", "next dymap render"):
        assert part in said.out, part


def test_info_without_a_path_is_about_the_machine(dymap: Run) -> None:
    said = dymap("info")
    assert said.code == 0
    for part in ("dymap", "python", "torch", "kernels", "GPU", "wgpu"):
        assert part in said.out


def test_demo_does_everything_at_once(dymap: Run, tmp_path: Path) -> None:
    options = ("--size", 32, "--frames", 2, "--steps", 2, "--film", 3)
    said = dymap("demo", "--out", tmp_path / "demo", *options)
    assert said.code == 0
    for name in ("sample/annots.npy", "run/video.dymap", "run/evaluation/metrics.json", "run/preview.png", "orbit.mp4",
                 "fixed_time.mp4", "fixed_view.mp4", "index.html", "player.html"):  # fmt: skip
        assert (tmp_path / "demo" / name).is_file() or name == "run/preview.png", name
    metrics = json.loads((tmp_path / "demo/run/evaluation/metrics.json").read_text())
    assert {image["view"] for image in metrics["images"]} == {"03", "07", "11", "15"}
    assert "<title>A dancer, from any side</title>" in (tmp_path / "demo/player.html").read_text()
    page = (tmp_path / "demo/index.html").read_text()
    assert page.count('type="radio"') == 4, "a thumbnail for each view that was kept out"
    assert 'width="128" height="128"' in page, "pictures are larger than those that were learned from"
    assert dymap("demo", "--out", tmp_path / "demo", *options).code == 0, "a second time it goes on"


def test_quick_demo_films_the_packaged_clip(dymap: Run, tmp_path: Path) -> None:
    assert dymap("demo", "--quick", "--out", tmp_path, "--size", 32, "--film", 2).code == 0
    assert (tmp_path / "quick.mp4").stat().st_size > 0
    assert PACKAGED.stat().st_size <= 2_000_000
