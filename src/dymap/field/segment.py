"""A segment: a field over consecutive frames of a clip, with what is occupied in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from torch import Tensor

from dymap.field.field import Field
from dymap.field.sparse import SparseField


@dataclass(frozen=True, eq=False, repr=False)
class Segment:
    """A field that is not trained any more, and its occupancy grids [frames, gx, gy, gz] bool."""

    field: Field
    occupancy: Tensor

    @cached_property
    def sparse(self) -> SparseField:
        """The field as it plays: packed once for all its frames."""
        return SparseField(self.field)

    def __getstate__(self) -> dict[str, Any]:
        """Copies pack their fields themselves."""
        return {name: value for name, value in vars(self).items() if name != "sparse"}

    @property
    def nbytes(self) -> int:
        """Memory that its tensors take."""
        return self.occupancy.nbytes + sum(value.nbytes for value in self.field.state_dict().values())


class FrameModel(NamedTuple):
    """A segment that shows a frame of the clip. frame: its position in the segment. weight: its share of the picture;
    those of all segments that show the frame sum to 1."""

    segment: Segment
    frame: int
    weight: float
