"""Commands that are offered can be typed as they are."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from dymap.config import CaptureConfig, Config, replace_keys
from dymap.runs import check_capture, configure, info
from dymap.runs.baking import Baked
from dymap.runs.commands import asked_options, command
from dymap.runs.training_command import held_out
from tests.captures import write_capture
from tests.golden.sources import Golden


def test_names_are_quoted_and_never_options() -> None:
    words = ["info", Path("my capture's $HOME"), Path("-dash"), "--unit", "m"]
    assert shlex.split(command(*words)) == ["dymap", "info", "my capture's $HOME", "./-dash", "--unit", "m"]


def test_a_capture_is_read_with_the_options_that_it_was_read_with() -> None:
    keys = {
        "capture.layout": "easymocap", "capture.frames": [0, 4, 2], "capture.options.unit": "mm",
        "capture.options.mask_labels": {"a": [1, 2]}, "capture.ratio": 0.5,
        "capture.transform": [float(k % 5 == 0) for k in range(16)],
    }  # fmt: skip
    config = replace_keys(Config(), keys).capture
    words = asked_options(config)
    assert "--ratio" not in words
    assert asked_options(CaptureConfig()) == []
    options = {"capture.frames": (0, 4, 2), "capture.options.unit": words[words.index("--unit") + 1]}
    assignments = [word for word, before in zip(words[1:], words[:-1], strict=True) if before == "--set"]
    again = configure(Config(), options, assignments).capture
    for name in ("layout", "frames", "transform", "options"):
        assert getattr(again, name) == getattr(config, name)


@pytest.mark.parametrize("inside", [True, False])
def test_what_comes_next_works_from_where_the_user_stands(
    trimmed: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    root = write_capture(tmp_path / "my capture's", trimmed.arrays("dataset"))
    monkeypatch.chdir(root if inside else tmp_path)
    place = Path() if inside else Path(root.name)
    config = CaptureConfig(frames=(0, 1, 1))
    for following in (dict(info(place))["next"], check_capture(place, config).following):
        program, name, *words = shlex.split(following)
        assert (program, name) == ("dymap", "train")
        assert Path(words[words.index("--data") + 1]) == place
        assert Path(words[words.index("--out") + 1]) == Path("runs/my capture's")
        assert "--test-views" not in words  # there are few cameras, which are all needed
    assert words[-3:] == ["0", "1", "1"]


def test_every_fourth_camera_is_kept_for_evaluation_unless_there_are_few() -> None:
    assert [held_out(count) for count in (1, 5, 6, 8)] == [[], [], ["3"], ["3", "7"]]


def test_a_file_that_was_baked_elsewhere_is_what_plays(tmp_path: Path) -> None:
    own = Baked(tmp_path, tmp_path / "video.dymap", 3, 5, 0.1, 2)
    assert own.following == [command("evaluate", tmp_path), command("render", tmp_path)]
    other = Baked(tmp_path, tmp_path / "other.dymap", 3, 5, 0.1, 2)
    assert other.following == [command("render", tmp_path / "other.dymap")]
