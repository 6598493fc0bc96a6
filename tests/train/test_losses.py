"""Every loss against its formula, on steps made by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from dymap.config import Config, TrainConfig
from dymap.field.codes import CodeDistribution
from dymap.geometry.rays import Rays
from dymap.render.image import Rendered
from dymap.train import losses
from dymap.train.batches import Item
from dymap.train.forward import Lattice, Step
from dymap.train.losses import losses_of, psnr, published_losses
from tests.field.models import tiny_field
from tests.golden.sources import Golden


def made(**parts: Any) -> Step:
    """A step of 40 rays, of which some do not count; parts of item and seen may be given."""
    count = next((len(value) for value in parts.values()), 40)
    zeros = torch.zeros(count, 3)
    given = {
        "rgb": torch.rand(count, 3),
        "acc": torch.rand(count),
        "target": torch.rand(count, 3),
        "mask": (torch.rand(count) < 0.5).float(),
        "edge": torch.rand(count) < 0.3,
    } | parts
    rays = Rays(zeros, zeros, zeros[:, 0], zeros[:, 0])
    field = tiny_field()
    item = Item(0, rays, given["target"], given["mask"], given["edge"])
    return Step(field, field.at(0), item, Rendered(given["rgb"], given["acc"], torch.rand(count)))


def none(count: int) -> Tensor:
    return torch.zeros(count, dtype=torch.bool)


def value(function: Any, **parts: Any) -> Tensor:
    return function(made(**parts))


def test_perfect_images_lose_nothing() -> None:
    rgb, mask = torch.rand(9, 3), torch.ones(9)
    step = made(rgb=rgb, target=rgb, acc=mask, mask=mask)
    assert losses.colour(step) == losses.mask(step) == 0


def test_edge_pixels_count_in_no_loss() -> None:
    step = made()
    ours = (losses.colour, losses.mask, losses.entropy, losses.background)
    before = [float(loss(step)) for loss in ours]
    step.seen.rgb[step.item.edge] += 7
    step.seen.acc[step.item.edge] += 7
    assert [float(loss(step)) for loss in ours] == before


def test_formulas_of_colour_and_mask() -> None:
    step = made()
    counts = ~step.item.edge
    torch.testing.assert_close(losses.colour(step), (step.seen.rgb - step.item.rgb)[counts].square().mean())
    torch.testing.assert_close(losses.mask(step), (step.seen.acc - step.item.mask)[counts].square().mean())


def test_which_losses_a_configuration_asks_for() -> None:
    def asked(**train: Any) -> dict[str, tuple[float, str]]:
        config = Config(train=TrainConfig(**train))
        return {name: (loss.weight, loss.over) for name, loss in losses_of(config).items()}

    assert asked() == {"colour": (1.0, "rays"), "mask": (0.1, "rays")}
    assert asked(use_masks=False, any_background=True) == {"colour": (1.0, "rays"), "entropy": (0.1, "rays")}
    assert asked(any_background=True) == {"colour": (1.0, "rays"), "background": (1.0, "rays")}
    ours = asked(hull_samples=8, empty_weight=0.2, surface_weight=0.3)
    assert ours == asked() | {"empty": (0.2, "items"), "surface": (0.3, "items")}
    assert set(asked(hull_samples=8)) == {"colour", "mask", "empty"}
    encoder = replace(Config(), field=replace(Config().field, codes="encoder", encoder_views=(0,)))
    assert losses_of(encoder)["kl"] == (losses.kl, 1e-6, "items")
    assert set(published_losses(Config(train=TrainConfig(any_background=True)))) == {"colour", "mask"}


def test_entropy_is_largest_for_undecided_rays() -> None:
    p = torch.linspace(0, 1, 11)
    values = [float(value(losses.entropy, acc=one[None], edge=none(1))) for one in p]
    assert max(values) == pytest.approx(math.log(2))
    assert values.index(max(values)) == 5
    assert values == pytest.approx(values[::-1], abs=1e-5)
    assert values[0] == pytest.approx(0, abs=2e-5)


def test_entropy_has_finite_gradients_at_the_ends() -> None:
    acc = torch.tensor([0.0, 1.0, 1 + 1e-5], requires_grad=True)
    value(losses.entropy, acc=acc, edge=none(3)).backward()
    assert acc.grad is not None
    assert torch.isfinite(acc.grad).all()


def test_gradients() -> None:
    edge = torch.tensor([0, 0, 1, 0, 1, 0], dtype=torch.bool)
    rgb, target = torch.rand(2, 6, 3, dtype=torch.float64)
    acc, mask = torch.rand(6, dtype=torch.float64) * 0.8 + 0.1, torch.ones(6, dtype=torch.float64)
    given = {"edge": edge, "target": target, "mask": mask}
    rgb.requires_grad_(), acc.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: value(losses.colour, rgb=x, acc=acc.detach(), **given), rgb)
    assert torch.autograd.gradcheck(lambda x: value(losses.mask, rgb=rgb.detach(), acc=x, **given), acc)
    assert torch.autograd.gradcheck(lambda x: value(losses.entropy, rgb=rgb.detach(), acc=x, **given), acc)


def test_background_loss_is_the_mean_over_all_backgrounds() -> None:
    step = made()
    seen, item = step.seen, step.item

    def over(b: Tensor) -> Tensor:
        rgb, target = seen.rgb + (1 - seen.acc)[:, None] * b, item.rgb + (1 - item.mask)[:, None] * b
        return losses.colour(replace(step, seen=seen._replace(rgb=rgb), item=replace(item, rgb=target)))

    levels = (torch.arange(100) + 0.5) / 100  # grey is enough: channels are independent
    expected = torch.stack([over(b) for b in levels]).mean()
    torch.testing.assert_close(losses.colour(step) + losses.background(step), expected, rtol=1e-4, atol=1e-6)


def test_divergence_of_codes() -> None:
    code = CodeDistribution(torch.randn(1, 7), torch.randn(1, 7) * 0.1)
    step = replace(made(), code=code)
    normal, standard = torch.distributions.Normal(code.mu, code.logstd.exp()), torch.distributions.Normal(0, 1)
    torch.testing.assert_close(losses.kl(step), torch.distributions.kl_divergence(normal, standard).mean())


def test_what_is_outside_the_hull_shall_be_empty() -> None:
    sigma, hull = torch.randn(4, 5, 6) * 10, torch.rand(4, 5, 6) < 0.5
    step = replace(made(), lattice=Lattice(sigma, hull, 0.1))
    opacity = 1 - torch.exp(-sigma.clamp(min=0) * 0.1)
    torch.testing.assert_close(losses.empty(step), opacity[~hull].mean())
    nowhere = replace(made(), lattice=Lattice(sigma, torch.ones_like(hull), 0.1))
    assert losses.empty(nowhere) == 0


def test_surface_of_an_opaque_block() -> None:
    sigma = torch.zeros(8, 9, 10)
    sigma[2:5, 3:7, 4:6] = 1e6
    step = replace(made(), lattice=Lattice(sigma, sigma > 0, 0.01))
    assert losses.surface(step).item() == pytest.approx(2 * (3 * 4 + 3 * 2 + 4 * 2) / sigma.numel())


def test_psnr() -> None:
    assert float(psnr(torch.tensor(0.01))) == pytest.approx(20)


def test_golden_psnr(golden: Golden) -> None:
    """Over the rays of the box mask outside the edge band (method.md 12)."""
    arrays = golden.arrays("metrics")
    edge = arrays.tensor("edge")
    mse = value(losses.colour, rgb=arrays.tensor("pred").double(), target=arrays.tensor("gt").double(), edge=edge)
    arrays.check("mse", mse.detach().reshape(()), rtol=1e-6)
    arrays.check("psnr", psnr(mse).detach().reshape(()), rtol=1e-6)
    assert int(arrays["mask_at_box"].sum()) == len(arrays["pred"]) == len(arrays["edge"])
    assert arrays["mask_at_box"].size == int(arrays["HW"].prod())
