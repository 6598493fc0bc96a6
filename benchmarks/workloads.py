"""What is measured, without a training: fields of two sizes by a recipe, a painted body, two cameras.

An ellipsoid of 4 % of the box stands in random textures, so that rays have opacities from 0 to 1. `far`: the body in
the middle of the image. `close`: the same camera with 1.9 times the focal length, so that the body covers as much of
the image as people do in the published captures. A file speed_scene.json, as it lies beside the golden arrays, is
read if it is found; otherwise the same is made from the numbers below.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.golden.make_state import make_state
from torch import Tensor

from dymap.bake.occupancy import bake_coordinates, bake_occupancy
from dymap.config import Config
from dymap.field.field import Field
from dymap.field.frame import GridFrame
from dymap.field.sparse import SparseField
from dymap.geometry.camera import Camera
from dymap.geometry.rays import camera_rays
from dymap.presets import preset
from dymap.render.march import march_rays, march_step
from dymap.video.released import from_released

FILE = "speed_scene.json"
HERE = Path(__file__).parent
FOLDERS = (HERE.parent.parent / "shared" / "golden", HERE.parent / "shared" / "golden")
"""Where the golden arrays lie beside the checkout."""
RECIPE: dict[str, Any] = {
    "recipe": {"seed": 21, "channels": 32, "head_gain": 0.22, "paint_G": 60.0, "paint_F0": 4.0},
    "frame": 150,
    "num_frames": 300,
    "K": [[533.6855, 0.0, 254.5495], [0.0, 541.7986, 256.9698], [0.0, 0.0, 1.0]],
    "K_close": [[1014.0025, 0.0, 254.5495], [0.0, 1029.4173, 256.9698], [0.0, 0.0, 1.0]],
    "R": [
        [-0.1260311542, 0.9905804377, 0.0535401218],
        [0.0691296642, 0.0626089865, -0.9956411022],
        [-0.9896146915, -0.1217805866, -0.0763691759],
    ],
    "T": [0.0796525303, 0.8749757352, 3.1716079954],
    "width": 512,
    "height": 512,
    "bounds": [[-0.6476781, -0.5364222, -0.0974193], [0.6226726, 0.5530462, 1.8492476]],
}
SIZES = {"full": "zjumocap/313", "small": "small", "quick": "pocket"}
QUICK_PIXELS = 32
RELEASED = {
    r"hash\.(\w+)": r"hashtable_\1.embeddings",
    r"codes\.weight": "latent_vectors.weight",
    r"decoder\.code\.(\w+)": r"plane_decoder.backbone.0.\1",
    r"decoder\.features\.(\w+)": r"plane_decoder.feat_conv.\1",
    r"decoder\.density\.(\w+)": r"plane_decoder.density_conv.\1",
    r"decoder\.trunk\.(\d+)\.(\w+)": r"plane_decoder.kn_backbone.\1.\2",
    r"decoder\.map_(\w)\.(\w+)": r"plane_decoder.kn_\1_conv.\2",
}
"""Our names of parameters and the released ones, which the recipe's random numbers depend on."""


def scene_file(folder: Path | None) -> dict[str, Any]:
    """The numbers: of `folder`, of a folder beside the checkout, or those above."""
    if folder is not None and not (folder / FILE).is_file():
        raise FileNotFoundError(f"{folder / FILE} does not exist")
    for place in (folder,) if folder is not None else FOLDERS:
        if (place / FILE).is_file():
            return json.loads((place / FILE).read_text(encoding="utf-8"))
    return RECIPE


def released_key(ours: str) -> str:
    """The published name of a parameter of ours."""
    if found := re.fullmatch(r"decoder\.up\.(\d+)\.(\w+)", ours):
        return f"plane_decoder.backbone.{int(found[1]) + 2}.{found[2]}"
    for pattern, released in RELEASED.items():
        if found := re.fullmatch(pattern, ours):
            return found.expand(released)
    raise KeyError(ours)


def painted_field(config: Config, boxes: Tensor, recipe: dict[str, Any]) -> Field:
    """A field with the recipe's parameters. boxes: [frames, 2, 3]."""
    field = Field(config.field, boxes)
    shapes = {released_key(name): tuple(value.shape) for name, value in field.named_parameters()}
    state = make_state(shapes, **recipe | {"channels": config.field.channels})
    field.load_state_dict(
        from_released({key: torch.from_numpy(value) for key, value in state.items()}), strict=False, assign=True
    )
    return field


@dataclass(frozen=True)
class Seen:
    """What the exact march of an image looks at. covered: share of the pixels that are more than half opaque."""

    width: int
    height: int
    covered: float
    densities: int
    colours: int


class Workload:
    """A size of the field, its body and its cameras. Everything is made when it is first asked for."""

    def __init__(self, size: str, about: dict[str, Any]):
        self.size, self.about = size, about
        self.config = preset(SIZES[size])
        self.index = int(about["frame"])
        self._seen: dict[str, Seen] = {}

    @cached_property
    def field(self) -> Field:
        box = torch.tensor(self.about["bounds"], dtype=torch.float32)
        boxes = box.expand(int(self.about["num_frames"]), 2, 3).clone()
        return painted_field(self.config, boxes, self.about["recipe"]).requires_grad_(False)

    @cached_property
    def cameras(self) -> dict[str, Camera]:
        """far and close."""
        about = self.about
        size = (int(about["width"]), int(about["height"]))
        cameras = {
            name: Camera(np.array(about[K]), np.array(about["R"]), np.array(about["T"]), *size, name=name)
            for name, K in (("far", "K"), ("close", "K_close"))
        }
        if self.size != "quick":
            return cameras
        return {name: camera.resized(QUICK_PIXELS, QUICK_PIXELS) for name, camera in cameras.items()}

    @cached_property
    def frame(self) -> GridFrame:
        """The whole frame of the standing images."""
        with torch.no_grad():
            frame = SparseField(self.field).at(self.index)
            _ = frame.networks
        return frame

    @cached_property
    def moving(self) -> list[int]:
        """Positions of frames that follow each other."""
        return list(range(self.index, self.index + (2 if self.size == "quick" else 4)))

    @cached_property
    def occupancy(self) -> Tensor:
        """[frames, gx, gy, gz] bool: baked where it is needed, empty elsewhere."""
        grids = torch.zeros(self.field.num_frames, *self.config.bake.grid, dtype=torch.bool)
        for index in self.moving:
            lines = bake_coordinates(self.field.boxes[index], self.config.bake)
            grids[index] = bake_occupancy(self.field.at(index), lines, self.config.bake)
        return grids

    @property
    def step(self) -> float:
        return march_step(self.frame.box, self.config.render.max_samples)

    def seen(self, view: str) -> Seen:
        """Counted once by the marching renderer in rounds of 32 samples, as the published numbers were."""
        if view not in self._seen:
            camera = self.cameras[view]
            counter = _CountingFrame(**{key: getattr(self.frame, key) for key in GridFrame.__dataclass_fields__})
            rays, hit = camera_rays(camera, counter.box)
            acc = march_rays(counter, rays, self.occupancy[self.index], self.step).acc
            covered = float((acc > 0.5).sum()) / len(hit)
            self._seen[view] = Seen(camera.width, camera.height, covered, *counter.counts)
        return self._seen[view]


class _CountingFrame(GridFrame):
    """A Frame that counts the samples it is asked for."""

    @cached_property
    def counts(self) -> list[int]:
        return [0, 0]

    def density(self, position: Tensor) -> tuple[Tensor, Tensor]:
        self.counts[0] += len(position)
        return super().density(position)

    def colour(self, position: Tensor, feature: Tensor, directions: Tensor, ray: Tensor | None = None) -> Tensor:
        self.counts[1] += len(position)
        return super().colour(position, feature, directions, ray)


def open_workload(size: str, folder: Path | None = None) -> Workload:
    """The workload of a size: full, small or quick. Raises FileNotFoundError."""
    return Workload(size, scene_file(folder))
