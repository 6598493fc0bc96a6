"""What a segment starts from: values of a short training of the whole clip (method.md 6)."""

from __future__ import annotations

import torch

from dymap.errors import InputError
from dymap.field.field import Field
from dymap.train.checkpoint import Checkpoint


@torch.no_grad()
def start_from(field: Field, common: Checkpoint, first: int) -> None:
    """Give a field of the frames from position `first` on the values of a field of the whole clip.

    Codes are those of its frames. Raises InputError if the checkpoint is of another field.
    """
    for name, own in field.state_dict().items():
        if name == "boxes":
            continue
        given = common.tensors.get(f"field.{name}")
        if given is not None and name == "codes.weight":
            given = given[first : first + len(own)]
        if given is None or given.shape != own.shape:
            raise InputError(f"{common.path}: does not fit the segments (field.{name}); was it trained for them?")
        own.copy_(given)
