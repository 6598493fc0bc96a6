"""The process that computes: its device, its threads, its time, and who may stop it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest
import torch

from dymap.errors import InputError
from dymap.runs.process import Clock, device_of, pick_device, stop_on_signal, threads_of
from dymap.signals import ENDING
from dymap.train.distributed import Rank


def test_second_ctrl_c_stops_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    said: list[str] = []
    with stop_on_signal(said.append) as stopped:
        assert stopped == []
        signal.raise_signal(signal.SIGINT)
        assert stopped == [signal.SIGINT]
        assert said == ["stopping after this step ..."]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_signals_belong_to_the_main_thread() -> None:
    before = signal.getsignal(signal.SIGINT)
    found: list[object] = []

    def work() -> None:
        with stop_on_signal() as stopped:
            found.extend([list(stopped), signal.getsignal(signal.SIGINT)])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [[], before]


@pytest.mark.parametrize("number", ENDING)
def test_a_closed_terminal_is_like_a_termination_but_may_come_twice(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_on_signal() as stopped:
        signal.raise_signal(number)
        signal.raise_signal(signal.SIGHUP)
        assert stopped == [number, signal.SIGHUP]
    assert signal.getsignal(number) is before


def test_a_closed_terminal_that_is_ignored_stays_so() -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signal() as stopped:
            signal.raise_signal(signal.SIGHUP)
            assert stopped == []
    finally:
        signal.signal(signal.SIGHUP, before)


TERMINAL = """
import sys, time
from pathlib import Path
from dymap.runs.process import stop_on_signal
with stop_on_signal(print) as stopped:
    print("ready", flush=True)
    while not stopped:
        time.sleep(0.01)
    print("saved", flush=True)
    Path(sys.argv[1]).write_text("saved")
"""


def test_saving_goes_on_when_the_terminal_is_gone(tmp_path: Path) -> None:
    """Whose errors would end it otherwise."""
    pty = pytest.importorskip("pty")
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", TERMINAL, str(tmp_path / "saved")])
    said = b""
    while b"ready" not in said:
        said += os.read(terminal, 100)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (tmp_path / "saved").exists()


def test_clock() -> None:
    assert not Clock(None).over()
    assert not Clock(10).over()
    assert Clock(0).over()


def test_devices_that_are_not_there_are_named() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    with pytest.raises(InputError, match="device 'toaster' cannot be used"):
        pick_device("toaster")
    with pytest.raises(InputError, match="--threads -1: expected 1 or more"):
        pick_device("cpu", -1)


def test_threads_are_shared() -> None:
    torch_takes = torch.get_num_threads()
    assert threads_of(0, Rank()) == 0
    assert threads_of(8, Rank()) == 8
    assert threads_of(8, Rank(1, 3, 1, 3)) == 2
    assert threads_of(2, Rank(1, 3, 1, 3)) == 1
    assert threads_of(0, Rank(1, 3, 1, 3)) == 0, "torchrun has set them"
    assert threads_of(0, Rank(1, 2, 1, 2, Path("meeting"))) == max(1, torch_takes // 2)


def test_each_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [device_of("auto", Rank(rank, 4, rank % 2, 2)) for rank in range(4)] == ["cuda:0", "cuda:1"] * 2
    assert device_of("cuda:1", Rank()) == "cuda:1"
    assert device_of("cpu", Rank(2, 3, 2, 3)) == "cpu"
    with pytest.raises(InputError, match="3 processes need as many GPUs, this machine has 2"):
        device_of("cuda", Rank(2, 3, 2, 3))
