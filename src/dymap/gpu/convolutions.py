"""The decoder's layers as steps of the GPU: weights packed once, images that one layer writes and the next reads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dymap.gpu.device import Gpu, groups_of
from dymap.gpu.sizes import NONE, quads_of

Step = tuple[Any, Any, tuple[int, int, int]]
"""A pipeline, its bindings, its workgroups (`Gpu.run`)."""
GAIN = math.sqrt(2 / 1.04)
"""Of equalised layers before LeakyReLU(0.2) (method.md 4)."""


class Weights:
    """Parameters of a decoder, name -> array as files hold them, and how they are packed for the kernels."""

    def __init__(self, gpu: Gpu, parameters: Mapping[str, NDArray[np.float32]]):
        self.gpu, self._parameters = gpu, parameters
        self._pack = gpu.kernel("pack", [], {})

    def array(self, name: str) -> NDArray[np.float32]:
        return self._parameters[name]

    def raw(self, name: str) -> Any:
        """A parameter as it is."""
        return self.gpu.upload(self.array(name), f"the decoder's {name}")

    def packed(
        self, parts: Sequence[tuple[str, Sequence[int]]], taps: int, transposed: bool = False, scale: float = 1.0
    ) -> Any:
        """Weights of one convolution out of several: of each its name and the channels of its outputs, in fours.

        taps: places of a kernel. transposed: [inputs, outputs, ...] in place of [outputs, inputs, ...].
        """
        inputs = self.array(f"{parts[0][0]}.weight").shape[0 if transposed else 1]
        quads = sum(len(lanes) for _, lanes in parts) // 4
        gpu = self.gpu
        size = 4 if gpu.numbers == "f32" else 2
        out = gpu.buffer(quads * taps * quads_of(inputs) * 16 * size, f"the decoder's {parts[0][0]}")
        first = 0
        for name, lanes in parts:
            weight = self.array(f"{name}.weight")
            strides = (taps, weight.shape[1] * taps) if transposed else (weight.shape[1] * taps, taps)
            numbers = np.array([len(lanes) // 4, taps, inputs, *strides, first], np.uint32)
            sizes = gpu.uniform(numbers, np.array([scale, 0], np.float32))
            channels = gpu.upload(np.array(lanes, np.uint32), "channels")
            bindings = gpu.bind(self._pack, sizes, self.raw(f"{name}.weight"), channels, out)
            gpu.run((self._pack, bindings, (*groups_of(len(lanes) * taps * quads_of(inputs)), 1)))
            first += len(lanes) // 4
        return out

    def bias(self, parts: Sequence[tuple[str, Sequence[int]]]) -> Any:
        """Biases in the order of `packed`."""
        values: list[float] = []
        for name, lanes in parts:
            bias = self.array(f"{name}.bias")
            values += [0.0 if channel == NONE else float(bias[channel]) for channel in lanes]
        return self.gpu.upload(np.array(values, np.float32), "biases")


def image(gpu: Gpu, side: int, channels: int) -> Any:
    """Memory for an image [side, side, channels in fours] of a layer."""
    return gpu.buffer(side * side * quads_of(channels) * 16, "an image of the decoder")


def convolution(
    gpu: Gpu,
    pipeline: Any,
    source: Any,
    weights: Any,
    bias: Any,
    result: Any,
    before: int,
    after: int,
    inputs: int,
    quads: int,
    group: int,
    relu: bool,
    *mask: Any,
) -> Step:
    """A 3 x 3 convolution from an image of `before` to images of `after` pixels a side, see convolve.wgsl.

    mask: the footprint, if the pipeline looks at one.
    """
    sizes = gpu.uniform(np.array([before, after, quads_of(inputs), quads, group, relu], np.uint32))
    groups = (-(-(-(-after // 4) * after) // 32), -(-quads // 2), 1)
    return pipeline, gpu.bind(pipeline, sizes, source, weights, bias, result, *mask), groups


def upsampling(
    gpu: Gpu, pipeline: Any, source: Any, weights: Any, bias: Any, result: Any, before: int, inputs: int, outputs: int
) -> Step:
    """A transposed convolution 4 x 4 to twice the size, see upsample.wgsl."""
    sizes = gpu.uniform(np.array([before, quads_of(inputs), outputs], np.uint32))
    groups = (-(-(-(-before // 4) * before) // 32), -(-quads_of(outputs) // 2), 4)
    return pipeline, gpu.bind(pipeline, sizes, source, weights, bias, result), groups
