"""Tensors of a comparison are made on the device of the back end that is compared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from dymap.kernels import device_of


@pytest.fixture(autouse=True)
def on_its_device(request: pytest.FixtureRequest) -> Iterator[None]:
    variant = getattr(request.node, "callspec", None) and request.node.callspec.params.get("variant")
    with torch.device(device_of(variant) if variant else "cpu"):
        yield
