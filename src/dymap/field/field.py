"""Field: all parameters of a clip, and `at(t)`, which makes the Frame of one time (method.md 1-4)."""

from __future__ import annotations

import copy
import dataclasses

from torch import Tensor, nn

from dymap.config import FieldConfig
from dymap.field.codes import CodeDistribution, CodeTable, ImageEncoder
from dymap.field.decoder import PlaneDecoder
from dymap.field.frame import GridFrame
from dymap.field.hashgrid import HashGrids


class Field(nn.Module):
    """The trained model of a clip.

    boxes: [frames, 2, 3] world, metres: the box of every frame. With an image encoder, `codes` maps images to codes
    and `at` must be given one; a baked field has a CodeTable whatever it was trained with.
    """

    boxes: Tensor

    def __init__(self, config: FieldConfig, boxes: Tensor):
        super().__init__()
        if boxes.ndim != 3 or boxes.shape[1:] != (2, 3):
            raise ValueError(f"boxes have shape {tuple(boxes.shape)}, expected [frames, 2, 3]")
        self.config = config
        self.register_buffer("boxes", boxes.float())
        self.hash = HashGrids(config.hash)
        self.codes: CodeTable | ImageEncoder
        if config.codes == "encoder":
            self.codes = ImageEncoder(len(config.encoder_views), config.code_dim)
        else:
            self.codes = CodeTable(len(boxes), config.code_dim)
        self.decoder = PlaneDecoder(config)

    @property
    def num_frames(self) -> int:
        return len(self.boxes)

    def code(self, frame: int) -> Tensor:
        """[code_dim] learned code of a frame. Raises ValueError if codes come from images."""
        if not isinstance(self.codes, CodeTable):
            raise ValueError("this field computes its codes from images: pass code=... or bake it first")
        return self.codes(frame)

    def encode(self, images: Tensor) -> CodeDistribution:
        """The codes [1, code_dim] that the image encoder makes of one frame's images [3 K, 512, 512].

        Raises ValueError if the codes are learned.
        """
        if not isinstance(self.codes, ImageEncoder):
            raise ValueError("this field has learned its codes: it needs no images")
        return self.codes(images[None])

    def at(self, frame: int, code: Tensor | None = None) -> GridFrame:
        """The Frame at position `frame` (0-based) of the trained range, differentiable.

        code: [code_dim], default the learned one. Raises IndexError outside the clip.
        """
        t = self.time(frame)
        decoded = self.decoder(self.code(frame) if code is None else code)
        return GridFrame.from_decoded(self.config, self.boxes[frame], decoded, self.hash.at(t))

    def time(self, frame: int) -> float:
        """Where a frame lies on the time axis of the hash grids. Raises IndexError outside the clip."""
        if not 0 <= frame < self.num_frames:
            raise IndexError(f"frame {frame} is outside the clip of {self.num_frames} frames")
        return frame / self.num_frames * self.config.hash.time_share

    def with_codes(self, codes: Tensor) -> Field:
        """The same field with fixed codes [frames, code], whatever made them; shares all other parameters."""
        other = copy.copy(self)
        other._modules = dict(self._modules)
        other.config = dataclasses.replace(self.config, codes="embedding", encoder_views=())
        table = CodeTable(len(codes), codes.shape[1])
        table.weight = nn.Parameter(codes.detach().clone())
        other.codes = table
        return other

    def parameter_groups(self) -> list[tuple[str, list[nn.Parameter]]]:
        """Parameters in the optimiser's order: codes or encoder, decoder, hash tables (method.md 6)."""
        return [(part, list(getattr(self, part).parameters())) for part in ("codes", "decoder", "hash")]


def count_parameters(field: Field) -> int:
    """Number of trained values."""
    return sum(p.numel() for p in field.parameters())
