"""What `dymap info` says of the GPUs of a machine: of torch's, and of the one that draws by wgpu."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch

from dymap.runs import machine
from dymap.runs.machine import machine_rows, torch_gpus, wgpu_adapter


def test_torch_s_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    for cuda, mps, expected in ((False, False, "none that torch reaches"), (False, True, "mps (Apple)")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        assert torch_gpus().startswith(expected)
    cards = [SimpleNamespace(name="Card", total_memory=80 * 2**30), SimpleNamespace(name="Old\n", total_memory=2**32)]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", cards.__getitem__)
    assert torch_gpus() == "cuda:0 Card, 80 GiB; cuda:1 Old\\n, 4 GiB"
    assert dict(machine_rows())["GPU"] == torch_gpus()


def test_the_adapter_of_wgpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def adapter(kind: str) -> SimpleNamespace:
        return SimpleNamespace(info={"device": "Card", "backend_type": "Vulkan", "adapter_type": kind})

    for found, expected in (
        ([adapter("DiscreteGPU"), adapter("CPU")], "Card, Vulkan; --renderer gpu draws there"),
        ([adapter("CPU")], "Card, Vulkan, in software; --renderer gpu draws there"),
        ([], "finds no GPU that Vulkan, Metal or DX12 reaches"),
    ):
        monkeypatch.setattr(machine, "adapters", lambda found=found: found)
        assert wgpu_adapter() == expected

    def broken() -> None:
        raise RuntimeError("no such\nluck")

    monkeypatch.setattr(machine, "adapters", broken)
    assert wgpu_adapter() == "cannot be used (no such\\nluck)"


def test_without_wgpu_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wgpu", None)
    assert wgpu_adapter() == "not installed; --renderer gpu needs it: pip install 'dymap[gpu]'"
