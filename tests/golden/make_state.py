"""The parameters behind the golden arrays, from their recipe (numpy only).

Every array comes from a generator of its own, seeded with the recipe's seed and the array's name, so that neither the
order nor numpy's version matters. On top of the random values a body is painted: an ellipsoid of raw density
G * F0 * (1 - |(n - centre) / radii|^2) in box coordinates n, so that rays have opacities from 0 to 1.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

State = dict[str, NDArray[np.float32]]

CENTRE = (0.47, 0.53, 0.50)
RADII = (0.17, 0.14, 0.41)
LIFT = 12.0
"""Keeps the painted backbone channels on the positive side of their LeakyReLU; the heads take it away again."""
HEAD_BLOCK = {"xy": 0, "yz": 1, "xz": 2}
"""Channel blocks of the feature and density heads."""
PLANES = {"xy": (0, 1), "xz": (0, 2), "yz": (1, 2)}


def make_state(
    shapes: Mapping[str, tuple[int, ...]], seed: int, channels: int, head_gain: float, paint_G: float, paint_F0: float
) -> State:
    """Parameters under released key names; `shapes` as in *_state.json (the integer `offsets` are left out)."""
    state = {
        key: _random(key, tuple(shape), seed, head_gain) for key, shape in shapes.items() if not key.endswith("offsets")
    }
    _paint(state, channels, paint_G, paint_F0)
    return state


def digest(array: NDArray[np.float32]) -> str:
    """sha256 of an array's bytes, as listed in *_state.json."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _random(key: str, shape: tuple[int, ...], seed: int, head_gain: float) -> NDArray[np.float32]:
    # The encoder's cameras share one stack: copies of it must agree.
    key = re.sub(r"^(latent_vectors\.down1)\.\d+\.", r"\1.0.", key)
    random = np.random.RandomState((seed * 1000003 + zlib.crc32(key.encode())) % 2**32)  # frozen
    if key.endswith("embeddings"):
        return random.uniform(-0.5, 0.5, size=shape).astype(np.float32)
    return (random.standard_normal(size=shape) * _spread(key, shape, head_gain)).astype(np.float32)


def _spread(key: str, shape: tuple[int, ...], head_gain: float) -> float:
    """Standard deviation of a parameter."""
    if key in ("latent_vectors.weight", "encodings"):
        return 1.0
    if key.endswith("bias"):
        return 0.1
    if key.startswith(("plane_decoder.backbone", "latent_vectors.")):
        return 1.0  # scaled at run time
    gain = 1.0
    if ".kn_backbone." in key:
        gain = 1.4
    elif ".kn_" in key:
        gain = head_gain
    elif "density_conv" in key:
        gain = 0.6
    return float(gain / np.sqrt(np.prod(shape[1:])))


def _paint(state: State, channels: int, G: float, F0: float) -> None:
    """Backbone channels 0, 1, 2 become the parabolas whose sum is the body; the density head passes them on."""
    layers = [int(m[1]) for key in state if (m := re.fullmatch(r"plane_decoder\.backbone\.(\d+)\.weight", key))]
    weight = state[f"plane_decoder.backbone.{max(layers)}.weight"]  # [in, out, 4, 4]
    bias = state[f"plane_decoder.backbone.{max(layers)}.bias"]  # [out, P, P]
    u = np.linspace(0.0, 1.0, bias.shape[-1])
    for j, (first, second) in enumerate(PLANES.values()):
        column = ((u - CENTRE[first]) / RADII[first]) ** 2
        row = ((u - CENTRE[second]) / RADII[second]) ** 2
        bias[j] = (1.0 / 3.0 - 0.5 * (column[None, :] + row[:, None])) + LIFT
        weight[:, j] = 0.0
    for consumer in ("density_conv", "feat_conv", "kn_backbone.0"):
        state[f"plane_decoder.{consumer}.weight"][:, :3] = 0.0
    for j, plane in enumerate(PLANES):
        out = HEAD_BLOCK[plane] * channels
        state["plane_decoder.density_conv.weight"][out] *= 0.02
        state["plane_decoder.density_conv.weight"][out, j, 1, 1] = G
        state["plane_decoder.density_conv.bias"][out] = -G * LIFT
    state["plane_decoder.feat_conv.bias"][0] = F0
