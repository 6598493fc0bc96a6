"""Our presets: the same method at sizes that a laptop trains, with a recipe for few steps.

Against the published recipe: a step draws one frame seen by several training cameras, so that one decode serves all
its rays; a fifth of the rays look at background close to the silhouette; samples lie in the masks' visual hull, most
of them where a density lattice of the frame says that something is visible; neighbouring frames share entries of the
hash tables, which learn faster; colours are learned from noisy directions and over any background, and surfaces are
kept smooth; and the decoder starts from values that pass gradients at once.
"""

from dataclasses import replace

from dymap.config import BakeConfig, CaptureConfig, Config, FieldConfig, HashConfig, RenderConfig, TrainConfig

_FIELD = FieldConfig(
    hash=HashConfig(levels=4, log2_size=17, features=4, base=16, finest=128, time_share=0.125),
    code_dim=64,
    width=128,
    plane_size=32,
    map_size=8,
    layers=2,  # what three can say, the first two being linear, in fewer parameters
    hidden=16,
    directions="sh",  # from noisy directions nothing finer is learned
    direction_degree=3,
)

_TRAIN = TrainConfig(
    batches="frames",
    items=1,
    rays=4096,
    views_per_item=12,
    foreground=0.7,
    band=0.2,
    face=0.0,
    hull_samples=12,
    hull_grid=192,
    proposal_grid=96,
    colour_threshold=1e-3,
    view_noise=0.5,
    any_background=True,
    surface_weight=0.01,
    steps=14000,
    segment=30,
    schedule="cosine",
    quick_start=True,
    lr_codes=4e-3,
    lr_decoder=1.5e-3,
    lr_hash=3e-2,
    lazy_adam=True,
    preview_every=200,
    checkpoint_every=500,
)

SMALL = Config(
    field=_FIELD,
    capture=CaptureConfig(ratio=0.5),
    render=RenderConfig(max_samples=256),
    bake=BakeConfig(grid=(96, 96, 192), subsamples=(2, 2, 2)),
    train=_TRAIN,
)
"""About 17 minutes on one CPU core."""

TINY = replace(
    SMALL,
    field=replace(_FIELD, direction_degree=2),
    capture=CaptureConfig(),
    train=replace(_TRAIN, hull_samples=8, steps=2750, foreground=0.75, band=0.18, preview_every=100),
)
"""The demo's: much the same in fewer steps, on images of full size."""

POCKET = replace(
    TINY,
    field=replace(
        TINY.field,
        hash=HashConfig(levels=3, log2_size=14, features=4, base=16, finest=128),
        code_dim=24,
        width=64,
        plane_size=32,
        hidden=8,
    ),
    bake=BakeConfig(grid=(40, 40, 80), subsamples=(3, 3, 3)),
    train=replace(TINY.train, steps=3500),
)
"""A clip that fits in 2 MB (baked with --half): what `dymap demo --quick` shows."""

PRESETS = {"tiny": TINY, "small": SMALL, "pocket": POCKET}
