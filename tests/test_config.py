"""Configurations survive JSON, and typos are errors."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

import dymap.config
from dymap.config import (
    CaptureConfig,
    Config,
    FieldConfig,
    HashConfig,
    TrainConfig,
    from_json,
    replace_key,
    replace_keys,
    to_json,
)

CHANGED = Config(
    field=FieldConfig(hash=HashConfig(levels=4), codes="encoder", encoder_views=(1, 2), layers=2),
    capture=CaptureConfig(ratio=0.5, test_views=(3,), frames=(0, 10, 2)),
    train=TrainConfig(lr_hash=1e-3, use_masks=False),
)


@pytest.mark.parametrize("config", [Config(), CHANGED])
def test_json_round_trip(config: Config) -> None:
    assert from_json(Config, json.loads(json.dumps(to_json(config)))) == config


def test_missing_keys_take_their_defaults() -> None:
    assert from_json(Config, {"train": {"steps": 7}}) == replace(Config(), train=TrainConfig(steps=7))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"trian": {}}, "unknown key 'trian'; the nearest is 'train'; known are bake, capture, field"),
        ({"train": {"step": 7}}, r"configuration\.train: unknown key 'step'"),
        ({"train": {"steps": 7.5}}, r"configuration\.train\.steps: expected int, found 7\.5"),
        ({"train": {"steps": True}}, "expected int, found True"),
        ({"train": {"use_masks": 1}}, "expected bool, found 1"),
        ({"train": {"batches": "all"}}, "'all' is none of 'items', 'frames'"),
        ({"bake": {"grid": [1, 2]}}, "expected 3 values, found 2"),
        ({"bake": {"grid": 5}}, "expected a list, found 5"),
        ({"capture": {"test_views": [1, "2"]}}, "expected int, found '2'"),
        ({"train": 5}, r"configuration\.train: expected a mapping, found int"),
    ],
)
def test_wrong_json_is_refused_by_name(data: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_json(Config, data)


def test_whole_numbers_are_fine_for_fractions() -> None:
    ratio = from_json(CaptureConfig, {"ratio": 1}).ratio
    assert ratio == 1.0
    assert isinstance(ratio, float)


def test_single_keys_are_replaced() -> None:
    config = replace_key(Config(), "field.hash.levels", 8)
    assert config.field.hash.levels == 8
    assert replace_key(config, "field.hash.levels", 16) == Config()
    assert replace_key(Config(), "capture.test_views", [1, 2]).capture.test_views == (1, 2)
    with pytest.raises(ValueError, match=r"no key 'fields\.hash\.levels'; the nearest is 'field\.hash\.levels'"):
        replace_key(Config(), "fields.hash.levels", 1)
    with pytest.raises(ValueError, match=r"no key 'train\.stepz'; the nearest is 'train\.steps'"):
        replace_key(Config(), "train.stepz", 1)
    with pytest.raises(ValueError, match=r"no key 'train\.steps\.x'"):
        replace_key(Config(), "train.steps.x", 1)
    with pytest.raises(ValueError, match="expected int"):
        replace_key(Config(), "train.steps", "many")


def test_keys_that_go_with_each_other_are_replaced_together() -> None:
    """Whichever comes first, one alone could not be."""
    both = {"field.codes": "encoder", "field.encoder_views": [1, 2], "capture.options.unit": "m"}
    for values in (both, dict(reversed(both.items()))):
        config = replace_keys(Config(), values)
        assert config.field == FieldConfig(codes="encoder", encoder_views=(1, 2))
        assert config.capture.options == {"unit": "m"}


def test_every_field_has_a_sentence() -> None:
    """They are the help of the command line."""
    files = Path(dymap.config.__file__).parent.glob("*options.py")
    classes = [node for file in files for node in ast.parse(file.read_text()).body if isinstance(node, ast.ClassDef)]
    parts = {"HashConfig", *(type(part).__name__ for part in vars(Config()).values())}
    assert {node.name for node in classes} == {"Config", *parts}
    for node in classes:
        assert ast.get_docstring(node), node.name
        for field, following in zip(node.body, [*node.body[1:], ast.Pass()], strict=True):
            if isinstance(field, ast.AnnAssign):
                assert isinstance(following, ast.Expr), f"{node.name}: {ast.unparse(field)} has no sentence"
                sentence = ast.literal_eval(following.value)
                assert re.fullmatch(r"[\w.0-9].{5,}[.]", sentence, re.DOTALL), sentence


def test_configurations_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Config().train.steps = 5  # type: ignore[misc]


def test_derived_sizes() -> None:
    config = FieldConfig()
    assert config.channels == 32
    assert config.map_params == 32 * 32 + 47 * 32 + 96
    assert replace(config, layers=2).map_params == 47 * 32 + 96
