"""Options: frozen dataclasses, one for each part.

The sentence below a field is its explanation in the help of the command line, where `train.steps` is `--train.steps`.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

ENCODER_SIZE = 512
"""Width and height of the images that the image encoder takes, pixels (method.md 4)."""


def _check_positive(config: Any, *names: str) -> None:
    """Raises ValueError that names the first of these options that is not a number above 0."""
    for name in names:
        if not 0 < (value := getattr(config, name)) < math.inf:
            raise ValueError(f"{name} = {value}: expected a number above 0")


@dataclass(frozen=True)
class HashConfig:
    """Time-dependent hash grids (method.md 2)."""

    levels: int = 16
    """Resolutions, from `base` to `finest` in equal ratios."""
    log2_size: int = 19
    """At most 2^log2_size entries a level."""
    features: int = 2
    """Channels of an entry; levels * features is the channel count of the planes too."""
    base: int = 16
    """Resolution of the coarsest level."""
    finest: int = 1024
    """Resolution of the finest level."""
    time_share: float = 1.0
    """The clip takes this share of the time axis. Below 1 neighbouring frames share entries (not as published)."""


@dataclass(frozen=True)
class FieldConfig:
    """The representation (method.md 1-4)."""

    hash: HashConfig = HashConfig()
    """Its time-dependent hash grids."""
    codes: Literal["embedding", "encoder"] = "embedding"
    """Latent codes: learned for each frame, or computed by an image encoder from fixed cameras."""
    encoder_views: tuple[int, ...] = ()
    """Positions among the training views of the image encoder's cameras."""
    code_dim: int = 256
    """Length of a frame's latent code."""
    width: int = 256
    """Channels of the decoder's first layers; the planes are made from width / 4."""
    plane_size: int = 256
    """P: feature and density planes are P x P."""
    map_size: int = 16
    """S: MLP maps are S x S."""
    hidden: int = 32
    """H: hidden units of a tiny MLP."""
    layers: Literal[2, 3] = 3
    """Layers of a tiny MLP."""
    overlap: bool = True
    """Blend the four networks around a sample (on), or use the one whose cell it is in (off)."""
    directions: Literal["fourier", "sh"] = "fourier"
    """Embedding of viewing directions: Fourier features, or spherical harmonics."""
    direction_degree: int = 2
    """Frequencies of the Fourier embedding, or the degree of the spherical harmonics."""

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
class CaptureConfig:
    """Which part of a capture is used, and how its images are prepared (method.md 9-11)."""

    layout: str = "auto"
    """On-disk layout: auto, or the name of one (docs/captures.md)."""
    ratio: float = 1.0
    """Images are resized by this."""
    frames: tuple[int, int, int] = (0, -1, 1)
    """First frame position, end (exclusive; -1: all), step."""
    test_views: tuple[int, ...] = ()
    """Views kept out of training; empty: those that the layout keeps for evaluation, if it says so."""
    train_views: tuple[int, ...] = ()
    """Views to train on; empty: all but the test views."""
    test_frame_step: int = 1
    """Evaluate every n-th frame of the trained range."""
    box_padding: float = 0.1
    """Metres around the vertices."""
    boxes: Literal["vertices", "hull", "own"] = "vertices"
    """Boxes from the body vertices, from the visual hull of the masks, or those that the layout itself holds."""
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Options of the layout's reader, such as unit and mask_labels; the reader checks them."""
    transform: tuple[float, ...] = ()
    """Rigid 4x4 M, row by row, that moves cameras and vertices; empty: none."""
    path_views: tuple[int, ...] = ()
    """Cameras that the orbit is fitted to; empty: all."""
    viewer_box_scale: float = 1.0
    """The viewer shows the frame's box scaled by this about its centre."""
    viewer_box_shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """The viewer's box is then shifted by this along x, y and z, metres."""
    pixel_offset: float = 0.0
    """0: a pixel's ray passes through its integer position; 0.5: through its middle."""
    edge_band: bool = False
    """Leave a band of 5x5 around the silhouette out of the losses and metrics."""
    fps: float = 30.0
    """Frames a second of the capture."""

    def __post_init__(self) -> None:
        _check_positive(self, "ratio", "test_frame_step", "fps")

    @property
    def viewer_box(self) -> tuple[float, float, float, float]:
        """Scale and shift together, as a baked file keeps them."""
        return self.viewer_box_scale, *self.viewer_box_shift


@dataclass(frozen=True)
class RenderConfig:
    """How images are made (method.md 5, 8)."""

    samples: int = 64
    """Samples a ray of the volume renderer."""
    max_samples: int = 256
    """The marching step is the box's diagonal divided by this."""
    background: Literal["black", "white"] = "black"
    """What rays see that nothing stops."""

    def __post_init__(self) -> None:
        _check_positive(self, "samples", "max_samples")


@dataclass(frozen=True)
class BakeConfig:
    """Occupancy grids (method.md 7)."""

    grid: tuple[int, int, int] = (24, 24, 48)
    """Voxels along x, y and z of a frame's box."""
    subsamples: tuple[int, int, int] = (5, 5, 5)
    """Density samples an axis of a voxel, both faces included."""
    threshold: float = 5.0
    """A voxel is occupied if any raw density in it exceeds this."""


@dataclass(frozen=True)
class TrainConfig:
    """Optimisation (method.md 6). `batches = items` is the published recipe, `frames` is ours."""

    batches: Literal["items", "frames"] = "items"
    """items: each draws one (frame, camera); frames: each draws one frame seen by many cameras."""
    processes: int = 1
    """Processes that draw a batch each and average their gradients (`dymap train --processes`)."""
    items: int = 16
    """Items a step and process."""
    rays: int = 1024
    """Rays an item."""
    views_per_item: int = 0
    """With `batches = frames`: cameras an item draws its rays from; 0: all."""
    foreground: float = 0.7
    """Share of the rays on foreground pixels."""
    band: float = 0.0
    """Share of the rays on background pixels close to the silhouette."""
    band_pixels: int = 8
    """How close to the silhouette the rays of `band` are, pixels."""
    face: float = 0.1
    """Share of the rays on face pixels, if they are known."""
    hull_samples: int = 0
    """Samples a ray inside the masks' visual hull; 0: samples fill the box (the published recipe)."""
    hull_grid: int = 96
    """Voxels along the longest side of the hull's grid."""
    proposal_grid: int = 48
    """Voxels along the longest side of the density lattice that draws samples to what is visible."""
    colour_threshold: float = 0.0
    """Skip the colour of samples whose weight is below this (exact at 0)."""
    steps: int = 200_000
    """Training steps."""
    epoch_steps: int = 500
    """Steps of one epoch of the schedule."""
    schedule: Literal["published", "cosine"] = "published"
    """Learning rates: a rise, then exponential decay as published; or half a cosine over all steps."""
    decay_epochs: float = 400.0
    """With `schedule = published`: epochs in which the rates fall to a tenth."""
    warmup_epochs: float = 5.0
    """With `schedule = published`: epochs in which the rates rise first."""
    view_noise: float = 0.0
    """Standard deviation of the noise on the viewing directions that colours are learned with: few cameras show
    little of reflections, but enough to overfit each picture."""
    quick_start: bool = False
    """Initial values for short trainings instead of the published ones."""
    lr_codes: float = 5e-4
    """Learning rate of the latent codes, or of the image encoder."""
    lr_decoder: float = 5e-4
    """Learning rate of the decoder."""
    lr_hash: float = 5e-3
    """Learning rate of the hash tables."""
    lazy_adam: bool = False
    """Entries of the hash tables that a step does not touch keep their values and moments (not as published)."""
    clip_value: float = 40.0
    """Gradients are clipped by value to this."""
    mask_weight: float = 0.1
    """Weight of the difference between opacity and mask."""
    kl_weight: float = 1e-6
    """With `codes = encoder`: weight of the divergence of its codes from a normal distribution."""
    empty_weight: float = 0.1
    """With `hull_samples`: weight of the opacity outside the hull."""
    surface_weight: float = 0.0
    """With `hull_samples`: weight of the area of surfaces, so that what no camera pins down is smooth."""
    any_background: bool = False
    """With masks: the mean error of colours over all backgrounds, in place of that over black and the mask's loss
    (not as published)."""
    use_masks: bool = True
    """Learn from masks too. Off for a capture without masks, together with `hull_samples = 0`."""
    seed: int = 0
    """Seed of the initial values and of all draws."""
    log_every: int = 50
    """Steps between two lines of the log, and points of the curves."""
    preview_every: int = 1000
    """Steps between two preview pictures."""
    checkpoint_every: int = 1000
    """Steps between two checkpoints."""
    keep_checkpoints: int = 2
    """How many of the newest checkpoints are kept."""

    def __post_init__(self) -> None:
        _check_positive(self, "processes", "items", "rays", "steps", "epoch_steps", "hull_grid", "proposal_grid")
        _check_positive(self, "log_every", "preview_every", "checkpoint_every")


@dataclass(frozen=True)
class Config:
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
