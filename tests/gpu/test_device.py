"""Which GPU is taken, and what is said if there is none."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import pytest
import wgpu
import wgpu.backends.wgpu_native

from dymap.errors import InputError
from dymap.gpu import device


def test_without_the_package_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wgpu", None)
    with pytest.raises(InputError, match=r"needs the package wgpu: pip install 'dymap\[gpu\]'"):
        device.default_gpu.__wrapped__()


def test_without_a_driver_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wgpu.gpu, "enumerate_adapters_sync", list)
    with pytest.raises(InputError, match="found no GPU that Vulkan, Metal or DX12 reaches; install its driver"):
        device.default_gpu.__wrapped__()


def test_a_real_gpu_comes_before_one_in_software(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = ["CPU", "IntegratedGPU", "DiscreteGPU", "Unknown"]
    adapters = [SimpleNamespace(info={"adapter_type": kind}) for kind in kinds]
    monkeypatch.setattr(wgpu.gpu, "enumerate_adapters_sync", lambda: adapters)
    monkeypatch.setattr(device, "Gpu", lambda adapter, numbers: (adapter, numbers))
    assert device.default_gpu.__wrapped__("packed") == (adapters[2], "packed")


def test_groups_stay_within_what_an_axis_may_have() -> None:
    assert device.groups_of(1) == (1, 1)
    assert device.groups_of(64 * 65535) == (65535, 1)
    across, down = device.groups_of(64 * 65535 + 1)
    assert max(across, down) <= 65535
    assert across * down * 64 >= 64 * 65535 + 1


def test_a_machine_without_a_screen_says_nothing_of_it(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    device.adapters()
    assert capfd.readouterr().err == ""
    assert "XDG_RUNTIME_DIR" not in os.environ
