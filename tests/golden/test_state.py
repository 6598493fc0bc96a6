"""The recipe of the golden parameters."""

from __future__ import annotations

import numpy as np
import pytest

from tests.golden.make_state import CENTRE, RADII, digest
from tests.golden.sources import FOLDERS, Golden, recipe_state
from tests.golden.trim import MODELS


@pytest.mark.parametrize("model", MODELS)
def test_recipe_gives_the_parameters_to_the_bit(golden: Golden, model: str) -> None:
    about = golden.about(model)
    state = recipe_state(model)
    assert sum(value.size for value in state.values()) == about["num_parameters"]
    assert {key: digest(value) for key, value in state.items()} == about["sha256"]
    assert {key: digest(value) for key, value in golden.state(model).items()} == about["sha256"]


def test_painted_body_is_an_ellipsoid() -> None:
    """The three painted channels sum to 1 - |(n - centre) / radii|^2 at every lattice point."""
    state = recipe_state("small")
    xy, xz, yz = state["plane_decoder.backbone.4.bias"][:3].astype(np.float64) - 12
    u = np.linspace(0, 1, xy.shape[0])
    x, y, z = np.meshgrid(u, u, u, indexing="ij")
    radius = sum(((n - c) / r) ** 2 for n, c, r in zip((x, y, z), CENTRE, RADII, strict=True))
    total = xy.T[:, :, None] + xz.T[:, None, :] + yz.T[None]  # planes are [second axis, first axis]
    np.testing.assert_allclose(total, 1 - radius, atol=1e-5)


def test_trimmed_copy_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDERS["trimmed"].iterdir() if path.is_file()) < 3 * 2**20
