"""What two processes do together in the tests, and the same by hand in one process."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from dymap.capture import Capture, open_capture
from dymap.config import Config
from dymap.errors import InputError
from dymap.field.field import Field
from dymap.train.batches import BatchSampler
from dymap.train.distributed import LostError, PeerError, Rank, World, join
from dymap.train.loop import train
from dymap.train.optimiser import make_optimiser
from dymap.train.schedule import lr_factor
from dymap.train.step import NotFiniteError, StepReport, add_gradients
from tests.captures import TINY
from tests.train.runs import fresh_field, short, state

SIZE = 2
STEPS = 4


def recipe(**options: object) -> Config:
    return short(**{"steps": STEPS, "rays": 32, "checkpoint_every": 2, "processes": SIZE} | options)


def encoder() -> Config:
    config = recipe(items=1, rays=8, steps=1)  # its images make it slow
    return replace(config, field=replace(config.field, codes="encoder", encoder_views=(2, 0)))


RECIPES = {
    "published": recipe(clip_value=1e-3),
    "ours": recipe(
        batches="frames", items=1, hull_samples=8, hull_grid=16, view_noise=0.5, lazy_adam=True, clip_value=1e-3
    ),
    "encoder": encoder(),
}


def by_hand(capture: Capture, config: Config) -> Iterator[tuple[list[dict[str, Tensor]], Field]]:
    """The gradients that each process has by itself, and the field after a step on their mean, step by step."""
    field = fresh_field(capture, config)
    optimiser = make_optimiser(field, config)
    samplers = [BatchSampler(capture, config.train, rank=rank) for rank in range(SIZE)]
    named = dict(field.named_parameters())
    for step in range(config.train.steps):
        found = []
        for rank, sampler in enumerate(samplers):
            optimiser.zero_grad(set_to_none=True)
            add_gradients(field, sampler, config, step, rank=rank)
            found.append({name: p.grad.clone() for name, p in named.items() if p.grad is not None})
        for name in found[0]:
            named[name].grad = (found[0][name] + found[1][name]) / SIZE
        for group in optimiser.param_groups:
            group["lr"] = group["base_lr"] * lr_factor(step, config.train)
        optimiser.step()
        yield found, field


def wait_for_others(world: World) -> None:
    """What a process would hang in if the others did not come."""
    with world.agree():
        pass


def expecting(error: type[Exception], text: str) -> AbstractContextManager[object]:
    return pytest.raises(error, match=re.escape(text))


def trained(world: World, capture: Capture, out: Path) -> None:
    """Every recipe to its end."""
    for name, config in RECIPES.items():
        field = fresh_field(capture, config, seed=world.rank)  # the leading process's field is what counts
        assert train(field, capture, config, world=world) == config.train.steps
        save_file(state(field), out / f"{name}-{world.rank}.safetensors")


def resumed(world: World, capture: Capture, out: Path) -> None:
    """Ended by an error after step 2, and gone on with."""
    for name in ("published", "ours"):
        config, folder = RECIPES[name], out / f"resumed-{name}"

        def fail(report: StepReport) -> None:
            if report.step == 2 and not world.leads:
                raise OSError("disk full")

        with expecting(
            PeerError if world.leads else OSError, "process 1 of 2 has failed" if world.leads else "disk full"
        ):
            train(fresh_field(capture, config), capture, config, folder, listeners=(fail,), world=world)
        reports: list[StepReport] = []
        field = fresh_field(capture, config, seed=77)
        train(field, capture, config, folder, listeners=(reports.append,), world=world)
        assert [report.step for report in reports] == [2, 3]
        assert all(report.rays == SIZE * config.train.items * config.train.rays for report in reports)
        save_file(state(field), out / f"resumed-{name}-{world.rank}.safetensors")


def stopped(world: World, capture: Capture, out: Path) -> None:
    """One process is asked to stop; both do, after the same step."""
    config, reports = recipe(checkpoint_every=100), list[StepReport]()
    done = train(
        fresh_field(capture, config), capture, config, out / "stopped", world=world,
        listeners=(reports.append,), should_stop=lambda: not world.leads and len(reports) == 3,
    )  # fmt: skip
    assert done == 3
    assert train(fresh_field(capture, config), capture, config, out / "stopped", world=world) == STEPS


def not_finite(world: World, capture: Capture, out: Path) -> None:
    """A gradient of the second process is not finite: nobody changes anything."""
    config, field, good = recipe(), fresh_field(capture, RECIPES["published"]), dict[str, Tensor]()

    def poison(report: StepReport) -> None:
        good.update(state(field))
        if report.step == 1 and not world.leads:
            field.decoder.density.weight.register_hook(lambda gradient: gradient * float("inf"))

    error, text = (PeerError, "process 1") if world.leads else (NotFiniteError, "step 2: gradient of decoder.density")
    with expecting(error, text):
        train(field, capture, config, out / "not_finite", listeners=(poison,), world=world)
    assert all(torch.equal(value, good[name]) for name, value in state(field).items())


def the_first_error_is_told(world: World, *_: object) -> None:
    with expecting(InputError if world.leads else PeerError, "mine" if world.leads else "process 0"), world.agree():
        raise InputError("mine")
    wait_for_others(world)


def refused(world: World, capture: Capture, out: Path) -> None:
    """Another number of processes than the configuration says; folders that differ."""
    alone, config = short(steps=1), recipe()
    error = InputError if world.leads else PeerError
    with expecting(error, "train.processes is 1, but 2 train" if world.leads else "process 0"):
        train(fresh_field(capture, alone), capture, alone, world=world)
    train(fresh_field(capture, config), capture, config, out / "seen by one", world=world)
    where = out / ("seen by one" if world.leads else "elsewhere")
    with expecting(PeerError if world.leads else InputError, "process 1" if world.leads else "finds 0 steps done here"):
        train(fresh_field(capture, config), capture, config, where, world=world)


def averaged(world: World, *_: object) -> None:
    """Gradients that a process does not have, none at all, strides, types, and large ones."""
    none, one, both, turned, double = (torch.nn.Parameter(torch.zeros(3, 2)) for _ in range(5))
    double = torch.nn.Parameter(torch.zeros(5, dtype=torch.float64))
    large = torch.nn.Parameter(torch.zeros(2**22 + 1))
    both.grad, turned.grad = torch.full((3, 2), 1.0 + world.rank), torch.arange(6.0).view(2, 3).T * world.rank
    double.grad, large.grad = (
        torch.full((5,), 1.0 + world.rank, dtype=torch.float64),
        torch.full_like(large, world.rank),
    )
    if world.leads:
        one.grad = torch.full((3, 2), 8.0)
    world.average([none, one, both, turned, double, large], [False, *[True] * 5])
    assert none.grad is None
    for tensor, value in ((one.grad, 4.0), (both.grad, 1.5), (double.grad, 1.5), (large.grad, 0.5)):
        assert tensor is not None
        assert (tensor == value).all()
    assert torch.equal(turned.grad, torch.arange(6.0).view(2, 3).T / 2)


def agreed(world: World, *_: object) -> None:
    flags = [world.leads, not world.leads, False, True]
    with world.agree(flags):
        pass
    assert flags == [True, True, False, True]


def in_turn(world: World, capture: Capture, out: Path) -> None:  # noqa: ARG001
    path = out / "made once"

    def work() -> str:
        if not path.exists():
            time.sleep(0.1)
            path.write_text(str(world.rank))
        return path.read_text()

    assert world.in_turn(work) == "0"


SCENARIOS: tuple[Callable[[World, Capture, Path], None], ...] = (
    trained, resumed, stopped, not_finite, the_first_error_is_told, refused, averaged, agreed, in_turn,
)  # fmt: skip


def run_scenarios(root: Path, out: Path, own: Rank, stopped: Callable[[], bool]) -> int:
    """All scenarios; what a process has got through is written to `out`."""
    torch.set_num_threads(1)
    assert not stopped()
    with join(own, torch.device("cpu")) as world:
        assert (world.rank, world.size, world.leads) == (own.rank, SIZE, own.rank == 0)
        capture = world.in_turn(partial(open_capture, root, TINY))
        for scenario in SCENARIOS:
            scenario(world, capture, out)
            (out / f"{scenario.__name__}-{world.rank}.passed").touch()
    return 0


def killed(out: Path, own: Rank, stopped: Callable[[], bool]) -> int:  # noqa: ARG001
    """The second process is killed; the first notices."""
    with join(own, torch.device("cpu")) as world:
        wait_for_others(world)
        if not world.leads:
            os.kill(os.getpid(), signal.SIGKILL)
        with expecting(LostError, "process 0 of 2 has lost the others"):
            wait_for_others(world)
        (out / "noticed").touch()
        time.sleep(600)  # nobody may wait for it
        (out / "waited").touch()
    return 0
