"""Where golden arrays come from: the trimmed copy beside this file, or the full arrays beside the checkout."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from dymap.config import BakeConfig, FieldConfig, HashConfig
from dymap.field.field import Field
from dymap.video.released import from_released
from tests.golden.make_state import State, make_state

HERE = Path(__file__).parent
FULL = Path(os.environ.get("DYMAP_GOLDEN") or HERE.parents[2] / "shared" / "golden")
"""The full arrays, which are too many for the repository: beside the checkout, or in a folder of one's own."""
FOLDERS = {"trimmed": HERE} | ({"full": FULL} if FULL.is_dir() else {})
"""The sources that are here."""


def asarray(values: Tensor | ArrayLike) -> NDArray:
    return values.detach().numpy() if isinstance(values, Tensor) else np.asarray(values)


class Arrays(Mapping[str, NDArray]):
    """One golden file. Some arrays of the trimmed copy are thinned: `check` knows."""

    def __init__(self, path: Path):
        self._file = np.load(path)
        self._read: dict[str, NDArray] = {}

    def __getitem__(self, key: str) -> NDArray:
        if key not in self._read:
            self._read[key] = self._file[key]
        return self._read[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._file.files)

    def __len__(self) -> int:
        return len(self._file.files)

    def tensor(self, key: str) -> Tensor:
        return torch.from_numpy(self[key])

    def thin(self, key: str, values: Tensor | ArrayLike) -> NDArray:
        """Those of all `values` of the array `key` that this copy of it holds."""
        ours, expected = asarray(values), self[key]
        if f"{key}@step" not in self:
            return ours
        kept = ours.reshape(-1)[:: int(self[f"{key}@step"])]
        assert kept.shape == expected.shape, f"{key}: {ours.shape} values do not thin to {expected.shape}"
        return kept

    def check(self, key: str, values: Tensor | ArrayLike, atol: float = 0.0, rtol: float = 0.0) -> None:
        """Assert that `values` (all of them) are the array `key`. Tolerances of zero: equal."""
        ours, expected = self.thin(key, values), self[key]
        assert ours.shape == expected.shape, f"{key}: shape {ours.shape}, expected {expected.shape}"
        if expected.dtype == bool or (atol == 0 and rtol == 0):
            np.testing.assert_array_equal(ours, expected, err_msg=key)
        else:
            np.testing.assert_allclose(ours, expected, atol=atol, rtol=rtol, err_msg=key)


class Golden:
    """All golden files of one source, and the models that they were computed with."""

    def __init__(self, source: str):
        self.source = source
        self.folder = FOLDERS[source]

    @cache  # noqa: B019
    def arrays(self, name: str) -> Arrays:
        return Arrays(self.folder / f"{name}.npz")

    @cache  # noqa: B019
    def about(self, model: str) -> dict[str, Any]:
        """Configuration, shapes, recipe and sha256 values of a model's parameters."""
        return json.loads((self.folder / f"{model}_state.json").read_text())

    def state(self, model: str) -> State:
        """Parameters under released names: stored ones, or made from the recipe."""
        if (path := self.folder / f"{model}_state.npz").exists():
            with np.load(path) as file:
                return {key: file[key] for key in file.files if not key.endswith("offsets")}
        return recipe_state(model)

    def config(self, model: str) -> FieldConfig:
        about = self.about(model)["config"]
        return FieldConfig(
            hash=HashConfig(
                about["hash_levels"],
                about["hash_log2_size"],
                about["hash_features"],
                about["hash_base"],
                about["hash_finest"],
            ),
            code_dim=about["code_dim"],
            plane_size=about["plane_size"],
            map_size=about["map_size"],
            hidden=about["hidden"],
            layers=about["layers"],
            overlap=about["overlap"],
            directions=about["view"],
            direction_degree=about["view_res"],
        )

    def bake(self, model: str) -> BakeConfig:
        """The occupancy grid's size, sub-samples and threshold."""
        about, arrays = self.about(model)["config"], self.arrays(f"{model}_fast")
        return replace(
            BakeConfig(),
            grid=tuple(about["grid"]),
            subsamples=tuple(about["subgrid"]),
            threshold=float(arrays["alpha_thres"]),
        )

    @cache  # noqa: B019
    def parameters(self, model: str) -> dict[str, Tensor]:
        """Parameters under our names."""
        return from_released({key: torch.from_numpy(value) for key, value in self.state(model).items()})

    def field(self, model: str, boxes: dict[int, NDArray]) -> Field:
        """The model with the boxes of some of its frames (the others get the unit box); parameters are a copy."""
        frames = self.about(model)["config"]["num_frames"]
        unit = np.array([[0, 0, 0], [1, 1, 1]], np.float32)
        field = Field(self.config(model), torch.from_numpy(np.stack([boxes.get(i, unit) for i in range(frames)])))
        missing, unexpected = field.load_state_dict(self.parameters(model), strict=False)
        assert not unexpected
        assert missing == ["boxes"]
        return field


@cache
def recipe_state(model: str) -> State:
    about = json.loads((HERE / f"{model}_state.json").read_text())
    return make_state({key: tuple(shape) for key, shape in about["shapes"].items()}, **about["recipe"])
