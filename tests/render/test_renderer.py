"""Renderers are made of fields that they can compute with."""

from __future__ import annotations

import pytest
import torch

from dymap.errors import InputError
from dymap.field.field import Field
from dymap.render.renderer import renderer_maker
from tests.field.models import TINY


@pytest.mark.parametrize("kind", [torch.float16, torch.float64])
def test_fields_of_other_numbers_are_refused(kind: torch.dtype) -> None:
    field = Field(TINY, torch.tensor([[[0.0, 0, 0], [1, 1, 1]]])).to(kind)
    with pytest.raises(InputError, match=r"holds torch\.float\d+, .* call field\.float\(\)"):
        renderer_maker(field, torch.ones(1, 2, 2, 2, dtype=torch.bool))
