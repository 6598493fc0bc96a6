"""Ctrl-C: the step under way is finished and saved; the same command goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dymap.cli import main
from dymap.runs import RunFolder
from dymap.train.checkpoint import checkpoints
from tests.cli.conftest import Run, train_arguments

ENDLESS = ("--steps", 1_000_000, "--threads", 1)


@contextmanager
def training(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    """`python -m dymap train ...` in a process of its own, ended in any case."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dymap", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(path: Path, process: subprocess.Popen[str], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not path.exists() or path.stat().st_size == 0:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.02)


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_saves_and_the_same_command_goes_on(
    dymap: Run, sample: Path, tmp_path: Path, number: signal.Signals
) -> None:
    arguments = train_arguments(sample, tmp_path / "run", *ENDLESS)
    arguments += ["train.checkpoint_every=1000000"]
    run = RunFolder(tmp_path / "run")
    with training(arguments) as process:
        wait_for(run.log, process)
        assert checkpoints(run.checkpoints) == []
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped and saved after" in " ".join(out.split())
    assert "Traceback" not in out + err
    ((step, _),) = checkpoints(run.checkpoints)
    assert step >= 1
    assert len(run.log.read_text().splitlines()) == step, "every step that was heard of is saved"
    said = dymap(*arguments, "--minutes", 0.1)
    assert said.code == 0
    assert checkpoints(run.checkpoints)[-1][0] > step


def test_ctrl_c_before_training_is_no_traceback(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dymap.runs.training_process.open_prepared", interrupted)
    assert main(train_arguments(sample, tmp_path / "run")) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise")
@pytest.mark.parametrize("seconds", [0.3, 0.6, 1.0])
def test_ctrl_c_while_libraries_are_loaded_is_no_traceback(sample: Path, tmp_path: Path, seconds: float) -> None:
    arguments = train_arguments(sample, tmp_path / "run", *ENDLESS)
    code = f"import sys; from dymap.cli import main; print('begun', flush=True); sys.exit(main({arguments!r}))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in out + err


def test_a_terminal_without_a_letter_shows_it_escaped(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    for name in ("Süß 東京", os.fsdecode(b"\xff\xfe")):
        command = [sys.executable, "-m", "dymap", "info", str(tmp_path / name)]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith(b"error: ")
        assert b"Traceback" not in done.stderr


LOST = """
import os, signal, time
from dymap.cli.console import show_no_traceback_of_interrupts
received = show_no_traceback_of_interrupts()
class Callback:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
callback = Callback()
try:
    del callback
    time.sleep(60)
except KeyboardInterrupt:
    print("came again", len(received))
"""


def test_ctrl_c_that_a_callback_loses_comes_again_without_a_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", LOST], capture_output=True, text=True, timeout=50)
    assert (done.stdout, done.stderr) == ("came again 2\n", "")
