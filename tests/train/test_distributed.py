"""Several processes: the same parameters, from the mean of their gradients; one that fails takes the others along."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from dymap.capture import Capture
from dymap.errors import InputError
from dymap.train import launch as module
from dymap.train.batches import BatchSampler
from dymap.train.checkpoint import checkpoints
from dymap.train.distributed import BUCKET, TORCHRUN, LostError, Rank, World, buckets, flat_values
from dymap.train.launch import launch
from dymap.train.loop import train
from tests.train.runs import fresh_field, short, state
from tests.train.worlds import RECIPES, SCENARIOS, SIZE, STEPS, by_hand, killed, run_scenarios


@pytest.fixture(scope="session")
def played(tiny_root: Path, tiny: Capture, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001
    """What two processes left of all scenarios."""
    out = tmp_path_factory.mktemp("world")
    (out / "code").write_text(str(launch(SIZE, partial(run_scenarios, tiny_root, out), lambda: False)))
    return out


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.__name__ for scenario in SCENARIOS])
def test_two_processes(played: Path, scenario: object) -> None:
    """Asserted in the processes themselves."""
    name = scenario.__name__  # type: ignore[attr-defined]
    assert {path.name for path in played.glob(f"{name}-?.passed")} == {f"{name}-0.passed", f"{name}-1.passed"}


def test_two_processes_end_well(played: Path) -> None:
    assert (played / "code").read_text() == "0"


@pytest.mark.parametrize("name", RECIPES)
def test_parameters_are_those_of_steps_on_the_mean_gradient(played: Path, tiny: Capture, name: str) -> None:
    """To the bit, on both: dense and lazy Adam, code table and image encoder, with clipping."""
    *_, (gradients, field) = by_hand(tiny, RECIPES[name])
    clip = RECIPES[name].train.clip_value
    assert name == "encoder" or max(g.abs().max() for own in gradients for g in own.values()) > clip
    for rank in range(SIZE):
        got = load_file(played / f"{name}-{rank}.safetensors")
        for key, value in state(field).items():
            assert torch.equal(got[key], value), (rank, key)


def test_lazy_adam_moves_what_any_process_touched(tiny: Capture) -> None:
    """And nothing else; each of two processes that are on different frames touches entries of its own."""
    config = RECIPES["ours"]
    before = fresh_field(tiny, config).hash.tables
    apart = False
    for gradients, field in by_hand(tiny, config):
        for name, old, new in zip(("xyt", "xzt", "yzt"), before, field.hash.tables, strict=True):
            first, second = (g[f"hash.{name}"].view(-1, 16) for g in gradients)
            touched = [(g != 0).any(dim=1) for g in (first, second)]
            apart |= bool((touched[0] & ~touched[1]).any() and (touched[1] & ~touched[0]).any())
            moved = (new.detach() != old).view(-1, 16).any(dim=1)
            assert torch.equal(moved, touched[0] | touched[1])
        before = tuple(table.detach().clone() for table in field.hash.tables)
    assert apart


@pytest.mark.parametrize("name", ["published", "ours"])
def test_resumed_is_as_uninterrupted(played: Path, name: str) -> None:
    assert [step for step, _ in checkpoints(played / f"resumed-{name}")] == [2, STEPS]
    for rank in range(SIZE):
        whole, resumed = (load_file(played / f"{kind}{name}-{rank}.safetensors") for kind in ("", "resumed-"))
        for key, value in whole.items():
            assert torch.equal(resumed[key], value), (rank, key)


def test_stop_is_saved_once(played: Path) -> None:
    assert [step for step, _ in checkpoints(played / "stopped")] == [3, STEPS]


def test_nothing_is_saved_of_a_step_that_failed(played: Path) -> None:
    assert [step for step, _ in checkpoints(played / "not_finite")] == [2]


def test_process_that_is_killed_takes_the_others_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE", 10.0)
    with pytest.raises(LostError, match=r"process 1 of 2 was ended by SIGKILL, as a system does that runs out of mem"):
        launch(SIZE, partial(killed, tmp_path), lambda: False)
    assert (tmp_path / "noticed").exists()
    assert not (tmp_path / "waited").exists()


def test_ranks_draw_differently_and_the_first_as_one_alone(tiny: Capture) -> None:
    config = short().train
    alone, first, second = (BatchSampler(tiny, config, rank=rank).draw(7) for rank in (0, 0, 1))
    for a, b, c in zip(alone, first, second, strict=True):
        assert torch.equal(a.rgb, b.rgb)
        assert not torch.equal(a.rays.directions, c.rays.directions)
    one, other = np.random.default_rng([config.seed, 7]), np.random.default_rng([config.seed, 7, 0])
    assert one.random() == other.random(), "runs that were begun before there were ranks go on as they were"


def test_process_alone_does_nothing() -> None:
    world, flags, parameter = World(), [True, False], torch.nn.Parameter(torch.ones(2))
    with pytest.raises(KeyError), world.agree(flags):
        raise KeyError
    assert flags == [True, False]
    assert world.leads
    assert world.in_turn(lambda: 3) == 3
    world.average([parameter], [True])
    world.broadcast([parameter])
    assert parameter.grad is None


def test_team_must_be_as_large_as_the_configuration_says(tiny: Capture) -> None:
    config = short(processes=2)
    with pytest.raises(InputError, match=r"train\.processes is 2, but 1 train"):
        train(fresh_field(tiny, config), tiny, config)


def test_buckets_are_few_and_whole() -> None:
    sizes = [3, BUCKET - 3, 1, BUCKET + 1, 5, 0, 7]
    tensors = [torch.empty(size) for size in sizes] + [torch.empty(2, dtype=torch.float64)]
    groups = list(buckets(tensors))
    assert [[t.numel() for t in group] for group in groups] == [[3, BUCKET - 3], [1], [BUCKET + 1], [5, 0, 7], [2]]
    assert [t for group in groups for t in group] == tensors or all(
        a is b for a, b in zip((t for group in groups for t in group), tensors, strict=True)
    )
    assert flat_values(groups[2]).data_ptr() == tensors[3].data_ptr()
    assert list(buckets([])) == []


def test_place_that_torchrun_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(TORCHRUN, ("5", "8", "1", "4", "127.0.0.1", "29500"), strict=True):
        assert Rank.from_torchrun() is None
        monkeypatch.setenv(name, value)
    assert Rank.from_torchrun() == Rank(5, 8, 1, 4)
