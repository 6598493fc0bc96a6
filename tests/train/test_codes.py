"""The code of a frame: kept by the field, or computed from the capture's images without noise."""

from __future__ import annotations

from dataclasses import replace

import torch

from dymap.capture import Capture
from dymap.field.codes import ImageEncoder
from dymap.train.codes import mean_code
from tests.train.runs import fresh_field, short


def test_an_image_encoder_gives_its_mean(tiny: Capture) -> None:
    config = short()
    config = replace(config, field=replace(config.field, codes="encoder", encoder_views=(2, 0)))
    field = fresh_field(tiny, config)
    assert isinstance(field.codes, ImageEncoder)
    code = mean_code(field, tiny, 1)
    assert code is not None
    assert code.shape == (config.field.code_dim,)
    assert not code.requires_grad
    images = torch.from_numpy(tiny.encoder_images(1, (2, 0)))
    assert torch.equal(code, field.codes(images[None]).mu[0])


def test_a_field_that_keeps_its_codes_needs_no_images(tiny: Capture) -> None:
    assert mean_code(fresh_field(tiny, short()), tiny, 1) is None
