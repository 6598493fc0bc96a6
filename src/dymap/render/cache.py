"""The Frames used last, kept while they fit."""

from __future__ import annotations

from collections import OrderedDict

import torch

from dymap.field.field import Field
from dymap.field.frame import Frame


class FrameCache:
    """Least recently used Frames of a field, so that a standing time never decodes twice."""

    def __init__(self, field: Field, capacity: int = 4):
        self.field = field
        self.capacity = capacity
        self._frames: OrderedDict[int, Frame] = OrderedDict()

    @torch.no_grad()
    def __getitem__(self, index: int) -> Frame:
        if index in self._frames:
            self._frames.move_to_end(index)
            return self._frames[index]
        frame = self.field.at(index)
        self._frames[index] = frame
        if len(self._frames) > self.capacity:
            self._frames.popitem(last=False)
        return frame
