"""Annotations are pickles from strangers: nothing in them may run."""

from __future__ import annotations

import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dymap.capture import open_capture
from dymap.capture.pickles import load_annotations
from dymap.errors import InputError


def write(path: Path, value: Any, protocol: int = 3) -> Path:
    """An .npy file as np.save writes it, at any pickle protocol, and of any object."""
    data = io.BytesIO()
    np.lib.format.write_array_header_1_0(data, {"shape": (), "fortran_order": False, "descr": "|O"})
    array = np.empty((), dtype=object)
    array[()] = value
    path.write_bytes(data.getvalue() + pickle.dumps(array, protocol=protocol))
    return path


class Evil:
    """Would run a command when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any):
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_plain_annotations_are_read(tmp_path: Path, protocol: int) -> None:
    value = {
        "cams": {"K": [np.eye(3), np.float32(2.5) * np.ones((3, 3))], "n": np.int64(3), "x": np.float64(0.1)},
        "ims": [{"ims": ["images/00/000000.jpg"]}, ("a", 1, None, True, 2.5)],
    }
    read = load_annotations(write(tmp_path / "annots.npy", value, protocol))
    np.testing.assert_array_equal(read["cams"]["K"][1], value["cams"]["K"][1])
    assert read["cams"]["n"] == 3
    assert read["cams"]["x"] == 0.1
    assert read["ims"] == value["ims"]


def test_what_numpy_saves_is_read(tmp_path: Path) -> None:
    np.save(tmp_path / "annots.npy", {"a": np.arange(3.0)}, allow_pickle=True)
    np.testing.assert_array_equal(load_annotations(tmp_path / "annots.npy")["a"], [0, 1, 2])


@pytest.mark.parametrize("function", [os.system, os.mkdir, os.open, eval, exec, open])
def test_nothing_is_executed(tmp_path: Path, function: Any) -> None:
    victim = tmp_path / "victim"
    arguments = {
        os.system: (f"touch {victim}",),
        os.mkdir: (str(victim),),
        os.open: (str(victim), os.O_CREAT),
        open: (str(victim), "w"),
    }.get(function, (f"__import__('os').mkdir({str(victim)!r})",))
    path = write(tmp_path / "annots.npy", {"cams": Evil(function, *arguments), "ims": []})
    with pytest.raises(InputError, match=r"annots\.npy: refused or broken \(it asks for .*which no capture needs"):
        load_annotations(path)
    with pytest.raises(InputError, match="refused"):
        open_capture(tmp_path)
    assert not victim.exists()


@pytest.mark.parametrize(
    "value",
    [OrderedDict(a=1), Path("x"), np.ma.masked_array([1.0]), np.random.default_rng(0), Evil(getattr, dict, "clear")],
)
def test_only_arrays_and_plain_containers(tmp_path: Path, value: Any) -> None:
    with pytest.raises(InputError, match="which no capture needs"):
        load_annotations(write(tmp_path / "annots.npy", {"cams": value}))


def test_the_allowed_names_cannot_be_abused(tmp_path: Path) -> None:
    """_codecs.encode with another codec, arrays of another class."""
    import _codecs

    for value in (Evil(_codecs.encode, "text", "rot13"), Evil(np._core.multiarray._reconstruct, dict, (0,), b"b")):
        with pytest.raises(InputError, match="refused or broken"):
            load_annotations(write(tmp_path / "annots.npy", {"cams": value}))


@pytest.mark.parametrize("length", [0, 6, 40, 90, 200])
def test_truncated_files(tmp_path: Path, length: int) -> None:
    path = write(tmp_path / "annots.npy", {"cams": [np.eye(3)] * 5})
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=r"annots\.npy: refused or broken"):
        load_annotations(path)


def test_a_plain_array_is_no_annotation(tmp_path: Path) -> None:
    np.save(tmp_path / "annots.npy", np.eye(3))
    with pytest.raises(InputError, match="holds a plain array of float64"):
        load_annotations(tmp_path / "annots.npy")


def test_missing_and_oversized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"annots\.npy: missing"):
        load_annotations(tmp_path / "annots.npy")
    path = write(tmp_path / "annots.npy", {"cams": 1})
    monkeypatch.setattr("dymap.capture.pickles.MAX_BYTES", 10)
    with pytest.raises(InputError, match="more than camera annotations need"):
        load_annotations(path)
