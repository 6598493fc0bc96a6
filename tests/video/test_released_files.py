"""Released files are from strangers: what differs is named, and nothing in them runs."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dymap.config import Config
from dymap.errors import InputError
from dymap.video.released import read_released
from tests.golden.sources import Golden
from tests.video.test_released import final_file

FRAMES = 5
Net = dict[Any, Any]


@pytest.fixture(scope="module")
def config(trimmed: Golden) -> Config:
    return Config(field=trimmed.config("small"), bake=trimmed.bake("small"))


@pytest.fixture(scope="module")
def final(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The content of final.pth."""
    return torch.load(final_file(trimmed, tmp_path_factory.mktemp("released")), weights_only=True)


def latest(golden: Golden) -> dict[str, Any]:
    """The content of a latest.pth: the network, and the state of an optimiser and a scheduler with numpy's numbers."""
    net = {key: torch.from_numpy(value) for key, value in golden.state("small").items()}
    parameter = torch.nn.Parameter(torch.zeros(3))
    optimiser = torch.optim.Adam([parameter], lr=1e-3)
    parameter.sum().backward()
    optimiser.step()
    scheduler = {"last_epoch": np.int64(7), "base_lrs": [np.float64(5e-4), np.float32(5e-3)]}
    recorder = {"step": np.int64(3500)}
    return {"net": net, "optim": optimiser.state_dict(), "scheduler": scheduler, "recorder": recorder, "epoch": 7}


def save(path: Path, content: Any, legacy: bool = False) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


def tag_for_gpu(path: Path, target: Path) -> Path:
    """The same file as a GPU would have written it: every storage says that it lay on cuda:0."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("data.pkl"):
                tag, other = (b"X" + len(t).to_bytes(4, "little") + t for t in (b"cpu", b"cuda:0"))
                assert tag in data
                data = data.replace(tag, other)
            archive.writestr(name, data)
    return target


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_latest_is_read_to_the_bit(trimmed: Golden, config: Config, tmp_path: Path, prefix: str, legacy: bool) -> None:
    """With numpy's numbers beside the network, and the prefix of a model trained on several GPUs."""
    content = latest(trimmed)
    content["net"] = {prefix + key: value for key, value in content["net"].items()}
    released = read_released(save(tmp_path / "latest.pth", content, legacy), config, FRAMES)
    assert (released.step, released.epoch, released.occupancy) == (3500, 7, None)
    for key, value in trimmed.parameters("small").items():
        assert torch.equal(released.parameters[key], value), key


def test_a_file_from_a_gpu_is_read_without_one(trimmed: Golden, config: Config, tmp_path: Path) -> None:
    path = tag_for_gpu(save(tmp_path / "latest.pth", latest(trimmed)), tmp_path / "cuda.pth")
    with pytest.raises((RuntimeError, AssertionError), match=r"(?i)cuda"):
        torch.load(path, weights_only=False)
    released = read_released(path, config, FRAMES)
    assert all(value.device.type == "cpu" for value in released.parameters.values())
    assert torch.equal(released.parameters["hash.xyt"], trimmed.parameters("small")["hash.xyt"])


def without(key: str) -> Callable[[Net], Net]:
    return lambda net: {k: v for k, v in net.items() if k != key}


def with_value(key: Any, value: Any) -> Callable[[Net], Net]:
    return lambda net: net | {key: value}


DIFFERENT: dict[str, tuple[Callable[[Net], Net], str]] = {
    "missing": (without("plane_decoder.feat_conv.bias"), "'decoder.features.bias' is missing; is the preset"),
    "extra": (with_value("plane_decoder.extra.weight", torch.zeros(1)), "unknown parameter 'plane_decoder.extra"),
    "one layer too many": (with_value("plane_decoder.backbone.9.bias", torch.zeros(1)), "has no place in this preset"),
    "wrong shape": (with_value("hashtable_xyt.embeddings", torch.zeros(7, 2)), r"hash\.xyt has shape \(7, 2\), the"),
    "numbers of another kind": (
        with_value("plane_decoder.feat_conv.bias", torch.zeros(24, dtype=torch.complex64)),
        "decoder.features.bias",
    ),
    "no codes": (without("encodings"), "holds occupancy_grids but not the other"),
    "no grids": (without("occupancy_grids"), "holds encodings but not the other"),
    "codes of fewer frames": (with_value("encodings", torch.zeros(4, 16)), r"codes\.weight has shape \(4, 16\)"),
    "another grid": (with_value("occupancy_grids", torch.ones(5, 2, 2, 2, dtype=torch.bool)), "occupancy_grids has"),
    "a number for a tensor": (with_value("encodings", 3), "expected a dictionary with the network under 'net'"),
    "a number for a name": (with_value(3, torch.zeros(1)), "expected a dictionary with the network under 'net'"),
    "sparse": (with_value("encodings", torch.zeros(5, 16).to_sparse()), "codes.weight"),
    "not finite": (with_value("encodings", torch.full((5, 16), torch.nan)), "codes.weight holds values that are not"),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_is_named(final: dict[str, Any], config: Config, tmp_path: Path, name: str) -> None:
    change, message = DIFFERENT[name]
    refused(save(tmp_path / "a.pth", final | {"net": change(final["net"])}), config, message)


def refused(path: Path, config: Config, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_released(path, config, FRAMES)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [3, [], {}, {"net": 3}, {"model": {}}, torch.zeros(3)], ids=repr)
def test_other_files_of_torch(config: Config, tmp_path: Path, content: Any) -> None:
    refused(save(tmp_path / "a.pth", content), config, "expected a dictionary with the network under 'net'")


def test_numbers_beside_the_network_do_not_matter(final: dict[str, Any], config: Config, tmp_path: Path) -> None:
    """Step and epoch are only told."""
    for nonsense in ("many", None, [1], torch.zeros(2)):
        content = final | {"epoch": nonsense, "recorder": {"step": nonsense}}
        released = read_released(save(tmp_path / "a.pth", content), config, FRAMES)
        assert (released.step, released.epoch) == (0, 0)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_truncated_files(final: dict[str, Any], config: Config, tmp_path: Path, share: float, legacy: bool) -> None:
    path = save(tmp_path / "final.pth", final, legacy)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    refused(path, config, "refused or broken")


class Evil:
    """Would run a command when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any):
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("kind", ["zip", "legacy", "bare pickle"])
@pytest.mark.parametrize("place", ["net", "beside"])
def test_nothing_is_executed(final: dict[str, Any], config: Config, tmp_path: Path, kind: str, place: str) -> None:
    victim = tmp_path / "victim"
    for evil in (
        Evil(os.system, f"touch {victim}"),
        Evil(os.mkdir, str(victim)),
        Evil(eval, f"__import__('os').mkdir({str(victim)!r})"),
        Evil(torch.load, str(victim)),
        Evil(np.save, str(victim), [1.0]),
    ):
        content = {"net": final["net"] | {"encodings": evil}} if place == "net" else final | {"recorder": evil}
        if kind == "bare pickle":
            plain = {key: value for key, value in content.items() if key != "net"} | {"net": {"encodings": evil}}
            (tmp_path / "a.pth").write_bytes(pickle.dumps(plain, protocol=2))
        else:
            save(tmp_path / "a.pth", content, kind == "legacy")
        refused(tmp_path / "a.pth", config, r"refused or broken \(it asks for \S+, which no model needs\)")
    assert list(tmp_path.glob("victim*")) == []


def test_oversized_files_are_not_read(config: Config, tmp_path: Path) -> None:
    """A sparse file of 5 GiB."""
    path = tmp_path / "huge.pth"
    with path.open("wb") as file:
        file.truncate(5 * 2**30)
    refused(path, config, "bytes, expected .* at most")
    refused(tmp_path / "none.pth", config, "no such file")
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", config, "no regular file")


def test_half_and_double_precision_are_taken(final: dict[str, Any], config: Config, tmp_path: Path) -> None:
    net: dict[str, Tensor] = {k: v.double() if v.is_floating_point() else v for k, v in final["net"].items()}
    released = read_released(save(tmp_path / "a.pth", final | {"net": net}), config, FRAMES)
    assert torch.equal(released.parameters["codes.weight"], final["net"]["encodings"])
