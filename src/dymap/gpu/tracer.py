"""Whole images of a frame on the GPU (march.wgsl)."""

from __future__ import annotations

from functools import partial
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from dymap.field.segment import FrameModel
from dymap.gpu.device import Gpu, default_gpu
from dymap.gpu.kept import Kept
from dymap.gpu.segment import GpuFrame, bits_of, segment_on
from dymap.gpu.sizes import levels_of
from dymap.kernels import Cancel, Rows, Traced

AWAY = 1e38
"""Depths beyond this are of rays that miss the box."""
BAND_PIXELS = 2**18
"""Pixels that are drawn at once: systems end what keeps a GPU for seconds."""
CANCEL_PIXELS = 2**16
"""Pixels between two looks at whether the image was cancelled."""


class GpuTracer:
    """A frame of a segment, ready for whole images: see `dymap.kernels.Tracer`.

    step: metres between samples; gpu: default the machine's; merged: consecutive samples that may get one colour.
    nbytes: of the GPU's memory, the frame's and its share of the segment's.

    Raises IndexError for a frame outside the segment, and InputError without a GPU or for what it cannot hold.
    """

    def __init__(self, model: FrameModel, step: float, gpu: Gpu | None = None, merged: int = 1):
        self.gpu = gpu or default_gpu()
        segment, index, _ = model
        time = segment.field.time(index)  # raises outside the segment
        on = segment_on(self.gpu, segment)
        self._make = partial(on.frame, index, time, bits_of(segment.occupancy[index]))
        self._box = segment.field.boxes[index]
        self.nbytes = sum(on.sizes.values()) + on.nbytes // segment.field.num_frames
        config = on.config
        embedding = f"views_{config.directions}"
        unit = f"unit_{on.constants['UNIT']}"
        self._march = self.gpu.kernel("march", [unit, embedding], on.constants)
        self._step, self._merged = step, merged
        levels = levels_of(config)
        columns = np.array(levels.scales, np.float32).view(np.uint32), levels.resolutions, levels.plane_offsets[:-1]
        rows = np.stack([np.array(column, np.uint32) for column in (*columns, columns[0] * 0)], axis=1)
        self._view = self.gpu.uniform(np.zeros(28, np.uint32), rows)
        self.frame()

    def frame(self) -> GpuFrame:
        """The frame, decoded if it is not on the GPU any more."""
        with self.gpu.lock:
            return kept_on(self.gpu).take(self, self._make)

    def trace(
        self,
        ray: NDArray[np.float64],
        origin: NDArray[np.float64],
        offset: float,
        size: tuple[int, int],
        cancel: Cancel | None = None,
        rows: Rows | None = None,
    ) -> Traced:
        """What a pinhole camera sees; see `Tracer`. It is looked at `cancel` between bands of rows."""
        width, height = size[0], size[1] if rows is None else rows[1] - rows[0]
        begin = 0 if rows is None else rows[0]
        band = max(8, (BAND_PIXELS if cancel is None else CANCEL_PIXELS) // width)
        gpu, done, frame = self.gpu, 0, self.frame()
        with gpu.lock:
            picture = gpu.buffer(width * height * 16, "the picture")
            depths = gpu.buffer(width * height * 8, "the picture")
        while done < height and not (cancel is not None and cancel.cancelled):
            with gpu.lock:
                gpu.write(self._view, self._uniform(ray, origin, offset, (width, begin + height), begin, begin + done))
                count = min(band, height - done)
                buffers = frame.planes, frame.grids, frame.networks, frame.occupied, picture, depths
                bindings = gpu.bind(self._march, self._view, *buffers)
                gpu.run((self._march, bindings, (-(-width // 8), -(-count // 8), 1)))
                if cancel is not None:
                    gpu.read(picture, 1)  # when it is there
                done += count
        with gpu.lock:
            colours = torch.from_numpy(gpu.read(picture, width * height * 4).reshape(height, width, 4).copy())
            lengths = torch.from_numpy(gpu.read(depths, width * height * 2).reshape(height, width, 2).copy())
        hit = lengths[..., 1] < AWAY
        depth, far = (torch.where(hit, lengths[..., k], torch.inf) for k in (0, 1))
        rgb, acc = colours[..., :3].contiguous(), colours[..., 3].contiguous()
        return Traced(rgb, acc, depth, far, hit, done / height, 0)

    def _uniform(
        self,
        ray: NDArray[np.float64],
        origin: NDArray[np.float64],
        offset: float,
        size: tuple[int, int],
        first: int,
        row: int,
    ) -> NDArray[np.uint32]:
        """The head of View in march.wgsl, where `size` and `down` say what size, first and row are."""
        ahead = ray[:, 2] + offset * (ray[:, 0] + ray[:, 1])
        low, high = self._box.cpu().numpy()
        lens = [(*ray[:, 0], self._merged), (*ray[:, 1], first), (*ahead, 0)]
        place = [(*origin, self._step), (*low, 1), (*high, 0)]
        floats = np.array(lens + place, np.float32).reshape(-1).view(np.uint32)
        return np.concatenate([floats, np.array([*size, 0, row], np.uint32)])


_kept: WeakKeyDictionary[Gpu, Kept] = WeakKeyDictionary()


def kept_on(gpu: Gpu) -> Kept:
    """What stays on a GPU."""
    return _kept.setdefault(gpu, Kept())
