"""One batch of the published training: images, losses, gradients and three steps of Adam."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import Tensor

from dymap.config import Config
from dymap.field.field import Field
from dymap.geometry.rays import Rays, slab_test
from dymap.render.image import Rendered
from dymap.render.sampling import intervals, ray_depths
from dymap.render.volume import integrate
from dymap.train.batches import Item
from dymap.train.forward import Step
from dymap.train.losses import psnr, published_losses
from dymap.train.optimiser import make_optimiser
from dymap.train.schedule import published_factor
from dymap.video.released import our_key
from tests.golden.sources import Arrays, Golden
from tests.variants import cached_for_each, with_all_kernels

SAMPLES = 32
CONFIG = Config()


def golden_items(arrays: Arrays) -> list[Item]:
    items = []
    for k, frame in enumerate(arrays["batch_latent_index"]):
        rays = Rays(*(arrays.tensor(f"batch_{key}")[k] for key in ("ray_o", "ray_d", "near", "far")))
        mask, edge = arrays.tensor("batch_occ")[k].float(), arrays.tensor("batch_edge")[k] != 0
        items.append(Item(int(frame), rays, arrays.tensor("batch_rgb")[k], mask, edge))
    return items


def new_field(golden: Golden) -> Field:
    arrays = golden.arrays("small_train")
    return golden.field("small", dict(zip(arrays["batch_latent_index"].tolist(), arrays["batch_wbounds"], strict=True)))


def render(field: Field, item: Item, collapse: bool) -> Rendered:
    z, frame = ray_depths(item.rays.near, item.rays.far, SAMPLES), field.at(item.frame)
    if collapse:
        frame.hash.collapse()
    else:
        frame.hash.collapse_for = lambda _points: None  # type: ignore[method-assign]
    return integrate(frame, item.rays, z, intervals(z))


def batch_losses(field: Field, items: list[Item], collapse: bool) -> dict[str, Tensor]:
    """The published losses: means over the rays of both items together."""
    seen = Rendered.cat([render(field, item, collapse) for item in items])
    whole = Item(
        -1,
        Rays.cat([item.rays for item in items]),
        *(torch.cat([getattr(item, key) for item in items]) for key in ("rgb", "mask", "edge")),
    )
    step = Step(field, field.at(0), whole, seen)
    return {name: loss.weight * loss.function(step) for name, loss in published_losses(CONFIG).items()}


def report(losses: dict[str, Tensor]) -> dict[str, float]:
    """Under the published names; the mask loss there is without its weight."""
    return {
        "img_loss": losses["colour"].item(),
        "mask_loss": losses["mask"].item() / CONFIG.train.mask_weight,
        "loss": (losses["colour"] + losses["mask"]).item(),
        "psnr": psnr(losses["colour"]).item(),
    }


def golden_rates(arrays: Arrays) -> dict[str | None, float]:
    """Learning rate of every parameter in the first epoch, under our names; `lr_used` follows the groups."""
    return dict(zip(map(our_key, arrays["opt_group_order"].tolist()), arrays["lr_used"].tolist(), strict=True))


@cached_for_each
def trained(golden: Golden, collapse: bool) -> tuple[Field, list[dict[str, float]], dict[str, Tensor], list[float]]:
    """The field after three steps, the losses before each, the first gradients, and how far the first step went."""
    arrays = golden.arrays("small_train")
    field, items = new_field(golden), golden_items(arrays)
    optimiser = make_optimiser(field, Config())
    rates = golden_rates(arrays)
    name_of = {id(p): name for name, p in field.named_parameters()}
    reports, gradients, moved = [], {}, []
    for step in range(3):
        for group in optimiser.param_groups:
            group["lr"] = group["base_lr"] * published_factor(0)
            assert group["lr"] == pytest.approx(rates[name_of[id(group["params"][0])]])
        optimiser.zero_grad()
        losses = batch_losses(field, items, collapse)
        torch.stack(list(losses.values())).sum().backward()
        reports.append(report(losses))
        before = {name: p.detach().clone() for name, p in field.named_parameters()}
        if step == 0:
            gradients = {name: p.grad.clone() for name, p in field.named_parameters() if p.grad is not None}
        optimiser.step()
        if step == 0:
            after = dict(field.named_parameters())
            names = [our_key(key) for key in arrays["param_names"].tolist()]
            moved = [(after[name] - before[name]).norm().item() for name in names if name]
    return field, reports, gradients, moved


each_collapse = pytest.mark.parametrize("collapse", [False, True], ids=["pointwise", "collapsed"])


@with_all_kernels
@each_collapse
def test_golden_images(golden: Golden, collapse: bool) -> None:
    arrays, field = golden.arrays("small_train"), new_field(golden)
    with torch.no_grad():
        seen = [render(field, item, collapse) for item in golden_items(arrays)]
    arrays.check("train_rgb_map", torch.stack([s.rgb for s in seen]), atol=1e-4)
    arrays.check("train_acc_map", torch.stack([s.acc for s in seen]), atol=1e-4)
    arrays.check("train_depth_map", torch.stack([s.depth for s in seen]), atol=1e-3)


def test_golden_ranges(golden: Golden) -> None:
    arrays = golden.arrays("small_train")
    for k, item in enumerate(golden_items(arrays)):
        near, far, hit = slab_test(item.rays.origins, item.rays.directions, arrays.tensor("batch_wbounds")[k])
        np.testing.assert_array_equal(hit.numpy(), arrays["batch_mask_at_box"][k])
        torch.testing.assert_close(near, item.rays.near, atol=2e-6, rtol=0)
        torch.testing.assert_close(far, item.rays.far, atol=2e-6, rtol=0)


@with_all_kernels
@each_collapse
def test_golden_losses_of_three_steps(golden: Golden, collapse: bool) -> None:
    arrays = golden.arrays("small_train")
    _, reports, _, _ = trained(golden, collapse)
    names = arrays["loss_names"].tolist()
    ours = np.array([[step[name] for name in names] for step in reports])
    psnr_column = names.index("psnr")
    others = [i for i in range(4) if i != psnr_column]
    np.testing.assert_allclose(ours[:, others], arrays["losses"][:, others], atol=1e-5)
    np.testing.assert_allclose(ours[:, psnr_column], arrays["losses"][:, psnr_column], atol=2e-4)


@with_all_kernels
@each_collapse
def test_golden_gradients(golden: Golden, collapse: bool) -> None:
    arrays = golden.arrays("small_train")
    _, _, gradients, _ = trained(golden, collapse)
    checked = 0
    for k, released in enumerate(arrays["param_names"].tolist()):
        gradient = gradients[our_key(released) or ""]
        norm, largest = float(arrays["grad_norm"][k]), float(arrays["grad_absmax"][k])
        assert float(gradient.norm()) == pytest.approx(norm, rel=1e-3), released
        assert float(gradient.abs().max()) == pytest.approx(largest, rel=2e-3), released
        nonzero = int(arrays["grad_nonzero"][k])
        assert int((gradient != 0).sum()) == pytest.approx(nonzero, rel=0.01, abs=4), released
        tolerance = 2e-3 * largest
        if f"grad/{released}" in arrays:
            arrays.check(f"grad/{released}", gradient, atol=tolerance)
            checked += 1
        if f"gradsample/{released}" in arrays:
            step = int(arrays[f"gradsample_step/{released}"])
            arrays.check(f"gradsample/{released}", gradient.reshape(-1)[::step], atol=tolerance)
            checked += 1
    assert checked == len(arrays["param_names"]) == 28


@with_all_kernels
@each_collapse
def test_golden_first_step(golden: Golden, collapse: bool) -> None:
    """How far every tensor moved; Adam's first step is the learning rate times the gradient's sign."""
    arrays = golden.arrays("small_train")
    _, _, _, moved = trained(golden, collapse)
    arrays.check("param_delta_norm_after_1", np.array(moved), rtol=5e-3)


@with_all_kernels
@each_collapse
def test_golden_parameters_after_three_steps(golden: Golden, collapse: bool) -> None:
    """To a fraction of the distance moved; where a gradient is nearly zero Adam's direction is rounding noise."""
    arrays = golden.arrays("small_train")
    field, _, _, _ = trained(golden, collapse)
    ours = dict(field.named_parameters())
    rates = golden_rates(arrays)
    for released in arrays["param_names"].tolist():
        key = f"after3sample/{released}"
        step = int(arrays[f"after3sample_step/{released}"])
        values = arrays.thin(key, ours[our_key(released) or ""].reshape(-1)[::step])
        error = np.abs(values - arrays[key])
        reach = 3 * rates[our_key(released)]
        assert error.max() <= 2 * reach, released
        assert (error > 0.05 * reach).mean() <= 0.02, released


def test_golden_group_order(golden: Golden) -> None:
    """One group a tensor: codes, decoder, hash tables. Ours lists the three map heads z y x, the published one x y z;
    Adam treats every tensor on its own, so their order means nothing."""
    arrays, field = golden.arrays("small_train"), new_field(golden)
    name_of = {id(p): name for name, p in field.named_parameters()}
    groups = make_optimiser(field, Config()).param_groups
    assert all(len(group["params"]) == 1 for group in groups)
    ours = [name_of[id(group["params"][0])] for group in groups]
    published = [our_key(key) or "" for key in arrays["opt_group_order"].tolist()]

    def heads_alike(names: list[str]) -> list[str]:
        return [re.sub(r"map_[xyz]", "map", name) for name in names]

    assert sorted(ours) == sorted(published)
    assert heads_alike(ours) == heads_alike(published)
    np.testing.assert_allclose([group["lr"] for group in groups], arrays["opt_group_initial_lr"])


def test_the_mean_over_rays_is_not_the_mean_over_items(golden: Golden) -> None:
    """With an edge band, items have unequal numbers of rays that count; the published loss weighs rays equally."""
    arrays = golden.arrays("small_train")
    field, items = new_field(golden), golden_items(arrays)
    with torch.no_grad():
        whole = batch_losses(field, items, True)["colour"].item()
        apart = [batch_losses(field, [item], True)["colour"].item() for item in items]
    counts = [int((~item.edge).sum()) for item in items]
    assert counts[0] != counts[1]
    assert whole == pytest.approx(np.average(apart, weights=counts), abs=1e-6)
    assert whole != pytest.approx(np.mean(apart), abs=2e-6)
