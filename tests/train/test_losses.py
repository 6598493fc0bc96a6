"""Losses are means over the rays that count."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from dymap.config import TrainConfig
from dymap.geometry.rays import Rays
from dymap.render.volume import Rendered
from dymap.train.batches import Item
from dymap.train.losses import (
    background_loss,
    colour_loss,
    entropy_loss,
    mask_loss,
    psnr,
    published_losses,
    surface_loss,
)
from tests.golden.sources import Golden


def batch(count: int = 40) -> tuple[Rendered, Item]:
    seen = Rendered(torch.rand(count, 3), torch.rand(count), torch.rand(count))
    rays = Rays(torch.zeros(count, 3), torch.zeros(count, 3), torch.zeros(count), torch.zeros(count))
    item = Item(0, rays, torch.rand(count, 3), (torch.rand(count) < 0.5).float(), torch.rand(count) < 0.3)
    return seen, item


def everything(count: int) -> Tensor:
    return torch.ones(count, dtype=torch.bool)


def test_perfect_images_lose_nothing() -> None:
    rgb, mask = torch.rand(9, 3), torch.ones(9)
    assert colour_loss(rgb, rgb, everything(9)) == 0
    assert mask_loss(mask, mask, everything(9)) == 0


def test_edge_pixels_count_in_neither_loss() -> None:
    seen, item = batch()
    before = published_losses(seen, item, TrainConfig())
    seen.rgb[item.edge] += 7
    seen.acc[item.edge] += 7
    after = published_losses(seen, item, TrainConfig())
    assert {k: float(v) for k, v in before.items()} == {k: float(v) for k, v in after.items()}


def test_weights_of_the_terms() -> None:
    seen, item = batch()
    counts = ~item.edge
    losses = published_losses(seen, item, TrainConfig())
    assert set(losses) == {"colour", "mask"}
    torch.testing.assert_close(losses["colour"], (seen.rgb - item.rgb)[counts].square().mean())
    torch.testing.assert_close(losses["mask"], 0.1 * (seen.acc - item.mask)[counts].square().mean())
    bare = published_losses(seen, item, TrainConfig(use_masks=False))
    assert set(bare) == {"colour", "entropy"}
    torch.testing.assert_close(bare["entropy"], 0.1 * entropy_loss(seen.acc, counts))


def test_entropy_is_largest_for_undecided_rays() -> None:
    p = torch.linspace(0, 1, 11)
    values = [float(entropy_loss(value[None], everything(1))) for value in p]
    assert max(values) == pytest.approx(math.log(2))
    assert values.index(max(values)) == 5
    assert values == pytest.approx(values[::-1], abs=1e-5)
    assert values[0] == pytest.approx(0, abs=2e-5)


def test_entropy_has_finite_gradients_at_the_ends() -> None:
    acc = torch.tensor([0.0, 1.0, 1 + 1e-5], requires_grad=True)
    entropy_loss(acc, everything(3)).backward()
    assert acc.grad is not None
    assert torch.isfinite(acc.grad).all()


def test_gradients() -> None:
    rgb, acc = torch.rand(6, 3, dtype=torch.float64), torch.rand(6, dtype=torch.float64) * 0.8 + 0.1
    counts = torch.tensor([1, 1, 0, 1, 0, 1], dtype=torch.bool)
    target, mask = torch.rand(6, 3, dtype=torch.float64), torch.ones(6, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: colour_loss(x, target, counts), rgb.requires_grad_())
    assert torch.autograd.gradcheck(lambda x: mask_loss(x, mask, counts), acc.requires_grad_())
    assert torch.autograd.gradcheck(lambda x: entropy_loss(x, counts), acc)


def test_psnr() -> None:
    assert float(psnr(torch.tensor(0.01))) == pytest.approx(20)


def test_golden_psnr(golden: Golden) -> None:
    """Over the rays of the box mask outside the edge band (method.md 12)."""
    arrays = golden.arrays("metrics")
    mse = colour_loss(arrays.tensor("pred").double(), arrays.tensor("gt").double(), ~arrays.tensor("edge"))
    arrays.check("mse", np_scalar(mse), rtol=1e-6)
    arrays.check("psnr", np_scalar(psnr(mse)), rtol=1e-6)
    assert int(arrays["mask_at_box"].sum()) == len(arrays["pred"]) == len(arrays["edge"])
    assert arrays["mask_at_box"].size == int(arrays["HW"].prod())


def np_scalar(value: Tensor) -> Tensor:
    return value.detach().reshape(())


def test_background_term_is_the_mean_over_all_backgrounds() -> None:
    seen, item = batch()
    counts = ~item.edge
    levels = (torch.arange(100) + 0.5) / 100  # grey is enough: channels are independent
    errors = [
        colour_loss(seen.rgb + (1 - seen.acc)[:, None] * b, item.rgb + (1 - item.mask)[:, None] * b, counts)
        for b in levels
    ]
    found = colour_loss(seen.rgb, item.rgb, counts) + background_loss(seen, item, counts)
    torch.testing.assert_close(found, torch.stack(errors).mean(), rtol=1e-4, atol=1e-6)


def test_background_counts_only_where_it_is_asked_for() -> None:
    seen, item = batch()
    losses = published_losses(seen, item, TrainConfig(any_background=True))
    assert set(losses) == {"colour", "background"}
    torch.testing.assert_close(losses["background"], background_loss(seen, item, ~item.edge))
    assert "background" not in published_losses(seen, item, TrainConfig(any_background=True, use_masks=False))


def test_surface_of_an_opaque_block() -> None:
    sigma = torch.zeros(8, 9, 10)
    sigma[2:5, 3:7, 4:6] = 1e6
    assert surface_loss(sigma, 0.01).item() == pytest.approx(2 * (3 * 4 + 3 * 2 + 4 * 2) / sigma.numel())
