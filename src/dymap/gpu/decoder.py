"""The decoder on the GPU: a frame's code becomes planes and networks in the order in which the march reads them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dymap.config import FieldConfig
from dymap.gpu.convolutions import GAIN, Step, Weights, convolution, image, upsampling
from dymap.gpu.device import Gpu, groups_of
from dymap.gpu.sizes import network_lanes, plain_lanes, quads_of

BLOCKS = (0, 2, 1)
"""Where the heads keep the planes xy, xz, yz among their blocks of channels (method.md 1)."""
HEADS = ("decoder.map_z", "decoder.map_y", "decoder.map_x")
"""The heads of the maps xy, xz, yz."""
MASKED = 64
"""Planes of this size on are computed only where points in occupied voxels read them: looking costs something too."""


class GpuDecoder:
    """A decoder's packed weights and its images.

    parameters: name -> array, as files hold them; codes: [frames, code].
    """

    def __init__(
        self,
        gpu: Gpu,
        config: FieldConfig,
        constants: Mapping[str, int],
        parameters: Mapping[str, NDArray[np.float32]],
        codes: NDArray[np.float32],
    ):
        self.gpu, self.config, self.constants = gpu, config, constants
        self._mask = "mask_footprint" if config.plane_size >= MASKED else "mask_all"
        self._footprints = self._footprint_buffers()
        weights = Weights(gpu, parameters)
        self._steps = self._backbone(weights, codes)
        self._plane_head(weights)
        self._trunk(weights)
        self._map_heads(weights)

    def steps(self, frame: int, planes: Any, networks: Any, occupied: Any) -> list[Step]:
        """What makes a frame's planes and networks, into these buffers of zeros. occupied: bits of its voxels."""
        self.gpu.write(self._frame, np.array([frame], np.uint32))
        n, P, S = self.constants, self.config.plane_size, self.config.map_size
        quads, group = 6 * n["QUADS"], 2 * n["QUADS"]
        footprints = [self.gpu.bind(self._footprint, sizes, occupied, out) for sizes, out in self._footprints]
        of_planes, of_maps = ([out] for _, out in self._footprints) if self._footprints else ([], [])
        head = convolution(
            self.gpu, self._to_planes, self._last, *self._planes, planes, P, P, self._width, quads, group, False,
            *of_planes,
        )  # fmt: skip
        out = networks if self._maps is None else self._maps
        count = n["NETWORK"] if self._maps is None else n["MAP_QUADS"]
        maps = convolution(
            self.gpu, self._to_networks, self._small, *self._networks, out, S, S, self._small_width, 3 * count, count,
            False, *of_maps,
        )  # fmt: skip
        looks = [
            (self._footprint, bindings, (*groups_of(3 * side * quads_of(side)), 1))
            for bindings, side in zip(footprints, (P, S), strict=False)
        ]
        steps = [*looks, *self._steps, head, *self._halvings, maps]
        if self._maps is not None:
            bindings = self.gpu.bind(self._multiply, self._maps, networks)
            steps.append((self._multiply, bindings, (*groups_of(3 * S * S * n["NETWORK"]), 1)))
        return steps

    def _footprint_buffers(self) -> list[tuple[Any, Any]]:
        """Sizes and memory of the footprints of planes and of networks; none if nobody looks at them."""
        if self._mask == "mask_all":
            return []
        gpu, P, S = self.gpu, self.config.plane_size, self.config.map_size
        self._footprint = gpu.kernel("footprint", [], self.constants)
        sides = [np.array([side, maps], np.uint32) for side, maps in ((P, 0), (S, 1))]
        return [(gpu.uniform(a), gpu.buffer(12 * int(a[0]) * quads_of(int(a[0])), "a footprint")) for a in sides]

    def _backbone(self, weights: Weights, codes: NDArray[np.float32]) -> list[Step]:
        """Code -> linear -> upsamplings, up to the planes' size."""
        gpu, width = self.gpu, self.config.width
        linear, up = gpu.kernel("linear", [], {}), gpu.kernel("upsample", [], {})
        length = codes.shape[1]
        gain = np.array([GAIN / math.sqrt(length)], np.float32)
        self._frame = gpu.uniform(np.array([0, length, width], np.uint32), gain)
        given = gpu.upload(codes, "the codes")
        x = image(gpu, 4, width)
        inner = weights.raw("decoder.code.weight"), weights.raw("decoder.code.bias")
        bindings = gpu.bind(linear, self._frame, given, *inner, x)
        steps: list[Step] = [(linear, bindings, (*groups_of(16 * quads_of(width)), 1))]
        side = 4
        while side < self.config.plane_size:
            name = f"decoder.up.{len(steps) - 1}"
            inputs, outputs = weights.array(f"{name}.weight").shape[:2]
            scale = GAIN / math.sqrt(inputs * 4)
            packed = weights.packed([(name, plain_lanes(outputs))], 16, transposed=True, scale=scale)
            out = image(gpu, 2 * side, outputs)
            steps.append(upsampling(gpu, up, x, packed, weights.raw(f"{name}.bias"), out, side, inputs, outputs))
            x, side, self._width = out, 2 * side, outputs
        self._last = x
        return steps

    def _plane_head(self, weights: Weights) -> None:
        """Features and density coefficients of each plane, side by side."""
        C = self.config.channels
        heads = ("decoder.features", "decoder.density")
        parts = [(head, plain_lanes(C, block * C)) for block in BLOCKS for head in heads]
        self._to_planes = self.gpu.kernel("convolve", ["result_planes", self._mask], {})
        self._planes = weights.packed(parts, 9), weights.bias(parts)

    def _trunk(self, weights: Weights) -> None:
        """From the planes' size down to the maps'."""
        to_image = self.gpu.kernel("convolve", ["result_image", "mask_all"], {})
        self._halvings: list[Step] = []
        x, side, width = self._last, self.config.plane_size, self._width
        while side > self.config.map_size:
            name = f"decoder.trunk.{2 * len(self._halvings)}"
            outputs, inputs = weights.array(f"{name}.weight").shape[:2]
            parts = [(name, plain_lanes(outputs))]
            layer = weights.packed(parts, 9), weights.bias(parts)
            out, quads = image(self.gpu, side // 2, outputs), quads_of(outputs)
            self._halvings.append(
                convolution(self.gpu, to_image, x, *layer, out, side, side // 2, inputs, quads, quads, True)
            )
            x, side, width = out, side // 2, outputs
        self._small, self._small_width = x, width

    def _map_heads(self, weights: Weights) -> None:
        """The networks, in the order of the march; of three layers, as they are trained, to be multiplied out."""
        n, S = self.constants, self.config.map_size
        three = self.config.layers == 3
        lanes = plain_lanes(self.config.map_params) if three else network_lanes(self.config)
        parts = [(head, lanes) for head in HEADS]
        self._to_networks = self.gpu.kernel(
            "convolve", ["result_image" if three else "result_networks", self._mask], {}
        )
        self._networks = weights.packed(parts, 9), weights.bias(parts)
        self._maps = self.gpu.buffer(3 * S * S * n["MAP_QUADS"] * 16, "the MLP maps") if three else None
        if three:
            self._multiply = self.gpu.kernel("multiply", [], n)
