"""Configurations are checked where they are made: what cannot be is refused in one sentence that names the option, and
what is admitted trains, bakes and renders."""

from __future__ import annotations

import dataclasses
import math
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
import torch

from dymap.bake.bake import bake_grids
from dymap.capture import Capture
from dymap.config import (
    BakeConfig,
    CaptureConfig,
    Config,
    FieldConfig,
    HashConfig,
    RenderConfig,
    TrainConfig,
    from_json,
    replace_key,
    to_json,
)
from dymap.config.bounds import PowerOfTwo, Within, hints_of
from dymap.config.sizes import decoder_parameters, hash_sizes
from dymap.field.field import Field, count_parameters
from dymap.presets import PRESETS
from dymap.runs.baked import baked_video
from dymap.train.loop import new_field, train
from dymap.video.model_file import load_video, save_video
from tests.captures import TINY
from tests.field.models import TINY as FIELD

SMALL = Config(
    field=FIELD,
    capture=TINY,
    render=RenderConfig(samples=4, max_samples=16),
    bake=BakeConfig(grid=(3, 4, 5), subsamples=(2, 2, 2)),
    train=TrainConfig(
        batches="frames", items=1, rays=32, steps=1, views_per_item=2, band=0.1, hull_samples=4, hull_grid=8,
        proposal_grid=8, quick_start=True, any_background=True, surface_weight=0.01, lazy_adam=True,
        schedule="cosine", colour_threshold=1e-3,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Option:
    """A field of the configuration: its dotted key, its type and its bounds."""

    key: str
    hint: Any
    bounds: tuple[Any, ...]

    @property
    def number(self) -> type | None:
        """int or float: the type of its values, or of the values of its tuple; None: neither."""
        items = typing.get_args(self.hint)
        kind = items[0] if typing.get_origin(self.hint) is tuple else self.hint
        return kind if kind in (int, float) else None

    def of(self, number: float) -> Any:
        """A value made of one number."""
        items = typing.get_args(self.hint)
        if typing.get_origin(self.hint) is not tuple:
            return number
        return [number] if items[-1] is Ellipsis else [number] * len(items)


def options(cls: type = Config, prefix: str = "") -> Iterator[Option]:
    for field in dataclasses.fields(cls):
        hint = hints_of(cls)[field.name]
        if dataclasses.is_dataclass(hint):
            yield from options(typing.cast(type, hint), f"{prefix}{field.name}.")
        elif typing.get_origin(hint) is Annotated:
            yield Option(prefix + field.name, typing.get_args(hint)[0], hint.__metadata__)
        else:
            yield Option(prefix + field.name, hint, ())


OPTIONS = list(options())
each_option = pytest.mark.parametrize("option", OPTIONS, ids=[option.key for option in OPTIONS])


def refused(key: str, value: Any, *parts: str) -> None:
    """From JSON, as one option, and by a program."""
    tree: dict[str, Any] = {key.rpartition(".")[2]: value}
    for part in reversed(key.split(".")[:-1]):
        tree = {part: tree}
    owner: Any = Config()
    for part in key.split(".")[:-1]:
        owner = getattr(owner, part)
    ways = (
        lambda: from_json(Config, tree),
        lambda: replace_key(Config(), key, value),
        lambda: replace(owner, **{key.rpartition(".")[2]: value}),
    )
    for way in ways:
        with pytest.raises(ValueError, match=key.replace(".", r"\.")) as caught:
            way()
        sentence = str(caught.value)
        assert len(sentence) < 500
        assert "\n" not in sentence
        for part in parts:
            assert part in sentence, sentence


def wrong_values(option: Option) -> Iterator[Any]:
    """What can be typed, or stand in JSON, and is no value of the option."""
    origin = typing.get_origin(option.hint)
    if origin is dict:
        yield from (5, "x", [], None)
    elif option.hint is str:
        yield from (5, 1.5, None, True, [], {})
    elif option.hint is bool:
        yield from (1, 0, 2, "true", None, [], {}, math.nan)
    elif origin is Literal:
        yield from ("", "none of them", 17, -1, True, None, [], {}, math.nan, 10**400)
    else:
        assert option.number, f"{option.key}: what are wrong values of {option.hint}?"
        for number in (math.nan, math.inf, -math.inf, 10**400, -(10**400), "many", None, True, {}, [[]]):
            yield option.of(typing.cast(Any, number))
        yield from ("many", None, {}, True)
        yield from ([5, "x"], 5, [0.5] * 10**6) if origin is tuple else ([], [1])
    if option.number is int:
        yield option.of(2.5)


@each_option
def test_values_of_another_kind_are_refused_by_name(option: Option) -> None:
    for value in wrong_values(option):
        refused(option.key, value)


@each_option
def test_numbers_have_bounds_beyond_which_they_are_refused(option: Option) -> None:
    if option.number is None or option.key == "field.layers":
        return
    assert option.bounds, f"{option.key} has no bounds: say them beside the field"
    bound = option.bounds[0]
    if isinstance(bound, Within):
        step = 1 if option.number is int else max(abs(bound.high), 1) * 1e-3
        below = bound.low if bound.above else bound.low - step
        for number in (below, bound.high + step):
            refused(option.key, option.of(option.number(number)), str(bound))
    elif isinstance(bound, PowerOfTwo):
        for number in (bound.low // 2, bound.low * 3, bound.high * 2, -bound.low, 0):
            refused(option.key, number, str(bound))


def least(option: Option) -> float:
    """The smallest number that is allowed."""
    bound = option.bounds[0]
    if isinstance(bound, Within) and bound.above:
        return bound.low + (1 if option.number is int else 1e-3)
    return bound.low


LEAST = [
    option for option in OPTIONS if option.number and option.bounds and option.key not in ("capture.transform",)
]  # fmt: skip


@pytest.mark.parametrize("option", LEAST, ids=[option.key for option in LEAST])
def test_the_least_that_is_admitted_trains_and_bakes(option: Option, tiny: Capture, tmp_path: Path) -> None:
    value = option.of(typing.cast(type, option.number)(least(option)))
    if option.key in ("field.hash.finest", "field.map_size"):  # less than is admitted with the other options of SMALL
        refused(option.key, value)
        return
    config = replace_key(SMALL, option.key, value)
    field = new_field(config, torch.from_numpy(tiny.boxes))
    train(field, tiny, config)
    grid = config.train.hull_grid
    occupancy = bake_grids(field, config.bake, None, lambda frame: torch.from_numpy(tiny.hull(frame, grid)))
    settings = replace(config, capture=replace(config.capture, test_views=(), train_views=(), ratio=0.5))
    save_video(tmp_path / "a.dymap", baked_video(field, occupancy, settings, tiny.source, "a"))
    assert load_video(tmp_path / "a.dymap").bake == config.bake


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"bake.subsamples": [1, 1, 1]}, ("bake.subsamples", "from 2")),
        ({"bake.grid": [4096] * 3}, ("bake.grid", "bake.subsamples")),
        ({"field.hash.base": 64, "field.hash.finest": 32}, ("finest", "base")),
        ({"field.map_size": 512}, ("field.map_size", "field.plane_size")),
        ({"field.overlap": True, "field.map_size": 1}, ("field.map_size", "field.overlap")),
        ({"field.directions": "sh", "field.direction_degree": 9}, ("field.direction_degree", "1 to 4")),
        ({"field.directions": "sh", "field.direction_degree": 0}, ("field.direction_degree", "1 to 4")),
        ({"field.codes": "encoder"}, ("field.encoder_views", "field.codes")),
        ({"field.encoder_views": [1, 1]}, ("field.encoder_views", "once")),
        ({"field.hash.finest": 16384}, ("field.hash.finest", "for every frame")),
        ({"field.plane_size": 8192}, ("field.plane_size", "numbers")),
        ({"field.hash.log2_size": 28, "field.hash.levels": 64, "field.hash.features": 64}, ("log2_size", "numbers")),
        ({"field.hidden": 4096, "field.width": 16384}, ("hidden", "numbers")),
        ({"train.foreground": 0.7, "train.band": 0.4}, ("train.foreground", "train.band", "1.2")),
        ({"train.hull_samples": 65536, "train.rays": 65536}, ("train.rays", "train.hull_samples")),
        ({"render.samples": 65536, "train.rays": 65536}, ("train.rays", "render.samples")),
        ({"capture.transform": [1, 2]}, ("capture.transform", "16")),
        ({"capture.transform": [1.0] * 16}, ("capture.transform", "rotation")),
        ({"capture.transform": [*np.eye(4).ravel()[:15], 2.0]}, ("capture.transform", "0 0 0 1")),
        ({"capture.transform": np.diag([1.0, 1, -1, 1]).ravel().tolist()}, ("capture.transform", "rotation")),
        ({"capture.transform": np.diag([2.0, 2, 2, 1]).ravel().tolist()}, ("capture.transform", "rotation")),
        ({"capture.path_views": list(range(4096)) * 1300}, ("capture.path_views", "at most 4096 values")),
    ],
)
def test_options_that_do_not_go_together_name_each_other(changes: dict[str, Any], parts: tuple[str, ...]) -> None:
    tree: dict[str, Any] = {}
    for key, value in changes.items():
        *places, name = key.split(".")
        part = tree
        for place in places:
            part = part.setdefault(place, {})
        part[name] = value
    with pytest.raises(ValueError, match=re.escape(parts[0])) as caught:
        from_json(Config, tree)
    for text in parts:
        assert text in str(caught.value), caught.value


@pytest.mark.parametrize("config", PRESETS.values(), ids=PRESETS)
def test_presets_are_within_the_bounds(config: Config) -> None:
    assert from_json(Config, to_json(config)) == config


def test_programs_may_give_numpy_numbers_and_lists() -> None:
    config = CaptureConfig(ratio=1, test_views=typing.cast(Any, [np.int64(3)]), fps=np.float32(25))
    assert config == CaptureConfig(ratio=1.0, test_views=(3,), fps=25.0)
    assert type(config.test_views[0]) is int


def test_parts_are_of_their_kind() -> None:
    with pytest.raises(ValueError, match="field: expected FieldConfig, found 3"):
        Config(field=typing.cast(Any, 3))
    with pytest.raises(ValueError, match=r"field\.hash: expected HashConfig, found TrainConfig"):
        FieldConfig(hash=typing.cast(Any, TrainConfig()))


@pytest.mark.parametrize("config", [FIELD, FieldConfig(), PRESETS["tiny"].field, PRESETS["pocket"].field])
def test_sizes_are_foreseen(config: FieldConfig) -> None:
    """Never less than there will be, and at most some times as much."""
    with torch.device("meta"):
        field = Field(config, torch.zeros(1, 2, 3))
    hash = config.hash
    entries, vertices = hash_sizes(hash.levels, hash.log2_size, hash.base, hash.finest)
    levels = field.hash.levels
    assert levels.offsets[-1] <= entries <= 2 * levels.offsets[-1]
    assert levels.plane_offsets[-1] <= vertices <= 2 * levels.plane_offsets[-1]
    sizes = config.code_dim, config.width, config.plane_size, config.map_size, config.channels, config.map_params
    made = sum(p.numel() for p in field.decoder.parameters())
    assert made <= decoder_parameters(*sizes) <= 20 * made
    assert count_parameters(field) > made
    assert isinstance(hash, HashConfig)
