"""The same work on a cluster of Ray: the same numbers to the bit, whatever is killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
import torch

import dymap
from dymap.config import EngineName
from dymap.errors import InputError
from dymap.presets import preset
from dymap.runs import RunFolder, Update, configure
from dymap.runs.cluster import open_cluster, threads_of_each
from dymap.runs.engines import open_engine
from dymap.runs.tasks import Channel, Engine, Place, Task
from dymap.train.checkpoint import read_newest
from dymap.train.distributed import LostError
from tests.cli.conftest import SETTINGS

FRAMES, STEPS = 8, 6
CONFIG = configure(
    preset("small"),
    {"train.steps": STEPS, "capture.test_views": (1, 4), "train.segment": 4},
    [*SETTINGS, "train.checkpoint_every=2"],
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Engine]:
    """A cluster of this machine with two cores, in which all of this file's work is done.

    Without Ray, tests are skipped; with DYMAP_REQUIRE_CLUSTER=1 they fail.
    """
    if find_spec("ray") is None:  # imported by dymap only, which says first where it is to listen
        absent = pytest.fail if os.environ.get("DYMAP_REQUIRE_CLUSTER") == "1" else pytest.skip
        absent("the extra cluster is not installed")
    with open_engine("ray", None, "cpu", 2) as engine:
        yield engine


@pytest.fixture(params=["pool", "ray"])
def engine(request: pytest.FixtureRequest) -> EngineName:
    """The name of each engine."""
    if request.param == "ray":
        request.getfixturevalue("cluster")
    name: EngineName = request.param
    return name


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 frames, 6 views of 32 x 32: two segments of 5 frames, which overlap in 3 and 4."""
    return dymap.runs.sample(tmp_path_factory.mktemp("sample") / "dance", size=32, frames=FRAMES, views=6).folder


@pytest.fixture(scope="module")
def run(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained and baked by the pool."""
    out = tmp_path_factory.mktemp("runs") / "dance"
    dymap.runs.train(sample, out, config=CONFIG, threads=2)
    dymap.runs.bake(out, threads=2)
    return out


def parameters(run: Path) -> list[dict[str, torch.Tensor]]:
    """Of all segments, with the optimiser's state."""
    found = [read_newest(RunFolder(run).segment(k).checkpoints) for k in range(2)]
    return [one.tensors for one in found if one]


@pytest.mark.skipif(find_spec("ray") is None, reason="the extra cluster is not installed")
@pytest.mark.parametrize("address", ["127.0.0.1:1", "nobody.invalid:6379", "127.0.0.1:99999"])
def test_an_address_where_nobody_answers_is_told_at_once(address: str) -> None:
    with (
        pytest.raises(InputError, match=f"--address {address}: no cluster of Ray answers there"),
        open_cluster(address, "cpu", 1),
    ):
        pass


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(InputError, match=r"--engine ray needs the extra cluster: pip install 'dymap\[cluster\]'"),
        open_cluster(None, "cpu", 1),
    ):
        pass


class Killer(Thread):
    """Kills whoever trains a segment as soon as it has left a checkpoint, once. killed: its process, or None."""

    def __init__(self, segment: RunFolder):
        super().__init__(daemon=True)
        self.segment, self.over = segment, Event()
        self.killed: int | None = None

    def run(self) -> None:
        lock = self.segment.root / "training.lock"
        while not self.over.wait(0.002):
            with suppress(OSError, ValueError):  # a lock that is gone, or half written
                process = int(lock.read_text().partition('"pid": ')[2].partition(",")[0])
                if any(self.segment.checkpoints.glob("step-*.safetensors")):
                    os.kill(process, signal.SIGKILL)
                    self.killed = process
                    return


@pytest.mark.usefixtures("cluster")
def test_a_killed_worker_loses_nothing(sample: Path, tmp_path: Path) -> None:
    longer = configure(CONFIG, {"train.steps": 40})  # not over before it is noticed
    whole, out = tmp_path / "whole", tmp_path / "killed"
    dymap.runs.train(sample, whole, config=longer, threads=2)
    killer = Killer(RunFolder(out).segment(1))
    killer.start()
    with pytest.warns(UserWarning, match=r"segment 1 \(frames 3 to 7\): process \d+ on .* is gone; process \d+ on"):
        trained = dymap.runs.train(sample, out, config=longer, engine="ray")
    killer.over.set()
    assert killer.killed
    assert (trained.segments, trained.done, trained.steps, trained.unfinished) == (2, 80, 80, 0)
    ours, theirs = parameters(whole), parameters(out)
    assert len(ours) == len(theirs) == 2
    for a, b in zip(ours, theirs, strict=True):
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.usefixtures("cluster")
def test_an_interrupted_training_goes_on(sample: Path, tmp_path: Path) -> None:
    out, sent = tmp_path / "run", list[int]()

    @contextmanager
    def bars(title: str) -> Iterator[Update]:
        def update(done: int, total: int, note: str = "") -> None:  # noqa: ARG001
            if title == "train" and not sent:
                sent.append(done)
                signal.raise_signal(signal.SIGINT)

        yield update

    longer = configure(CONFIG, {"train.steps": 400})
    trained = dymap.runs.train(sample, out, config=longer, engine="ray", progress=bars)
    assert trained.interrupted
    assert 0 < trained.done < 800
    assert not list(out.rglob("training.lock"))


@pytest.mark.usefixtures("cluster")
def test_a_baked_clip_is_the_same(run: Path, tmp_path: Path) -> None:
    dymap.runs.bake(run, tmp_path / "again" / "clip.dymap", engine="ray", threads=1)
    dymap.runs.bake(run, tmp_path / "clip.dymap", threads=1)
    assert (tmp_path / "again" / "clip.dymap").read_bytes() == (tmp_path / "clip.dymap").read_bytes()


def ignore(*_: object) -> None:
    """Takes what tasks tell."""


def square(number: int, place: Place, channel: Channel) -> int:
    channel.tell(place.threads)
    return number * number


def fail(*_: object) -> int:
    raise InputError("no such thing")


def die(*_: object) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def test_an_evaluation_measures_the_same(engine: EngineName, run: Path, tmp_path: Path) -> None:
    ours = dymap.runs.evaluate(run, frames=[1, 3, 4], out=tmp_path / "ours", threads=1)
    theirs = dymap.runs.evaluate(run, frames=[1, 3, 4], out=tmp_path / "theirs", engine=engine, threads=1)
    assert [(a.frame, a.view) for a in ours.comparisons] == [(b.frame, b.view) for b in theirs.comparisons]
    for a, b in zip(ours.comparisons, theirs.comparisons, strict=True):
        assert np.array_equal(a.prediction, b.prediction)
        assert str(a.metrics) == str(b.metrics)
    pictures = [file.relative_to(tmp_path / "ours") for file in (tmp_path / "ours").rglob("*.png")]
    assert len(pictures) == 3 * 6
    assert all((tmp_path / "ours" / f).read_bytes() == (tmp_path / "theirs" / f).read_bytes() for f in pictures)


def test_a_film_shows_the_same(engine: EngineName, run: Path, tmp_path: Path) -> None:
    for name, who in (("ours", None), ("theirs", engine)):
        dymap.runs.film(
            run, tmp_path / name / "film.mov", fixed_view="1", views=5, layers=("rgb", "depth", "diff"),
            png=tmp_path / name / "png", engine=who, threads=1,
        )  # fmt: skip
    ours, theirs = (
        {file.relative_to(place): file.read_bytes() for file in place.rglob("*") if file.is_file()}
        for place in (tmp_path / "ours", tmp_path / "theirs")
    )
    assert len(ours) == 3 + 5 * 4  # films; pictures, and distances
    assert ours == theirs


def test_nobody_else_can_speak_to_it(cluster: Engine) -> None:
    import ray

    assert cluster
    assert {node["NodeManagerAddress"] for node in ray.nodes()} == {"127.0.0.1"}


def test_results_have_the_order_of_tasks_and_a_fault_ends_only_its_own(cluster: Engine) -> None:
    where = cluster.places(3)
    assert where == [Place("cpu", 1)] * 2
    said = list[tuple[int, int]]()
    tasks = [Task(f"square {number}", partial(square, number), "again") for number in range(3)]
    assert cluster.run(tasks, where, lambda number, what: said.append((number, what))) == [0, 1, 4]
    assert sorted(said) == [(0, 1), (1, 1), (2, 1)]
    with pytest.raises(InputError, match="no such thing"):
        cluster.run([Task("fails", fail, "again")], where, ignore)
    assert cluster.run(tasks, where, ignore, lambda: True) == [None] * 3


def test_what_is_lost_again_and_again_is_told(cluster: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dymap.runs.cluster.RETRIES", 1)
    with pytest.warns(UserWarning, match="is gone"), pytest.raises(LostError, match=r"dies: .* 1 more .*; do"):
        cluster.run([Task("dies", die, "do it by hand")], cluster.places(1), ignore)


def test_cores_are_shared_out_so_that_all_tasks_run_at_once() -> None:
    assert threads_of_each([2], 5) == 1
    assert threads_of_each([8], 3) == 2
    assert threads_of_each([16] * 100, 600) == 2
    assert threads_of_each([16] * 100, 50) == 16
    assert threads_of_each([4, 16], 2) == 8


@pytest.mark.usefixtures("cluster")
def test_what_cannot_be_is_refused(sample: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--address there: only a cluster has an address: add --engine ray"):
        dymap.runs.train(sample, tmp_path / "run", config=CONFIG, address="there")
    with pytest.raises(InputError, match="--engine ray shares out the segments of a clip, but one field"):
        dymap.runs.train(sample, tmp_path / "one", config=configure(CONFIG, {"train.segment": 0}), engine="ray")
    with open_cluster(None, "cuda", 0) as gpus, pytest.raises(InputError, match="--device cuda: the cluster has no"):
        gpus.places(1)
    with open_cluster(None, "cpu", 64) as wide, pytest.raises(InputError, match="--threads 64: the largest machine"):
        wide.places(1)
