"""Whole images of a frame on the GPU (march.wgsl)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.field.segment import FrameModel
from dymap.gpu.device import Gpu, default_gpu
from dymap.gpu.segment import segment_on
from dymap.gpu.sizes import levels_of
from dymap.kernels import Cancel, Traced

AWAY = 1e38
"""Depths beyond this are of rays that miss the box."""


class GpuTracer:
    """A frame of a segment, ready for whole images: see `dymap.kernels.Tracer`. gpu: default the machine's.

    Raises IndexError for a frame outside the segment, and InputError without a GPU or for what it cannot hold.
    """

    def __init__(self, model: FrameModel, step: float, gpu: Gpu | None = None):
        self.gpu = gpu or default_gpu()
        on = segment_on(self.gpu, model.segment)
        self._frame, self._box = on.frame(model.frame), model.segment.field.boxes[model.frame]
        config = on.config
        embedding = f"views_{config.directions}"
        unit = f"unit_{on.constants['UNIT']}"
        self._march = self.gpu.kernel("march", [unit, embedding], on.constants)
        self._step = step
        levels = levels_of(config)
        columns = np.array(levels.scales, np.float32).view(np.uint32), levels.resolutions, levels.plane_offsets[:-1]
        rows = np.stack([np.array(column, np.uint32) for column in (*columns, columns[0] * 0)], axis=1)
        self._view = self.gpu.uniform(np.zeros(28, np.uint32), rows)

    @property
    def nbytes(self) -> int:
        return self._frame.bytes

    def trace(
        self,
        ray: NDArray[np.float64],
        origin: NDArray[np.float64],
        offset: float,
        size: tuple[int, int],
        cancel: Cancel | None = None,
    ) -> Traced:
        """What a pinhole camera sees; the whole image or, if it was cancelled before, nothing."""
        width, height = size
        gpu = self.gpu
        if cancel is not None and cancel.cancelled:
            nothing = torch.zeros(height, width)
            return Traced(torch.zeros(height, width, 3), nothing, nothing, nothing, nothing > 0, 0.0, 0)
        ahead = ray[:, 2] + offset * (ray[:, 0] + ray[:, 1])
        low, high = self._box.cpu().numpy()
        rows = [(*ray[:, 0], 0), (*ray[:, 1], 0), (*ahead, 0), (*origin, self._step), (*low, 1), (*high, 0)]
        with gpu.lock:
            picture = gpu.buffer(width * height * 16, "the picture")
            depths = gpu.buffer(width * height * 8, "the picture")
            gpu.write(self._view, np.concatenate([np.array(rows, np.float32).reshape(-1).view(np.uint32),
                                                  np.array([width, height, 0, 0], np.uint32)]))  # fmt: skip
            frame = self._frame
            buffers = frame.planes, frame.grids, frame.networks, frame.occupied, picture, depths
            bindings = gpu.bind(self._march, self._view, *buffers)
            gpu.run((self._march, bindings, (-(-width // 8), -(-height // 8), 1)))
            colours = torch.from_numpy(gpu.read(picture, width * height * 4).reshape(height, width, 4).copy())
            lengths = torch.from_numpy(gpu.read(depths, width * height * 2).reshape(height, width, 2).copy())
        hit = lengths[..., 1] < AWAY
        depth, far = (_beyond(lengths[..., k], hit) for k in (0, 1))
        return Traced(colours[..., :3].contiguous(), colours[..., 3].contiguous(), depth, far, hit, 1.0, 0)


def _beyond(lengths: Tensor, hit: Tensor) -> Tensor:
    """Infinity where rays miss the box."""
    return torch.where(hit, lengths, torch.inf)
