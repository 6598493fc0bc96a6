"""dymap train by several processes: as one from the outside, whether it starts them itself or torchrun does."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dymap.presets import preset
from dymap.runs import RunFolder, configure
from dymap.train.checkpoint import checkpoints
from dymap.train.distributed import TORCHRUN
from tests.cli.conftest import Run, train_arguments
from tests.cli.test_interrupt import ENDLESS, training, wait_for

TWO = ("--processes", 2, "--device", "cpu")


def free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def torchrun(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Have torchrun start two processes of the command on this machine."""
    where = ["--master-addr", "127.0.0.1", "--master-port", free_port()]
    command = ["-m", "torch.distributed.run", "--nproc-per-node", "2", *where, "-m", "dymap", *arguments]
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise")
def test_signal_saves_and_torchrun_goes_on(sample: Path, tmp_path: Path) -> None:
    """Ctrl-C reaches the process that the user has started; the run is the same however its processes are started."""
    run = RunFolder(tmp_path / "run")

    def command(steps: int, *more: object) -> list[str]:
        options = "train.checkpoint_every=1000000", "train.schedule=published"  # for which steps may be added
        return [*train_arguments(sample, run.root, "--steps", steps, "--device", "cpu", *more), *options]

    with training(command(1_000_000, "--processes", 2)) as process:
        wait_for(run.log, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    text = " ".join(out.split())
    assert text.count("stopped and saved after") == text.count("on 2 processes with cpu") == 1
    assert "Traceback" not in out + err
    assert run.read().config.train.processes == 2
    ((step, _),) = checkpoints(run.checkpoints)
    records = [json.loads(line) for line in run.log.read_text().splitlines()]
    assert [record["step"] for record in records] == list(range(step)), "one process writes"
    assert records[0]["rays"] == 2 * run.read().config.train.rays
    said = torchrun(command(step + 1))
    assert said.returncode == 0, said
    assert " ".join(said.stdout.split()).count(f"trained {step + 1} of {step + 1} steps") == 1
    assert checkpoints(run.checkpoints)[-1][0] == step + 1


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise")
def test_processes_end_with_the_one_that_started_them(sample: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with training(train_arguments(sample, run.root, *ENDLESS, *TWO)) as process:
        wait_for(run.log, process)
        process.kill()
        process.communicate(timeout=30)  # until nobody holds its stdout any more


def test_fault_is_one_sentence(dymap: Run, tmp_path: Path) -> None:
    dymap(*train_arguments(tmp_path / "nowhere", tmp_path / "run", *TWO)).failed_with("nowhere")
    assert not (tmp_path / "run").exists()


def test_number_of_processes_belongs_to_the_run(dymap: Run, sample: Path, tmp_path: Path) -> None:
    """It changes every number from the first step on."""
    RunFolder(tmp_path).create(configure(preset("small"), {"train.processes": 2}), sample, "small")
    said = dymap("train", "--out", tmp_path, "--processes", 1)
    said.failed_with("was begun with --processes 2, and not with --processes 1; leave it away")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--processes", 0), "processes"),
        (("--processes", 2, "--threads", -1), "--threads -1"),
        (("--processes", 2, "--device", "mps"), "several processes train on cuda, one GPU each, or on cpu"),
        (("--processes", 2, "--device", "cuda:1"), "--device cuda:1"),
        (("--processes", 99, "--device", "cuda"), "99 processes need as many GPUs, this machine has"),
    ],
)
def test_refused_before_anything_is_started(
    dymap: Run, sample: Path, tmp_path: Path, options: tuple[object, ...], reason: str
) -> None:
    dymap("train", "--data", sample, "--out", tmp_path / "run", *options).failed_with(reason)


def test_torchrun_counts(dymap: Run, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(TORCHRUN, ("0", "2", "0", "2", "127.0.0.1", "29500"), strict=True):
        monkeypatch.setenv(name, value)
    said = dymap("train", "--data", sample, "--out", tmp_path, "--processes", 3)
    said.failed_with("torchrun has started 2 processes; leave --processes 3 away")
