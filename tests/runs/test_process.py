"""The process that computes: its device, its threads, its time, and who may stop it."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest
import torch

from dymap.errors import InputError
from dymap.runs.process import Clock, device_of, interrupt_on_signal, pick_device, stop_on_signal, threads_of
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


def test_a_termination_interrupts_what_serves() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interrupt_on_signal():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


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
