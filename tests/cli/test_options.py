"""Every field of the configuration is an option of `dymap train`, in any order, with the defaults of the preset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dymap import runs
from dymap.cli.options import value_of
from dymap.config import Config, flatten, to_json
from dymap.presets import PRESETS, preset
from tests.cli.conftest import Run


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `dymap train` asks of `runs.train`, which does nothing here."""
    found: dict[str, Any] = {}

    def train(data: Path, out: Path, **options: Any) -> runs.Trained:
        found.update(options, data=data, out=out)
        return runs.Trained(out, 1, 1, interrupted=False)

    monkeypatch.setattr(runs, "train", train)
    return found


PLACES = ("--data", "capture", "--out", "run")


@pytest.mark.parametrize("name", PRESETS)
def test_without_options_the_configuration_is_the_presets(dymap: Run, asked: dict[str, Any], name: str) -> None:
    assert dymap("train", "--preset", name, *PLACES).code == 0
    assert asked["config"] == preset(name)
    assert asked["preset"] == name


@pytest.mark.parametrize(
    "words",
    [
        ("--train.steps", 500, *PLACES, "--field.hidden", 32, "--capture.ratio", 0.25),
        ("--capture.ratio=0.25", "--field.hidden", 32, "--data", "capture", "--train.steps=500", "--out", "run"),
        (*PLACES, "--set", "field.hidden=32", "--train.steps", 500, "--ratio", 0.25),
        (*PLACES, "--steps", 500, "--field.hidden", 32, "--set", "capture.ratio=0.25"),
    ],
)
def test_options_stand_in_any_order(dymap: Run, asked: dict[str, Any], words: tuple[object, ...]) -> None:
    assert dymap("train", *words).code == 0
    small = preset("small")
    expected = replace(
        small,
        field=replace(small.field, hidden=32),
        capture=replace(small.capture, ratio=0.25),
        train=replace(small.train, steps=500),
    )
    assert asked["config"] == expected
    assert (asked["data"], asked["out"]) == (Path("capture"), Path("run"))


def test_all_kinds_of_values(dymap: Run, asked: dict[str, Any]) -> None:
    words = ("--field.hash.levels", 3, "--train.lr_hash", "2e-2", "--train.no-use-masks", "--bake.grid", 8, 9, 10,
             "--capture.test-views", 1, 4, "--train.schedule", "published", "--capture.frames", 0, -1, 2)  # fmt: skip
    assert dymap("train", *PLACES, *words).code == 0
    config: Config = asked["config"]
    assert config.field.hash.levels == 3
    assert config.train.lr_hash == 0.02
    assert config.train.use_masks is False
    assert config.bake.grid == (8, 9, 10)
    assert config.capture.test_views == (1, 4)
    assert config.train.schedule == "published"
    assert config.capture.frames == (0, -1, 2)


def help_of(dymap: Run, capfd: pytest.CaptureFixture[str], *words: str) -> str:
    """What a request for help prints, in one line."""
    with pytest.raises(SystemExit) as caught:
        dymap(*words)
    assert caught.value.code == 0
    return " ".join(word for word in capfd.readouterr().out.split() if word != "│")


@pytest.mark.parametrize("command", ["train", "import-model"])
def test_help_is_short_and_says_where_the_rest_is(dymap: Run, capfd: pytest.CaptureFixture[str], command: str) -> None:
    text = help_of(dymap, capfd, command, "--help")
    assert "--preset" in text
    assert text.count("--help-all") == 1
    assert "--train.steps" not in text
    assert text.count("--train.") == text.count("--field.") == 1, "the examples in the line about the rest"


def test_all_help_has_every_option_with_the_defaults_of_the_preset(
    dymap: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    text = help_of(dymap, capfd, "train", "--preset", "nhr/basketball", "--help-all")
    for key in flatten(to_json(Config())):
        assert f"--{key.replace('_', '-')}" in text, key
    assert text.index("--data {None}|PATH") < text.index("--field.codes"), "the common options come first"
    assert "Training steps. (default: 175000)" in text
    assert "Training steps. (default: 14000)" in help_of(dymap, capfd, "train", "--help-all")


def test_a_misspelt_option_names_the_nearest(dymap: Run, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        dymap("train", *PLACES, "--train.stepz", 3)
    assert caught.value.code == 2
    error = capfd.readouterr().err
    assert "--train.stepz" in error
    assert "--train.steps INT" in error
    said = dymap("train", *PLACES, "--set", "train.stepz=3")
    said.failed_with("no key 'train.stepz'; the nearest is 'train.steps'")


def test_a_value_that_cannot_be_is_explained(dymap: Run, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        dymap("train", *PLACES, "--train.steps", 0)
    assert caught.value.code == 2
    assert "steps = 0: expected a number above 0" in capfd.readouterr().err


def test_the_last_preset_counts() -> None:
    assert value_of("--preset", []) is None
    assert value_of("--preset", ["--preset"]) is None
    assert value_of("--preset", ["--preset", "tiny", "--out", "x"]) == "tiny"
    assert value_of("--preset", ["--preset=tiny", "--preset", "small"]) == "small"
