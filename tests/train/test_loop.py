"""The training loop: what it minimises, that it repeats itself, when it stops."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dymap.capture import Capture, open_capture
from dymap.config import Config
from dymap.errors import InputError
from dymap.train.checkpoint import checkpoints
from dymap.train.forward import Step
from dymap.train.loop import train
from dymap.train.losses import Loss, published_losses
from dymap.train.optimiser import make_optimiser
from dymap.train.schedule import lr_factor
from dymap.train.step import NotFiniteError, StepReport
from tests.captures import TINY, write_capture
from tests.field.models import tiny_field
from tests.golden.sources import Golden
from tests.train.runs import assert_same, fresh_field, measured, run, short, state

RECIPES = {
    "items": {},
    "frames": {"batches": "frames", "items": 1, "rays": 128},
    "frames in the hull": {
        "batches": "frames",
        "items": 1,
        "hull_samples": 8,
        "hull_grid": 16,
        "colour_threshold": 1e-3,
    },
    "as our presets": {
        "batches": "frames",
        "items": 1,
        "hull_samples": 8,
        "hull_grid": 16,
        "view_noise": 0.5,
        "lazy_adam": True,
        "any_background": True,
        "surface_weight": 0.01,
    },
    "for a small file": {
        "batches": "frames",
        "items": 1,
        "hull_samples": 8,
        "hull_grid": 16,
        "lazy_adam": True,
        "quick_start": True,
        "rate": 1e-3,
    },
    "frames, two cameras": {"batches": "frames", "views_per_item": 2, "schedule": "cosine"},
}
each_recipe = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())


@pytest.fixture(scope="session")
def without_masks(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Capture:
    root = write_capture(tmp_path_factory.mktemp("captures") / "bare", trimmed.arrays("dataset"), masks=False)
    return open_capture(root, TINY)


@each_recipe
def test_same_seed_same_numbers(tiny: Capture, recipe: dict[str, object]) -> None:
    first, reports = run(tiny, short(**recipe))
    again, repeated = run(tiny, short(**recipe))
    _, different = run(tiny, short(**recipe, seed=1))
    assert measured(reports) == measured(repeated)
    assert_same(first, again)
    assert measured(reports) != measured(different)


@each_recipe
def test_loss_goes_down(tiny: Capture, recipe: dict[str, object]) -> None:
    rates = {"lr_codes": 5e-3, "lr_decoder": 5e-3, "lr_hash": 2e-2, "warmup_epochs": 1.0}
    _, reports = run(tiny, short(**recipe, **rates, steps=40))
    colour = np.array([report.losses["colour"] for report in reports])
    assert colour[-8:].mean() < 0.8 * colour[:8].mean()
    expected = {"colour", "background" if "any_background" in recipe else "mask"}
    for option, loss in (("hull_samples", "empty"), ("surface_weight", "surface")):
        expected |= {loss} if option in recipe else set()
    assert all(set(report.losses) - {"rate"} == expected for report in reports)
    from_a_quarter_on = range(10, 40) if "rate" in recipe else range(0)
    assert [report.step for report in reports if "rate" in report.losses] == list(from_a_quarter_on)


def test_entropy_stands_in_for_missing_masks(without_masks: Capture) -> None:
    _, reports = run(without_masks, short(use_masks=False))
    assert all(set(report.losses) == {"colour", "entropy"} for report in reports)
    assert all(0 < report.losses["entropy"] <= 0.1 * np.log(2) + 1e-6 for report in reports)


def test_report_says_what_the_step_did(tiny: Capture) -> None:
    config = short()
    _, reports = run(tiny, config)
    assert [report.step for report in reports] == list(range(6))
    for report in reports:
        assert report.rays == 2 * 64
        assert report.seconds > 0
        assert report.lr == pytest.approx(config.train.lr_hash * lr_factor(report.step, config.train))
        assert report.psnr == pytest.approx(-10 * np.log10(report.losses["colour"]), abs=1e-4)
    assert reports[0].lr < reports[2].lr < reports[4].lr, "the warm-up rises from epoch to epoch"


def test_a_loss_of_ones_own_is_what_is_minimised(tiny: Capture) -> None:
    """A loss on opacity drives opacity to zero if it is the only one, and the report carries its name."""
    seen: list[int] = []

    def opacity(step: Step) -> Tensor:
        assert step.seen.rgb.shape == step.item.rgb.shape == (64, 3)
        seen.append(step.item.frame)
        return step.seen.acc.mean()

    _, reports = run(tiny, short(steps=20, lr_decoder=1e-2), losses={"opacity": Loss(opacity)})
    assert len(seen) == 20 * 2
    assert all(set(report.losses) == {"opacity"} for report in reports)
    assert reports[-1].losses["opacity"] < 0.5 * reports[0].losses["opacity"]


LOSSES = {
    "planes": lambda step: step.frame.planes.square().mean(),
    "codes": lambda step: step.field.code(step.item.frame).square().mean(),
    "lattice": lambda step: step.lattice.sigma.relu().mean(),
    "two frames": lambda step: (step.frame.planes - step.field.at((step.item.frame + 1) % 4).planes).square().mean(),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_on_anything_are_one_function_of_a_step(tiny: Capture, name: str) -> None:
    config = short(**RECIPES["frames in the hull"], steps=24, lr_codes=0.1, lr_decoder=1e-2)
    _, reports = run(tiny, config, losses={name: Loss(LOSSES[name], 0.5)})
    first, last = (np.mean([report.losses[name] for report in part]) for part in (reports[:4], reports[-4:]))
    assert last < 0.9 * first


def test_losses_of_rays_and_of_items_are_weighed_by_their_number(tiny: Capture) -> None:
    """With an edge band, items have unequal numbers of rays that count."""
    counted: list[int] = []

    def count(step: Step) -> Tensor:
        counted.append(int(step.item.counts.sum()))
        return step.seen.acc.sum() * 0 + counted[-1]

    _, (report,) = run(tiny, short(steps=1), losses={"rays": Loss(count, 3.0, "rays"), "items": Loss(count, 3.0)})
    (a, _, b, _) = counted
    assert report.losses["rays"] == pytest.approx(3 * (a * a + b * b) / (a + b), rel=1e-6)
    assert report.losses["items"] == pytest.approx(3 * (a + b) / 2, rel=1e-6)


def test_a_step_is_adam_on_the_mean_over_items(tiny: Capture) -> None:
    """First step of Adam: every value moves by its group's rate against the sign of its gradient, or not at all."""
    config = short(steps=1, clip_value=1e-3)
    before = state(fresh_field(tiny, config))
    field, (report,) = run(tiny, config)
    factor = lr_factor(0, config.train)
    rates = {"codes": config.train.lr_codes, "decoder": config.train.lr_decoder, "hash": config.train.lr_hash}
    for name, parameter in field.named_parameters():
        moved = (parameter.detach() - before[name]).abs()
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() <= config.train.clip_value
        clear = parameter.grad.abs() > 1e-5
        expected = rates[name.partition(".")[0]] * factor
        torch.testing.assert_close(moved[clear], torch.full_like(moved[clear], expected), rtol=5e-3, atol=1e-6)
        assert not moved[parameter.grad == 0].any()
    assert report.step == 0


def test_optimiser_has_a_group_a_tensor_in_the_published_order(tiny: Capture) -> None:
    config = short()
    field = fresh_field(tiny, config)
    groups = make_optimiser(field, config).param_groups
    names = {id(p): name for name, p in field.named_parameters()}
    parts = [names[id(group["params"][0])].partition(".")[0] for group in groups]
    assert all(len(group["params"]) == 1 for group in groups)
    assert len(parts) == len(names)
    assert [p for i, p in enumerate(parts) if i == 0 or parts[i - 1] != p] == ["codes", "decoder", "hash"]


def test_should_stop_ends_after_a_whole_step_and_saves_it(tiny: Capture, tmp_path: Path) -> None:
    config = short(checkpoint_every=100)
    reports: list[StepReport] = []
    done = train(
        fresh_field(tiny, config), tiny, config, tmp_path,
        listeners=(reports.append,), should_stop=lambda: len(reports) == 2,
    )  # fmt: skip
    assert done == 2
    assert [step for step, _ in checkpoints(tmp_path)] == [2]
    assert train(fresh_field(tiny, config), tiny, config, tmp_path, should_stop=lambda: True) == 2, "nothing to add"


def poisoned(when: int) -> dict[str, Loss]:
    """The published losses until item `when`; then the mask's is NaN."""
    losses = published_losses(short())
    left = [when]

    def mask(step: Step) -> Tensor:
        left[0] -= 1
        return losses["mask"].function(step) * (1.0 if left[0] >= 0 else float("nan"))

    return losses | {"mask": losses["mask"]._replace(function=mask)}


def test_loss_that_is_not_finite_stops_with_step_and_name(tiny: Capture, tmp_path: Path) -> None:
    config = short(checkpoint_every=2)
    with pytest.raises(NotFiniteError, match=r"step 4: loss mask is not finite"):
        run(tiny, config, tmp_path, losses=poisoned(4 * 2 + 1))
    assert [step for step, _ in checkpoints(tmp_path)] == [2, 4]
    assert_finite_after_resuming(tiny, tmp_path)


def test_gradient_that_is_not_finite_stops_before_anything_changes(tiny: Capture, tmp_path: Path) -> None:
    config = short(checkpoint_every=1)
    field = fresh_field(tiny, config)
    good: list[dict[str, Tensor]] = []

    def poison(report: StepReport) -> None:
        good.append(state(field))
        if report.step == 1:
            field.decoder.density.weight.register_hook(lambda gradient: gradient * float("inf"))

    with pytest.raises(NotFiniteError, match=r"step 2: gradient of decoder\.density\.weight is not finite"):
        train(field, tiny, config, tmp_path, listeners=(poison,))
    for name, value in state(field).items():
        assert torch.equal(value, good[-1][name]), name
    assert [step for step, _ in checkpoints(tmp_path)] == [1, 2]
    assert_finite_after_resuming(tiny, tmp_path)


def test_parameter_that_is_not_finite_is_never_saved(tiny: Capture, tmp_path: Path) -> None:
    """A value that no ray of the step has met harms no loss, and must not reach the disk."""
    config = short(checkpoint_every=1)
    field = fresh_field(tiny, config)

    def poison(report: StepReport) -> None:
        if report.step == 1:
            field.hash.tables[1].data[0, 0] = float("nan")

    with pytest.raises(NotFiniteError, match=r"step 2: hash\S* is not finite"):
        train(field, tiny, config, tmp_path, listeners=(poison,))
    assert [step for step, _ in checkpoints(tmp_path)] == [1]
    assert_finite_after_resuming(tiny, tmp_path)


def assert_finite_after_resuming(tiny: Capture, folder: Path) -> None:
    config = short(steps=checkpoints(folder)[-1][0])
    field, reports = run(tiny, config, folder, field_seed=9)
    assert reports == []
    assert all(torch.isfinite(value).all() for value in field.state_dict().values())


def test_field_must_fit_the_capture(tiny: Capture) -> None:
    with pytest.raises(InputError, match="the field has 2 frames, the capture 4"):
        train(tiny_field(), tiny, short())


def encoder(**options: object) -> Config:
    config = short(items=1, rays=16, **options)
    return replace(config, field=replace(config.field, codes="encoder", encoder_views=(2, 0)))


def test_image_encoder_trains_too(tiny: Capture, tmp_path: Path) -> None:
    """Its noise is drawn like everything else, so that a resumed run repeats it; its divergence is a loss."""
    config = encoder(steps=3, checkpoint_every=2)
    undisturbed, reports = run(tiny, config)
    before = state(fresh_field(tiny, config))
    assert all(set(report.losses) == {"colour", "mask", "kl"} for report in reports)
    for name, value in state(undisturbed).items():
        assert torch.equal(value, before[name]) == (name == "boxes"), name
    run(tiny, encoder(steps=2, checkpoint_every=2), tmp_path)
    resumed, rest = run(tiny, config, tmp_path, field_seed=3)
    assert measured(rest) == measured(reports)[2:]
    assert_same(resumed, undisturbed)


def test_image_encoder_needs_its_cameras(tiny: Capture) -> None:
    config = encoder()
    config = replace(config, field=replace(config.field, encoder_views=(0, 3)))
    with pytest.raises(InputError, match="training view 3; there are 3"):
        run(tiny, config)
