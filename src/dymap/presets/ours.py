"""Our presets: the same method at sizes that a laptop trains, with a recipe for few steps.

Against the published recipe: a step draws one frame seen by all training cameras, so that one decode serves
thousands of rays; samples lie in the masks' visual hull; samples of no visible weight are found first and left out.
"""

from dataclasses import replace

from dymap.config import BakeConfig, Config, FieldConfig, HashConfig, RenderConfig, TrainConfig

_SMALL_FIELD = FieldConfig(
    hash=HashConfig(levels=4, log2_size=17, features=4, base=16, finest=256),
    code_dim=64,
    plane_size=64,
    map_size=8,
    hidden=16,
)

_SMALL_TRAIN = TrainConfig(
    batches="frames",
    items=1,
    rays=4096,
    foreground=0.6,
    face=0.0,
    hull_samples=32,
    colour_threshold=1e-3,
    steps=3000,
    schedule="cosine",
    lr_codes=2e-3,
    lr_decoder=2e-3,
    lr_hash=1e-2,
    preview_every=100,
    checkpoint_every=250,
)

SMALL = Config(
    field=_SMALL_FIELD, render=RenderConfig(max_samples=256), bake=BakeConfig(grid=(32, 32, 64)), train=_SMALL_TRAIN
)

TINY = replace(SMALL, train=replace(_SMALL_TRAIN, steps=500, preview_every=50))
"""The demo's: the same field, fewer steps."""

PRESETS = {"tiny": TINY, "small": SMALL}
