"""Options: frozen dataclasses, one for each part.

The sentence below a field is its explanation in the help of the command line, where `train.steps` is `--train.steps`.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from dymap.config.bounds import Checked, Few, PowerOfTwo, Rigid, Within
from dymap.config.sizes import MOST_POINTS, MOST_SAMPLES, check_memory, decoder_parameters, hash_sizes

ENCODER_SIZE = 512
"""Width and height of the images that the image encoder takes, pixels (method.md 4)."""
MOST_VIEWS, MOST_FRAMES = 4096, 10**9
FINITE, AMOUNT, SHARE = Within(-1e38, 1e38), Within(0, 1e38), Within(0, 1)
COUNT = Within(0, 10**9, above=True)
VIEWS = Within(0, MOST_VIEWS - 1)
"""Which of them a capture has is known when it is opened."""


@dataclass(frozen=True)
class HashConfig(Checked, part="field.hash"):
    """Time-dependent hash grids (method.md 2)."""

    levels: Annotated[int, Within(1, 64)] = 16
    """Resolutions, from `base` to `finest` in equal ratios."""
    log2_size: Annotated[int, Within(1, 28)] = 19
    """At most 2^log2_size entries a level."""
    features: Annotated[int, Within(1, 64)] = 2
    """Channels of an entry; levels * features is the channel count of the planes too."""
    base: Annotated[int, Within(2, 4096)] = 16
    """Resolution of the coarsest level."""
    finest: Annotated[int, Within(2, 16384)] = 1024
    """Resolution of the finest level."""
    time_share: Annotated[float, Within(0, 1, above=True)] = 1.0
    """The clip takes this share of the time axis. Below 1 neighbouring frames share entries (not as published)."""

    def check(self) -> None:
        if self.finest < self.base:
            raise ValueError(f"field.hash.finest = {self.finest}: expected field.hash.base = {self.base} or more")


@dataclass(frozen=True)
class FieldConfig(Checked, part="field"):
    """The representation (method.md 1-4)."""

    hash: HashConfig = HashConfig()
    """Its time-dependent hash grids."""
    codes: Literal["embedding", "encoder"] = "embedding"
    """Latent codes: learned for each frame, or computed by an image encoder from fixed cameras."""
    encoder_views: Annotated[tuple[int, ...], VIEWS, Few(64)] = ()
    """Positions among the training views of the image encoder's cameras."""
    code_dim: Annotated[int, Within(1, 65536)] = 256
    """Length of a frame's latent code."""
    width: Annotated[int, Within(4, 16384)] = 256
    """Channels of the decoder's first layers; the planes are made from width / 4."""
    plane_size: Annotated[int, PowerOfTwo(8, 8192)] = 256
    """P: feature and density planes are P x P."""
    map_size: Annotated[int, PowerOfTwo(1, 8192)] = 16
    """S: MLP maps are S x S."""
    hidden: Annotated[int, Within(1, 4096)] = 32
    """H: hidden units of a tiny MLP."""
    layers: Literal[2, 3] = 3
    """Layers of a tiny MLP."""
    overlap: bool = True
    """Blend the four networks around a sample (on), or use the one whose cell it is in (off)."""
    directions: Literal["fourier", "sh"] = "fourier"
    """Embedding of viewing directions: Fourier features, or spherical harmonics."""
    direction_degree: Annotated[int, Within(0, 16)] = 2
    """Frequencies of the Fourier embedding, or the degree of the spherical harmonics."""

    def check(self) -> None:
        if self.map_size > self.plane_size or (self.overlap and self.map_size < 2):
            least = "from 2 (field.overlap blends neighbours) " if self.overlap else ""
            raise ValueError(
                f"field.map_size = {self.map_size}: expected a power of two {least}up to field.plane_size = "
                f"{self.plane_size}"
            )
        if self.directions == "sh" and not 1 <= self.direction_degree <= 4:
            raise ValueError(f"field.direction_degree = {self.direction_degree}: expected 1 to 4 with directions = sh")
        if self.codes == "encoder" and not self.encoder_views:
            raise ValueError("field.encoder_views is empty: field.codes = encoder needs encoder_views")
        if len(set(self.encoder_views)) < len(self.encoder_views):
            raise ValueError(f"field.encoder_views = {self.encoder_views}: expected each view once")
        h, C = self.hash, self.channels
        entries, vertices = hash_sizes(h.levels, h.log2_size, h.base, h.finest)
        sizes = self.code_dim, self.width, self.plane_size, self.map_size, C, self.map_params
        stored = 3 * entries * h.features + decoder_parameters(*sizes)
        frame = 3 * (2 * C * self.plane_size**2 + self.map_size**2 * self.map_params + vertices * h.features)
        check_memory(stored, frame)

    @property
    def channels(self) -> int:
        """C: channels of the feature and density planes."""
        return self.hash.levels * self.hash.features

    @property
    def view_dim(self) -> int:
        """V: length of the view embedding."""
        if self.directions == "fourier":
            return 3 * (2 * self.direction_degree + 1)
        return self.direction_degree**2

    @property
    def map_params(self) -> int:
        """Parameters of one tiny MLP."""
        C, V, H = self.channels, self.view_dim, self.hidden
        return C * H + (H + V) * H + H * 3 if self.layers == 3 else (C + V) * H + H * 3


@dataclass(frozen=True)
class CaptureConfig(Checked, part="capture"):
    """Which part of a capture is used, and how its images are prepared (method.md 9-11)."""

    layout: str = "auto"
    """On-disk layout: auto, or the name of one (docs/captures.md)."""
    ratio: Annotated[float, Within(0, 64, above=True)] = 1.0
    """Images are resized by this."""
    frames: Annotated[tuple[int, int, int], Within(-MOST_FRAMES, MOST_FRAMES)] = (0, -1, 1)
    """First frame position, end (exclusive; -1: all), step."""
    test_views: Annotated[tuple[int, ...], VIEWS, Few(MOST_VIEWS)] = ()
    """Views kept out of training; empty: those that the layout keeps for evaluation, if it says so."""
    train_views: Annotated[tuple[int, ...], VIEWS, Few(MOST_VIEWS)] = ()
    """Views to train on; empty: all but the test views."""
    test_frame_step: Annotated[int, Within(0, MOST_FRAMES, above=True)] = 1
    """Evaluate every n-th frame of the trained range."""
    box_padding: Annotated[float, Within(0, 1000)] = 0.1
    """Metres around the vertices or the hull."""
    boxes: Literal["auto", "vertices", "hull", "own"] = "auto"
    """Boxes from the body vertices, from the visual hull of the masks, or those that the layout itself holds; auto: its
    own if it holds any, else from vertices, else from the hull."""
    box_smoothing: Literal["none", "smooth", "clip"] = "none"
    """Boxes over time: every frame's own, smoothed (each holds its frame's own), or one for the whole clip."""
    hull_votes: Literal["all", "half"] = "all"
    """Boxes from the hull: no camera may rule a point out (one of many may), or half must show it (older runs)."""
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Options of the layout's reader, such as unit and mask_labels; the reader checks them."""
    transform: Annotated[tuple[float, ...], Rigid()] = ()
    """Rigid 4x4 M, row by row, that moves cameras and vertices; empty: none."""
    path_views: Annotated[tuple[int, ...], VIEWS, Few(MOST_VIEWS)] = ()
    """Cameras that the orbit is fitted to; empty: all."""
    viewer_box_scale: Annotated[float, Within(0, 1000, above=True)] = 1.0
    """The viewer shows the frame's box scaled by this about its centre."""
    viewer_box_shift: Annotated[tuple[float, float, float], Within(-1e6, 1e6)] = (0.0, 0.0, 0.0)
    """The viewer's box is then shifted by this along x, y and z, metres."""
    pixel_offset: Annotated[float, Within(-1, 1)] = 0.0
    """0: a pixel's ray passes through its integer position; 0.5: through its middle."""
    edge_band: bool = False
    """Leave a band of 5x5 around the silhouette out of the losses and metrics."""
    fps: Annotated[float, Within(0, 100_000, above=True)] = 30.0
    """Frames a second of the capture."""

    @property
    def viewer_box(self) -> tuple[float, float, float, float]:
        """Scale and shift together, as a baked file keeps them."""
        return self.viewer_box_scale, *self.viewer_box_shift


@dataclass(frozen=True)
class RenderConfig(Checked, part="render"):
    """How images are made (method.md 5, 8)."""

    samples: Annotated[int, Within(0, 65536, above=True)] = 64
    """Samples a ray of the volume renderer."""
    max_samples: Annotated[int, Within(0, 65536, above=True)] = 256
    """The marching step is the box's diagonal divided by this."""
    background: Literal["black", "white"] = "black"
    """What rays see that nothing stops."""


@dataclass(frozen=True)
class BakeConfig(Checked, part="bake"):
    """Occupancy grids (method.md 7)."""

    grid: Annotated[tuple[int, int, int], Within(0, 4096, above=True)] = (24, 24, 48)
    """Voxels along x, y and z of a frame's box."""
    subsamples: Annotated[tuple[int, int, int], Within(2, 64)] = (5, 5, 5)
    """Density samples an axis of a voxel, both faces included."""
    threshold: Annotated[float, FINITE] = 5.0
    """A voxel is occupied if any raw density in it exceeds this."""

    def check(self) -> None:
        points = math.prod(g * (s - 1) + 1 for g, s in zip(self.grid, self.subsamples, strict=True))
        if points > MOST_POINTS:
            raise ValueError(
                f"bake.grid = {self.grid} with bake.subsamples = {self.subsamples} samples {points:.1e} points a "
                f"frame: expected at most {MOST_POINTS:.1e}"
            )


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
        if (shares := self.foreground + self.band + self.face) > 1 + 1e-9:
            raise ValueError(f"train.foreground + train.band + train.face = {shares:g}: expected at most 1 together")
        if self.hull_samples * self.rays > MOST_SAMPLES:
            raise ValueError(
                f"train.rays = {self.rays} with train.hull_samples = {self.hull_samples}: expected at most "
                f"{MOST_SAMPLES} samples of an item"
            )


@dataclass(frozen=True)
class Config(Checked, part=""):
    """A whole experiment."""

    field: FieldConfig = FieldConfig()
    """The representation."""
    capture: CaptureConfig = CaptureConfig()
    """What is used of the capture, and how."""
    render: RenderConfig = RenderConfig()
    """How images are made."""
    bake: BakeConfig = BakeConfig()
    """How occupancy grids are made."""
    train: TrainConfig = TrainConfig()
    """How the field is trained."""

    def check(self) -> None:
        if not self.train.hull_samples and self.train.rays * self.render.samples > MOST_SAMPLES:
            raise ValueError(
                f"train.rays = {self.train.rays} with render.samples = {self.render.samples}: expected at most "
                f"{MOST_SAMPLES} samples of an item"
            )
