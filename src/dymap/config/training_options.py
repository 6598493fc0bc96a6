"""Options of the optimisation, see options.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from dymap.config.bounds import AMOUNT, COUNT, MOST_VIEWS, SHARE, Checked, Within
from dymap.config.sizes import MOST_SAMPLES

MIN_SEGMENT = 4
"""Frames of a segment at least: it overlaps with both of its neighbours."""


@dataclass(frozen=True)
class TrainConfig(Checked, part="train"):
    """Optimisation (method.md 6). `batches = items` is the published recipe, `frames` is ours."""

    batches: Literal["items", "frames"] = "items"
    """items: each draws one (frame, camera); frames: each draws one frame seen by many cameras."""
    processes: Annotated[int, Within(0, 4096, above=True)] = 1
    """Processes that draw a batch each and average their gradients (`dymap train --processes`)."""
    items: Annotated[int, Within(0, 65536, above=True)] = 16
    """Items a step and process."""
    rays: Annotated[int, Within(0, 2**24, above=True)] = 1024
    """Rays an item."""
    views_per_item: Annotated[int, Within(0, MOST_VIEWS)] = 0
    """With `batches = frames`: cameras an item draws its rays from; 0: all."""
    foreground: Annotated[float, SHARE] = 0.7
    """Share of the rays on foreground pixels."""
    band: Annotated[float, SHARE] = 0.0
    """Share of the rays on background pixels close to the silhouette."""
    band_pixels: Annotated[int, Within(0, 1000)] = 8
    """How close to the silhouette the rays of `band` are, pixels."""
    face: Annotated[float, SHARE] = 0.1
    """Share of the rays on face pixels, if they are known."""
    hull_samples: Annotated[int, Within(0, 65536)] = 0
    """Samples a ray inside the masks' visual hull; 0: samples fill the box (the published recipe)."""
    hull_grid: Annotated[int, Within(0, 1024, above=True)] = 96
    """Voxels along the longest side of the hull's grid."""
    proposal_grid: Annotated[int, Within(0, 1024, above=True)] = 48
    """Voxels along the longest side of the density lattice that draws samples to what is visible."""
    colour_threshold: Annotated[float, SHARE] = 0.0
    """Skip the colour of samples whose weight is below this (exact at 0)."""
    steps: Annotated[int, COUNT] = 200_000
    """Training steps."""
    segment: Annotated[int, Within(0, 10**6)] = 0
    """Frames of a segment: longer clips become a row of fields, trained side by side for `steps` each; 0: one field."""
    common: Annotated[float, SHARE] = 0.0
    """In clips of several segments: a short training of the whole clip takes this share of the steps first, and all
    segments start from its values; 0: each starts by itself, which was as good (docs/scaling.md)."""
    epoch_steps: Annotated[int, COUNT] = 500
    """Steps of one epoch of the schedule."""
    schedule: Literal["published", "cosine"] = "published"
    """Learning rates: a rise, then exponential decay as published; or half a cosine over all steps."""
    decay_epochs: Annotated[float, Within(0, 1e30, above=True)] = 400.0
    """With `schedule = published`: epochs in which the rates fall to a tenth."""
    warmup_epochs: Annotated[float, AMOUNT] = 5.0
    """With `schedule = published`: epochs in which the rates rise first."""
    view_noise: Annotated[float, Within(0, 1000)] = 0.0
    """Standard deviation of the noise on the viewing directions that colours are learned with: few cameras show
    little of reflections, but enough to overfit each picture."""
    quick_start: bool = False
    """Initial values for short trainings instead of the published ones."""
    lr_codes: Annotated[float, AMOUNT] = 5e-4
    """Learning rate of the latent codes, or of the image encoder."""
    lr_decoder: Annotated[float, AMOUNT] = 5e-4
    """Learning rate of the decoder."""
    lr_hash: Annotated[float, AMOUNT] = 5e-3
    """Learning rate of the hash tables."""
    lazy_adam: bool = False
    """Entries of the hash tables that a step does not touch keep their values and moments (not as published)."""
    clip_value: Annotated[float, Within(0, 1e38, above=True)] = 40.0
    """Gradients are clipped by value to this."""
    mask_weight: Annotated[float, AMOUNT] = 0.1
    """Weight of the difference between opacity and mask."""
    kl_weight: Annotated[float, AMOUNT] = 1e-6
    """With `codes = encoder`: weight of the divergence of its codes from a normal distribution."""
    empty_weight: Annotated[float, AMOUNT] = 0.1
    """With `hull_samples`: weight of the opacity outside the hull."""
    surface_weight: Annotated[float, AMOUNT] = 0.0
    """With `hull_samples`: weight of the area of surfaces, so that what no camera pins down is smooth."""
    any_background: bool = False
    """With masks: the mean error of colours over all backgrounds, in place of that over black and the mask's loss
    (not as published)."""
    colour_match: bool = False
    """Learn a colour matrix for each training camera but the first, and leave it out of the video."""
    lr_colours: Annotated[float, AMOUNT] = 2e-3
    """With `colour_match`: learning rate of the matrices."""
    colour_weight: Annotated[float, AMOUNT] = 1e-3
    """With `colour_match`: weight of the matrices' difference from the identity."""
    rate: Annotated[float, AMOUNT] = 0.0
    """MB a frame that the packed model is trained to take, without its occupancy grids; 0: size does not matter."""
    use_masks: bool = True
    """Learn from masks too. Off for a capture without masks, together with `hull_samples = 0`."""
    seed: Annotated[int, Within(0, 10**12)] = 0
    """Seed of the initial values and of all draws."""
    log_every: Annotated[int, COUNT] = 50
    """Steps between two lines of the log, and points of the curves."""
    preview_every: Annotated[int, COUNT] = 1000
    """Steps between two preview pictures."""
    checkpoint_every: Annotated[int, COUNT] = 1000
    """Steps between two checkpoints."""
    keep_checkpoints: Annotated[int, Within(0, 10**6)] = 2
    """How many of the newest checkpoints are kept."""

    def check(self) -> None:
        if 0 < self.segment < MIN_SEGMENT:
            raise ValueError(
                f"train.segment = {self.segment}: expected {MIN_SEGMENT} frames or more, or 0 for one field"
            )
        if (shares := self.foreground + self.band + self.face) > 1 + 1e-9:
            raise ValueError(f"train.foreground + train.band + train.face = {shares:g}: expected at most 1 together")
        if self.hull_samples * self.rays > MOST_SAMPLES:
            raise ValueError(
                f"train.rays = {self.rays} with train.hull_samples = {self.hull_samples}: expected at most "
                f"{MOST_SAMPLES} samples of an item"
            )
