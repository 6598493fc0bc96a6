"""A long clip is a row of segments, trained side by side: to the user it is one run, and one clip."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

import dymap
from dymap.capture import Capture
from dymap.errors import InputError
from dymap.presets import PRESETS, preset
from dymap.runs import Bars, RunFolder, Update, configure, training_segments
from dymap.runs.bars import no_bars
from dymap.runs.lock import only_training
from dymap.runs.outlook import look_ahead, need_of
from dymap.runs.pool import Pool, places
from dymap.runs.segments import SegmentRun
from dymap.runs.sizes import bytes_text
from dymap.runs.tasks import Place
from dymap.runs.training_process import Job
from dymap.runs.training_segments import Progress, train_common
from dymap.train.checkpoint import newest_step, read_newest
from dymap.train.distributed import LostError
from dymap.train.step import StepReport
from dymap.video.spans import Span
from tests.cli.conftest import SETTINGS

FRAMES, STEPS = 8, 6
CONFIG = configure(
    preset("small"),
    {"train.steps": STEPS, "capture.test_views": (1, 4), "train.segment": 4, "train.common": 0.5},
    [*SETTINGS, "train.checkpoint_every=2"],
)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 frames, 6 views of 32 x 32: two segments of 5 frames, which overlap in 3 and 4."""
    return dymap.runs.sample(tmp_path_factory.mktemp("sample") / "dance", size=32, frames=FRAMES, views=6).folder


@pytest.fixture(scope="module")
def run(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained without an interruption, two segments side by side."""
    out = tmp_path_factory.mktemp("runs") / "dance"
    trained = dymap.runs.train(sample, out, config=CONFIG, threads=2)
    assert (trained.segments, trained.done, trained.steps, trained.unfinished) == (2, 2 * STEPS, 2 * STEPS, 0)
    return trained.run


def parameters(run: Path) -> list[dict[str, torch.Tensor]]:
    """Of the common training and of all segments, with the optimiser's state."""
    folders = [RunFolder(run).common, *(RunFolder(run).segment(k) for k in range(2))]
    found = [read_newest(folder.checkpoints) for folder in folders]
    return [one.tensors for one in found if one]


def assert_same(run: Path, other: Path) -> None:
    """Equal to the bit."""
    ours, theirs = parameters(run), parameters(other)
    assert len(ours) == len(theirs) == 3
    for a, b in zip(ours, theirs, strict=True):
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_segment_is_a_run_over_a_window_and_begins_with_the_common_values(run: Path) -> None:
    folder = RunFolder(run)
    assert [newest_step(folder.segment(k).checkpoints) for k in range(2)] == [STEPS, STEPS]
    assert newest_step(folder.common.checkpoints) == STEPS // 2
    assert folder.segment(1).read().config.capture.frames == (3, 8, 1)
    assert folder.segment(1).log.parent == run / "segments" / "001"
    common, first, second = parameters(run)
    assert common["field.codes.weight"].shape[0] == FRAMES
    assert first["field.codes.weight"].shape[0] == second["field.codes.weight"].shape[0] == 5
    assert not torch.equal(first["field.decoder.density.bias"], second["field.decoder.density.bias"])


def with_common(run: Path, out: Path) -> Path:
    """A new run whose common training is done."""
    shutil.copytree(run / "common", out / "common")
    return out


def stop_at(step: int) -> Bars:
    """Bars that send Ctrl-C when so many steps of all segments are done."""
    sent: list[int] = []

    @contextmanager
    def bars(title: str) -> Iterator[Update]:
        def update(done: int, total: int, note: str = "") -> None:  # noqa: ARG001
            if title == "train" and done >= step and not sent:
                sent.append(done)
                signal.raise_signal(signal.SIGINT)

        yield update

    return bars


def test_an_interrupted_run_goes_on_to_the_same_result(run: Path, sample: Path, tmp_path: Path) -> None:
    out = with_common(run, tmp_path / "run")
    trained = dymap.runs.train(sample, out, config=CONFIG, threads=2, progress=stop_at(2))
    assert trained.interrupted
    assert 0 < trained.done < 2 * STEPS
    trained = dymap.runs.train(out=out, threads=1)
    assert trained.finished
    assert_same(run, out)


def test_a_killed_process_is_told_of_and_the_run_goes_on_to_the_same_result(
    run: Path, sample: Path, tmp_path: Path
) -> None:
    out = with_common(run, tmp_path / "run")
    killed: list[int] = []

    @contextmanager
    def bars(title: str) -> Iterator[Update]:
        def update(done: int, total: int, note: str = "") -> None:  # noqa: ARG001
            if title == "train" and not killed and "segment 1:" in note:
                lock = (out / "segments" / "001" / "training.lock").read_text()
                killed.append(int(lock.partition('"pid": ')[2].partition(",")[0]))
                os.kill(killed[0], signal.SIGKILL)

        yield update

    with pytest.raises(LostError, match=r"segment 1 \(frames 3 to 7\): .* SIGKILL.* --only-segments 1"):
        dymap.runs.train(sample, out, config=CONFIG, threads=2, progress=bars)
    assert newest_step(out / "segments" / "000" / "checkpoints") == STEPS  # the other one went on
    assert newest_step(out / "segments" / "001" / "checkpoints") < STEPS
    trained = dymap.runs.train(out=out, only_segments=[1])
    assert (trained.done, trained.steps, trained.unfinished) == (STEPS, STEPS, 0)
    assert_same(run, out)


def test_what_another_process_does_of_the_common_training_is_waited_for(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_segments, "PATIENCE", 0.01)
    folder, asked = RunFolder(tmp_path / "run"), list[int]()
    job = Job(sample, CONFIG, folder, "small", "cpu", 1, None, no_bars, print)

    def over() -> bool:
        asked.append(1)
        return len(asked) > 3

    with only_training(folder.common.root):
        assert not train_common(job, Pool("cpu", 1), over)
    assert len(asked) == 4


def test_numbers_that_cannot_be_are_refused(run: Path, sample: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--only-segments 2: the segments of this clip are 0 to 1"):
        dymap.runs.train(out=run, only_segments=[2])
    with pytest.raises(InputError, match="one field holds the whole clip"):
        dymap.runs.train(sample, tmp_path / "one", config=configure(CONFIG, {"train.segment": 0}), only_segments=[0])
    with pytest.raises(InputError, match=r"train.segment = 3: expected 4 frames or more, or 0"):
        configure(CONFIG, {"train.segment": 3})
    with pytest.raises(InputError, match=r"--processes 2 train one field .* --segment 0"):
        dymap.runs.train(sample, tmp_path / "two", config=CONFIG, processes=2)
    with pytest.raises(InputError, match="begun with --segment 4, and not with --segment 5"):
        dymap.runs.train(out=run, options={"train.segment": 5})


def test_several_segments_are_one_clip_to_who_plays_it(run: Path, tmp_path: Path) -> None:
    baked = dymap.runs.bake(run, threads=2)
    assert (baked.path, baked.frames, baked.step) == (run / "video.dymap", FRAMES, STEPS)
    assert not list((run / "segments").rglob("*.dymap"))
    video = dymap.load(run)
    assert video.num_frames == FRAMES
    assert [tuple(span) for span in video.baked.segments] == [(0, 5), (3, 8)]
    assert [len(video.baked.frame_model(position)) for position in range(FRAMES)] == [1, 1, 1, 2, 2, 1, 1, 1]
    evaluated = dymap.runs.evaluate(run, frames=[2, 3, 7])
    assert [one.frame for one in evaluated.comparisons] == [2, 2, 3, 3, 7, 7]
    filmed = dymap.runs.film(run, views=8, size=(16, 16), layers=("rgb", "depth"), out=tmp_path / "orbit.mp4")
    assert filmed.images == 8
    rows = dict(dymap.runs.info(run))
    assert rows["segments"] == "2 of 5 frames, 2 finished"
    assert rows["trained"] == f"{STEPS} of {STEPS} steps"
    assert "2 segments" in rows["frames"]
    with pytest.raises(InputError, match=r"--exact and --half write a file of one field.* bake .*segments/000 --exact"):
        dymap.runs.bake(run, exact=True)
    alone = dymap.runs.bake(run / "segments" / "001", tmp_path / "alone.dymap", exact=True)
    assert alone.frames == 5
    ours, its_own = video.baked.segment(1), dymap.load(alone.path).baked.segment(0)
    assert torch.equal(ours.field.boxes, its_own.field.boxes)
    assert torch.equal(video.boxes[3:], its_own.field.boxes)
    assert torch.equal(ours.occupancy, its_own.occupancy)
    torch.testing.assert_close(ours.field.code(4), its_own.field.code(4), rtol=0, atol=0.01)


def test_segments_that_were_trained_for_a_size_are_rounded_as_they_were_trained(sample: Path, tmp_path: Path) -> None:
    """In the middle of what each came to, whose own files are as their checkpoints say."""
    out = tmp_path / "run"
    dymap.runs.train(sample, out, config=configure(CONFIG, {"train.rate": 1e-4, "train.common": 0.0}), threads=2)
    each = [found.coarseness for k in range(2) if (found := read_newest(RunFolder(out).segment(k).checkpoints))]
    first, second = (one for one in each if one)
    dymap.runs.bake(out, threads=1)
    dymap.runs.bake(RunFolder(out).segment(1).root)
    for run, coarseness in ((out, (first * second) ** 0.5), (RunFolder(out).segment(1).root, second)):
        assert dymap.load(run).baked.quantiser["coarseness"] == pytest.approx(coarseness)


def test_what_is_half_trained_says_how_far_it_is(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    trained = dymap.runs.train(sample, out, config=configure(CONFIG, {"train.common": 0}), only_segments=[1])
    assert (trained.done, trained.steps, trained.unfinished) == (STEPS, STEPS, 1)
    assert not (out / "common").exists()
    rows = dict(dymap.runs.info(out))
    assert rows["segments"] == "2 of 5 frames, 1 finished; 0 (frames 0 to 4): 0"
    assert rows["next"] == f"dymap train --out {out}"
    with pytest.raises(InputError, match=r"nothing trained yet of segment 0 \(frames 0 to 4\); `dymap train --out"):
        dymap.runs.bake(out)


def test_published_experiments_are_one_field_and_ours_are_cut() -> None:
    assert {preset(name).train.segment for name in ("tiny", "small", "pocket")} == {30}
    assert {preset(name).train.segment for name in PRESETS if "/" in name} == {0}


def test_what_is_said_before_a_long_clip_trains_counts_all_segments(tiny: Capture, tmp_path: Path) -> None:
    config, run, said = configure(preset("tiny"), {"capture.test_views": (1,)}), RunFolder(tmp_path), list[str]()
    three = [SegmentRun(k, Span(10 * k, 10 * k + 12), run.segment(k)) for k in range(3)]
    cpu = torch.device("cpu")
    look_ahead(tiny.source, config, run, cpu, 2, said.append, three)
    need = need_of(config, tiny.source)
    assert need
    assert "M parameters in each segment" in said[0]
    assert "for each of 2 processes" in said[0]
    assert f"{bytes_text(3 * need.checkpoints)} of checkpoints" in said[0]


def test_a_forecast_counts_steps_that_are_done_at_the_same_time_once(tmp_path: Path) -> None:
    said, shown = list[str](), list[tuple[int, int, str]]()
    config = configure(preset("tiny"), {"train.steps": 1000})
    job = Job(tmp_path, config, RunFolder(tmp_path), "tiny", "cpu", 2, None, no_bars, said.append)
    four = [SegmentRun(k, Span(30 * k, 30 * k + 32), RunFolder(tmp_path).segment(k)) for k in range(4)]
    show = Progress(job, four, four, 2, lambda done, total, note="": shown.append((done, total, note)))
    show(3, StepReport(0, {}, 20.0, 1e-3, 1024, 10.0))
    assert shown == [(1, 4000, "0 of 4 segments; segment 3: PSNR 20.0 dB")]
    assert "will take about 6 hours" in said[0]  # 3999 steps of 10 s, two at a time


def test_places_are_cores_and_more_cores_are_shared_out() -> None:
    assert places(5, "cpu", 2) == [Place("cpu", 1)] * 2
    assert places(2, "cpu", 8) == [Place("cpu", 4)] * 2
    assert places(1, "cpu", 1) == [Place("cpu", 1)]
