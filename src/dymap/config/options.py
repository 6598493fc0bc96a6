"""Options: frozen dataclasses, one for each part.

The sentence below a field is its explanation in the help of the command line, where `train.steps` is `--train.steps`.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from dymap.config.bounds import FINITE, MOST_FRAMES, MOST_VIEWS, VIEWS, Checked, Few, Rigid, Within
from dymap.config.field_options import FieldConfig
from dymap.config.sizes import MOST_POINTS, MOST_SAMPLES
from dymap.config.training_options import TrainConfig


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
