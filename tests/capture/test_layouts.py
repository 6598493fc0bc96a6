"""Which reader takes a folder, and the options that belong to it."""

from __future__ import annotations

import dataclasses
import errno
import inspect
import json
import math
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dymap.capture import layouts, open_capture, read_source
from dymap.capture.layouts import READERS, SURE, given_options, is_capture, layout_of, reader_options, scores
from dymap.config import CaptureConfig, Config, from_json, replace_key, to_json
from dymap.errors import InputError
from dymap.presets import PRESETS
from tests.captures import TINY, write_nhr
from tests.golden.sources import Golden


@pytest.fixture(scope="module")
def nhr_root(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nhr(tmp_path_factory.mktemp("layouts") / "sport", trimmed.arrays("dataset"))


def test_the_surest_reader_takes_a_folder(tiny_root: Path, nhr_root: Path) -> None:
    for root, layout in ((tiny_root, "zjumocap"), (nhr_root, "nhr")):
        sure = scores(root)
        assert all(0 <= score <= 1 for score in sure.values())
        assert max(sure, key=sure.__getitem__) == layout == layout_of(root, CaptureConfig())
        assert is_capture(root)


def test_a_surer_reader_wins_wherever_it_stands_in_the_table(tiny_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Sure:
        LOOKS_FOR = "anything"

        @staticmethod
        def score(_: Path) -> float:
            return 1.0

    monkeypatch.setattr(layouts, "READERS", {"first": Sure, **READERS})
    assert layout_of(tiny_root, CaptureConfig()) == "first"
    monkeypatch.setattr(layouts, "READERS", {**READERS, "last": Sure})
    assert layout_of(tiny_root, CaptureConfig()) == "last"
    assert layout_of(tiny_root, CaptureConfig(layout="nhr")) == "nhr", "unless one is named"


@pytest.mark.parametrize("closed", ["1x", "images", "videos", "calibration", "frames", "mask", "optimized", "sparse"])
def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: str) -> None:
    """As the system answers who may not look into a folder: root, who runs some tests, may."""
    (tmp_path / "capture" / closed).mkdir(parents=True)
    inside = os.fspath(tmp_path / "capture" / closed)

    def refusing(function: Any, itself: bool) -> Any:
        def refused(path: Any = ".", *args: Any, **options: Any) -> Any:
            if not isinstance(path, int) and os.fspath(path).startswith(inside if itself else f"{inside}/"):
                raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
            return function(path, *args, **options)

        return refused

    for name, itself in (("stat", False), ("open", True), ("scandir", True), ("listdir", True)):
        monkeypatch.setattr(os, name, refusing(getattr(os, name), itself))
    with pytest.raises(PermissionError):
        (tmp_path / "capture" / closed / "x").stat()
    with pytest.raises(InputError, match="no known capture layout"):
        read_source(tmp_path / "capture", CaptureConfig())
    for layout in READERS:
        with pytest.raises(InputError):
            read_source(tmp_path / "capture", CaptureConfig(layout=layout))


@pytest.mark.parametrize("layout", READERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 1e11])
def test_numbers_of_readers_have_bounds(layout: str, value: float) -> None:
    for key in {"scale", "fps"} & {f.name for f in dataclasses.fields(READERS[layout].Options)}:
        if layout != "actorshq":
            with pytest.raises(InputError, match=rf"capture\.options\.{key} = .*: expected a number (from|above) 0"):
                reader_options(layout, {key: value})


def test_an_unknown_folder_is_told_what_was_looked_for_and_how_sure_each_was(tiny_root: Path, tmp_path: Path) -> None:
    root = shutil.copytree(tiny_root, tmp_path / "lost")
    (root / "annots.npy").unlink()
    assert not is_capture(root)
    assert not is_capture(tmp_path)
    with pytest.raises(InputError, match=r"the nearest is zjumocap, which lacks annots\.npy here") as said:
        read_source(root, TINY)
    assert all(f"{name} ({reader.LOOKS_FOR}; " in str(said.value) for name, reader in READERS.items())
    assert "; 0% sure), neural3d" in str(said.value)
    assert str(said.value).endswith("; 20% sure)")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ((), "nothing in it is of any layout"),
        (("a/annots.npy", "b/annots.npy"), "captures lie in it: a, b; name one of them"),
        (("annots.npy", "lost/x.txt"), "the folder above is a capture"),
        (
            ("lost/intri.yml",),
            r"the nearest is easymocap, which lacks extri\.yml and images/CAMERA/000000\.jpg or videos/",
        ),
        (("lost/calibration.csv",), r"the nearest is actorshq, which lacks rgbs/"),
        (("lost/cam1/0.jpg", "lost/cam2/0.jpg"), "pictures lie in it without cameras"),
        (("lost/clips/1.mp4",), "videos lie in it .* dymap capture import .*lost/clips --calibration FILE"),
    ],
)
def test_an_unknown_folder_is_told_what_to_do(tmp_path: Path, files: tuple[str, ...], message: str) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    root = tmp_path / "lost" if (tmp_path / "lost").exists() else tmp_path
    with pytest.raises(InputError, match=rf"no known capture layout; {message}"):
        read_source(root, TINY)


@pytest.mark.parametrize("layout", READERS)
def test_every_reader_says_what_an_empty_folder_lacks(layout: str, tmp_path: Path) -> None:
    lacks = READERS[layout].missing(tmp_path)
    assert lacks
    assert all(isinstance(name, str) and name for name in lacks)


@pytest.mark.parametrize("layout", READERS)
def test_scores_never_raise(layout: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "annots.npy").mkdir()
    (tmp_path / "mask").mkdir()
    (tmp_path / "mask/dir.png").mkdir()
    for root in (tmp_path, tmp_path / "file", tmp_path / "nowhere"):
        assert 0 <= READERS[layout].score(root) < SURE


@pytest.mark.parametrize("layout", READERS)
def test_every_option_of_a_reader_has_a_sentence(layout: str) -> None:
    options = READERS[layout].Options
    kinds = [kind for kind in options.__mro__ if dataclasses.is_dataclass(kind)]
    lines = [line.strip() for kind in kinds for line in inspect.getsource(kind).splitlines()]
    for field in dataclasses.fields(options):
        (at,) = [k for k, line in enumerate(lines) if line.startswith(f"{field.name}:")]
        assert lines[at + 1].startswith('"""')


def test_unknown_and_wrong_options_name_the_known_ones(tiny_root: Path, nhr_root: Path) -> None:
    wrong = {
        r"capture\.options: unknown key 'units'; the nearest is 'unit'; known are unit \(layout zjumocap\)": (
            tiny_root,
            {"units": "m"},
        ),
        r"capture\.options\.unit: 'km' is none of 'mm', 'm' \(layout zjumocap\)": (tiny_root, {"unit": "km"}),
        r"unknown key 'mask_labels'; .*known are unit \(layout zjumocap\)": (tiny_root, {"mask_labels": [9]}),
        r"unknown key 'labels'; .*known are mask_labels, unit \(layout nhr\)": (nhr_root, {"labels": [9]}),
        r"options\.mask_labels: expected int, found 'nine' \(layout nhr\)": (nhr_root, {"mask_labels": ["nine"]}),
    }
    for message, (root, options) in wrong.items():
        with pytest.raises(InputError, match=message):
            read_source(root, replace(TINY, options=options))


def test_only_options_that_differ_from_the_defaults_are_recorded(nhr_root: Path) -> None:
    """So that a run goes on whether a default was spelt out or not."""
    assert given_options(reader_options("nhr", {"unit": "mm", "mask_labels": []})) == {}
    assert given_options(reader_options("nhr", {"unit": "m", "mask_labels": (9,)})) == {"unit": "m", "mask_labels": [9]}
    spelt_out = open_capture(nhr_root, replace(TINY, options={"unit": "mm"}))
    assert spelt_out.config == open_capture(nhr_root, TINY).config == replace(TINY, boxes="vertices")


def old_json(**options: object) -> dict:
    """`config.json` as it was when unit and mask_labels stood in `capture`."""
    data = json.loads(json.dumps(to_json(Config())))
    del data["capture"]["options"]
    data["capture"] |= {"unit": "mm", "mask_labels": [], **options}
    return data


@pytest.mark.parametrize(
    ("old", "given"),
    [
        ({}, {}),
        ({"unit": "m"}, {"unit": "m"}),
        ({"layout": "nhr", "mask_labels": [9, 16, 18]}, {"mask_labels": [9, 16, 18]}),
        ({"layout": "nhr", "unit": "m", "mask_labels": [9]}, {"unit": "m", "mask_labels": [9]}),
        ({"layout": "zjumocap", "mask_labels": [9]}, {}),
    ],
)
def test_older_configurations_equal_the_same_options_given_anew(old: dict, given: dict) -> None:
    read = from_json(Config, old_json(**old))
    config = replace_key(Config(), "capture.layout", old.get("layout", "auto"))
    for key, value in given.items():
        config = replace_key(config, f"capture.options.{key}", value)
    assert read == config
    assert to_json(read) == to_json(config), "which is what a run compares"


@pytest.mark.parametrize("name", PRESETS)
def test_the_options_of_every_preset_are_known_to_its_reader(name: str) -> None:
    capture = PRESETS[name].capture
    if capture.layout != "auto":
        assert given_options(reader_options(capture.layout, capture.options)) == capture.options
    assert from_json(Config, json.loads(json.dumps(to_json(PRESETS[name])))) == PRESETS[name]


def test_an_option_of_the_reader_is_set_by_its_dotted_key() -> None:
    config = replace_key(Config(), "capture.options.unit", "m")
    assert config.capture.options == {"unit": "m"}
    assert Config().capture.options == {}
    assert replace_key(config, "capture.options.mask_labels", (1, 2)).capture.options["mask_labels"] == [1, 2]
    with pytest.raises(ValueError, match="expected a mapping, found 5"):
        replace_key(config, "capture.options", 5)
