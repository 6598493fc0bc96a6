"""Training for a small file: bits, their slopes, which entries feel them, and what comes of it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor

from dymap.capture import Capture
from dymap.config import Config, TrainConfig
from dymap.errors import InputError
from dymap.field.start import begin
from dymap.runs.coarseness import coarseness_of
from dymap.train.checkpoint import read_newest
from dymap.train.loop import train
from dymap.train.optimiser import make_optimiser
from dymap.train.rate import (
    BEGIN,
    EVERY,
    LEAST,
    MOST,
    SLOW,
    Rate,
    add_to_touched,
    apart,
    bits,
    slope,
    together,
    touched_ever,
)
from dymap.video.clip import BakedVideo
from dymap.video.hash_code import write_hash
from dymap.video.quantise import STANDARD, quantise, steps_of
from dymap.video.value_code import blocks, write_values
from tests.field.models import TINY, tiny_field
from tests.train.runs import assert_same, fresh_field, measured, run, short

STEPS_AND_SCALES = [(1.0, 0.3), (0.5, 2.0), (2.0, 5.0)]
FOR_A_RATE: dict[str, object] = {
    "batches": "frames", "items": 1, "rays": 64, "hull_samples": 8, "hull_grid": 16, "lazy_adam": True,
    "schedule": "cosine", "lr_hash": 3e-2,
}  # fmt: skip


def double(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(("step", "scale"), STEPS_AND_SCALES)
def test_bits_are_those_of_the_density_over_the_interval_that_is_rounded(step: float, scale: float) -> None:
    for value in (-3.1, -step / 2, -0.1, 0.0, 0.2, step / 2, 0.6 * step, 4.0):
        x = value - step / 2 + step * (np.arange(20_000) + 0.5) / 20_000
        mass = np.exp(-np.abs(x) / scale).mean() / (2 * scale) * step
        found = float(bits(double(value), double(step), double(scale)))
        assert found == pytest.approx(-np.log2(mass), rel=1e-5)


@pytest.mark.parametrize(("step", "scale"), STEPS_AND_SCALES)
def test_slopes_are_derivatives_of_bits(step: float, scale: float) -> None:
    values = torch.linspace(-6, 6, 1202, dtype=torch.float64).requires_grad_()
    bits(values, double(step), double(scale)).sum().backward()
    torch.testing.assert_close(slope(values.detach(), double(step), double(scale)), values.grad)
    assert slope(double(0.0), double(step), double(scale)) == 0


def test_bits_of_a_value_that_is_far_out_are_finite() -> None:
    far = torch.tensor([1e4, -1e4, 1e-9])
    step, scale = torch.tensor(1.0), torch.tensor(0.25)
    assert bits(far, step, scale).isfinite().all()
    assert slope(far, step, scale).isfinite().all()


def test_kernels_are_taken_apart_as_they_are_coded() -> None:
    kernel = torch.randint(-9, 9, (2, 3, 4, 4))
    first, others = apart(kernel)
    coded = blocks(kernel.numpy())
    assert np.array_equal(first.numpy(), coded[:, :1])
    assert np.array_equal(others.numpy(), coded[:, 1:] - coded[:, :1])
    assert torch.equal(together(first, others + first, kernel.shape), kernel)


def test_slopes_of_a_kernel_are_derivatives_of_its_coded_bits() -> None:
    field = tiny_field()
    rate = Rate(field, Config(field=TINY, train=TrainConfig(rate=0.1)))
    name = "decoder.up.0.weight"
    kernel = field.get_parameter(name).detach().double().requires_grad_()
    step, scale = double(rate.decoder_step[name] * float(rate.coarseness))[0], double(0.9, 0.2)
    first, others = apart(kernel)
    (bits(first, step, scale[0]).sum() + bits(others, step, scale[1]).sum()).backward()
    torch.testing.assert_close(rate.slopes(name, kernel.detach(), scale), kernel.grad)


def test_only_touched_entries_feel_the_rate_and_share_their_levels_weight() -> None:
    offsets, steps, scales, weights = (
        torch.tensor([0, 4, 10]),
        torch.tensor([0.5, 0.1]),
        torch.tensor([0.7, 0.3]),
        torch.tensor([40.0, 9.0]),
    )
    torch.manual_seed(0)
    table = torch.randn(10, 3)
    gradient = torch.zeros(10, 3)
    gradient[1, 2] = gradient[5] = gradient[7, 0] = gradient[9] = 0.25
    table.grad = gradient.clone()
    add_to_touched(table, offsets, steps, scales, weights)
    for entry in range(10):
        level = int(entry >= 4)
        share = weights[level] / (1 if level == 0 else 3)
        added = share * slope(table[entry], steps[level], scales[level]) if entry in (1, 5, 7, 9) else torch.zeros(3)
        torch.testing.assert_close(table.grad[entry], gradient[entry] + added)


@pytest.mark.parametrize("lazy_adam", [False, True])
def test_entries_that_any_step_has_touched_are_remembered(lazy_adam: bool) -> None:
    field = tiny_field()
    optimiser = make_optimiser(field, Config(train=TrainConfig(lazy_adam=lazy_adam)))
    table = field.hash.tables[0]
    assert not touched_ever(table, optimiser).any()
    for entry in (3, 8):
        optimiser.zero_grad()
        table.grad = torch.zeros_like(table)
        table.grad[entry, 1] = 0.1
        optimiser.step()
    assert torch.nonzero(touched_ever(table, optimiser))[:, 0].tolist() == [3, 8]


def test_the_size_is_that_of_the_streams_of_a_file() -> None:
    field = tiny_field()
    begin(field.decoder, 0)
    config = Config(field=TINY, train=TrainConfig(rate=0.1, lazy_adam=True))
    rate, optimiser = Rate(field, config), make_optimiser(field, config)
    for table in field.hash.tables:
        assert table.grad is not None
        table.grad.fill_(1e-3)
    optimiser.step()
    rate.measure(field, optimiser)
    steps = steps_of(field, STANDARD)
    symbols = quantise(field, steps)
    names = [name for name in symbols if name.startswith("decoder.")]
    size = len(write_hash([symbols[f"hash.{name}"] for name in ("xyt", "xzt", "yzt")], field.hash.levels.offsets))
    size += len(write_values({name: symbols[name] for name in names}))
    assert float(rate.size) == pytest.approx(size / 1e6 / field.num_frames)
    offsets = field.hash.levels.offsets
    for level, (first, last) in enumerate(itertools.pairwise(offsets)):
        assert rate.held[1, level] == last - first
        assert rate.scales[1, level] == pytest.approx(float(field.hash.xzt.detach()[first:last].abs().mean()))


def test_before_its_turn_nothing_is_changed(tiny: Capture) -> None:
    """And without a rate nothing ever is."""
    steps = 12
    assert round(BEGIN * steps) <= EVERY
    plain, without = run(tiny, short(**FOR_A_RATE, steps=steps))
    _, with_rate = run(tiny, short(**FOR_A_RATE, steps=steps, rate=1e-4))
    first = round(BEGIN * steps)
    assert measured(with_rate)[:first] == measured(without)[:first]
    assert [set(report.losses) - set(without[0].losses) for report in with_rate] == [
        {"rate"} if step >= first else set() for step in range(steps)
    ]
    again, _ = run(tiny, short(**FOR_A_RATE, steps=steps, rate=0.0))
    assert_same(plain, again)


def test_gradients_of_the_rate_make_a_field_smaller() -> None:
    """Wherever a step touches it, as it does each entry here."""
    field, sizes, scales = tiny_field(), list[float](), list[float]()
    steps = 60
    config = Config(field=TINY, train=TrainConfig(rate=1e-4, steps=steps, lazy_adam=True, lr_hash=0.1))
    rate, optimiser = Rate(field, config), make_optimiser(field, config)
    for step in range(steps):
        optimiser.zero_grad()
        for table in field.hash.tables:
            assert table.grad is not None
            table.grad.fill_(1e-12)
        for parameter in field.decoder.parameters():
            parameter.grad = torch.zeros_like(parameter)
        rate.add_gradients(field, optimiser, step)
        optimiser.step()
        if rate.size:
            sizes.append(float(rate.size))
            scales.append(float(rate.scales.mean()))
    assert sizes[-1] < 0.95 * sizes[0]
    assert scales[-1] < 0.6 * scales[0]


def test_a_rounded_field_is_what_its_file_holds_and_afterwards_as_before(tiny: Capture) -> None:
    """Also if the step fails."""
    field = fresh_field(tiny, short())
    rate, optimiser = Rate(field, short(rate=1.0)), make_optimiser(field, short())
    rate.measure(field, optimiser)
    before = {name: value.detach().clone() for name, value in field.named_parameters()}

    def fail() -> None:
        with rate.rounded(field, rate.first):
            for name, value in rate.decoder(field).items():
                number = value.detach() / (rate.decoder_step[name] * float(rate.coarseness))
                torch.testing.assert_close(number, number.round(), atol=1e-3, rtol=1e-5)
            raise RuntimeError("fails")

    with pytest.raises(RuntimeError, match="fails"):
        fail()
    assert all(torch.equal(value, before[name]) for name, value in field.named_parameters())


def test_what_segments_share_costs_nothing(tiny: Capture) -> None:
    """A decoder that begins as a common one is known: only what it changes has bits, and pulls."""
    field = fresh_field(tiny, short())
    with torch.no_grad():
        for value in field.decoder.parameters():
            value += torch.randn_like(value)
    for shared in (False, True):
        rate, optimiser = Rate(field, short(rate=1.0), shared), make_optimiser(field, short())
        rate.measure(field, optimiser)
        pulls = [rate.slopes(n, v - rate.known()[n], torch.ones(2)).any() for n, v in rate.decoder(field).items()]
        assert all(pulls) != shared
        assert (float(rate.size) * 1e6 * field.num_frames > 10_000) != shared


@pytest.mark.parametrize("times", [0.8, 1.0, 1.2])
def test_the_coarseness_makes_the_size_and_the_worth_of_a_bit_follows(tiny: Capture, times: float) -> None:
    field = fresh_field(tiny, short())
    rate, optimiser = Rate(field, short(rate=1.0)), make_optimiser(field, short())
    rate.measure(field, optimiser)
    rate.coarseness.fill_(STANDARD)
    rate.settled.fill_(STANDARD)
    before, rate.aim = rate.loss_a_bit(), float(rate.size) / times
    rate.measure(field, optimiser)
    assert float(rate.coarseness) == pytest.approx(STANDARD * times**2)
    assert rate.loss_a_bit() == pytest.approx(before * times ** (4 * SLOW))


@pytest.mark.parametrize(("aim", "end"), [(1e-9, MOST), (1e9, LEAST)])
def test_an_aim_that_cannot_be_reached_ends_at_a_bound(tiny: Capture, aim: float, end: float) -> None:
    field = fresh_field(tiny, short())
    rate, optimiser = Rate(field, short(rate=aim)), make_optimiser(field, short())
    for _ in range(8):
        rate.measure(field, optimiser)
        assert rate.steps.isfinite().all()
    assert float(rate.coarseness) == pytest.approx(end)


def test_what_is_baked_is_rounded_as_it_was_trained(tiny: Capture, tmp_path: Path) -> None:
    """The checkpoint says how; one that was trained for no rate says nothing; nonsense is refused."""
    for aim in (0.0, 1e-4):
        config = short(**FOR_A_RATE, steps=12, rate=aim)
        field = fresh_field(tiny, config)
        train(field, tiny, config, tmp_path / str(aim))
        found = read_newest(tmp_path / str(aim))
        assert found
        assert found.coarseness == (None if aim == 0 else pytest.approx(float(found.tensors["rate.coarseness"])))
        assert aim == 0 or found.coarseness != pytest.approx(STANDARD)
        found.tensors["rate.coarseness"] = torch.tensor(-1.0)
        with pytest.raises(InputError, match=r"damaged checkpoint \(rate.coarseness\)"):
            print(found.coarseness)
    about = [1e-6, 4e-6]
    assert coarseness_of(cast(BakedVideo, None), about) == pytest.approx(2e-6)
