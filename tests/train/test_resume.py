"""Checkpoints: a run that was killed goes on exactly; faults of the disk harm nothing."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import dymap.files
import dymap.train.checkpoint as module
from dymap.capture import Capture
from dymap.errors import InputError
from dymap.train.checkpoint import checkpoints, load_checkpoint, save_checkpoint
from dymap.train.optimiser import make_optimiser
from dymap.train.step import StepReport
from tests.disks import files_of_at_most
from tests.train.runs import assert_same, fresh_field, measured, run, short
from tests.train.test_loop import each_recipe


class Killed(BaseException):
    """Nothing of the house may catch this."""


def kill_at(step: int) -> Callable[[StepReport], None]:
    def listener(report: StepReport) -> None:
        if report.step == step:
            raise Killed

    return listener


@each_recipe
def test_killed_and_resumed_run_computes_the_same_numbers(
    tiny: Capture, tmp_path: Path, recipe: dict[str, object]
) -> None:
    config = short(**recipe)
    undisturbed, reports = run(tiny, config)
    with pytest.raises(Killed):
        run(tiny, config, tmp_path, listeners=(kill_at(4),))
    assert [step for step, _ in checkpoints(tmp_path)] == [3]
    resumed, rest = run(tiny, config, tmp_path, field_seed=77)
    assert [report.step for report in rest] == [3, 4, 5]
    assert measured(rest) == measured(reports)[3:]
    assert_same(resumed, undisturbed)


def test_a_resumed_run_ends_in_the_same_file(tiny: Capture, tmp_path: Path) -> None:
    run(tiny, short(), tmp_path / "whole")
    with pytest.raises(Killed):
        run(tiny, short(), tmp_path / "resumed", listeners=(kill_at(4),))
    run(tiny, short(), tmp_path / "resumed")
    (*_, (_, whole)), (*_, (_, resumed)) = (checkpoints(tmp_path / name) for name in ("whole", "resumed"))
    assert whole.read_bytes() == resumed.read_bytes()


def test_optimiser_is_restored_whole(tiny: Capture, tmp_path: Path) -> None:
    config = short()
    field = fresh_field(tiny, config)
    optimiser = make_optimiser(field, config)
    for parameter in field.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimiser.step()
    path = save_checkpoint(tmp_path, 1, field, optimiser, keep=1)
    other = fresh_field(tiny, config, seed=5)
    restored = make_optimiser(other, config)
    assert load_checkpoint(path, other, restored) == 1
    assert_same(other, field)
    before, after = optimiser.state_dict(), restored.state_dict()
    assert before["param_groups"] == after["param_groups"]
    assert set(before["state"]) == set(after["state"]) == set(range(len(list(field.parameters()))))
    for index, values in before["state"].items():
        assert set(values) == {"step", "exp_avg", "exp_avg_sq"}
        for name, value in values.items():
            assert torch.equal(value, after["state"][index][name]), (index, name)


@pytest.mark.parametrize("keep", [1, 2, 4])
def test_newest_checkpoints_are_kept(tiny: Capture, tmp_path: Path, keep: int) -> None:
    run(tiny, short(checkpoint_every=1, keep_checkpoints=keep, rays=16), tmp_path)
    assert [step for step, _ in checkpoints(tmp_path)] == list(range(7 - keep, 7))
    assert len(list(tmp_path.iterdir())) == keep


def test_last_step_is_saved_wherever_it_falls(tiny: Capture, tmp_path: Path) -> None:
    run(tiny, short(steps=5, checkpoint_every=3, rays=16), tmp_path)
    assert [step for step, _ in checkpoints(tmp_path)] == [3, 5]


def test_order_of_checkpoints_is_that_of_their_steps(tmp_path: Path) -> None:
    for step in (90, 12345678, 5):
        (tmp_path / f"step-{step:07d}.safetensors").touch()
    (tmp_path / "step-x.safetensors").touch()
    (tmp_path / ".step-0000099.safetensors.7.partial.safetensors").touch()
    assert [step for step, _ in checkpoints(tmp_path)] == [5, 90, 12345678]
    assert checkpoints(tmp_path / "none") == []


def refuse(*_: Any, **__: Any) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_half(_: dict[str, torch.Tensor], path: Path, *__: Any) -> NoReturn:
    Path(path).write_bytes(b"half of a file")
    refuse()


def die_half_way(_: dict[str, torch.Tensor], path: Path, *__: Any) -> NoReturn:
    Path(path).write_bytes(b"half of a file")
    raise Killed


FAULTS = {
    "full disk": (module, "save_file", refuse, InputError),
    "disk that fills up half-way": (module, "save_file", write_half, InputError),
    "full disk at the renaming": (dymap.files.os, "replace", refuse, InputError),
    "killed half-way": (module, "save_file", die_half_way, Killed),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_save_that_fails_leaves_the_old_checkpoint(
    tiny: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: tuple[Any, str, Any, type[BaseException]]
) -> None:
    config = short(steps=2, checkpoint_every=2, rays=16)
    run(tiny, config, tmp_path)
    (old,) = tmp_path.iterdir()
    content = old.read_bytes()
    where, name, replacement, error = fault
    with monkeypatch.context() as patch:
        patch.setattr(where, name, replacement)
        with pytest.raises(error) as caught:
            run(tiny, short(steps=4, checkpoint_every=2, rays=16), tmp_path)
    if error is InputError:
        assert "step-0000004.safetensors: cannot be written (No space left on device)" in str(caught.value)
    assert list(tmp_path.iterdir()) == [old], "nothing half-written is left"
    assert old.read_bytes() == content
    _, reports = run(tiny, short(steps=4, checkpoint_every=2, rays=16), tmp_path)
    assert [report.step for report in reports] == [2, 3]


def test_disk_that_really_runs_full(tiny: Capture, tmp_path: Path) -> None:
    config = short(steps=2, checkpoint_every=2, rays=16)
    run(tiny, config, tmp_path)
    (old,) = tmp_path.iterdir()
    with files_of_at_most(20_000), pytest.raises(InputError, match=r"step-0000003\.safetensors: cannot be written"):
        run(tiny, short(steps=3, rays=16), tmp_path)
    assert list(tmp_path.iterdir()) == [old]


def test_leftover_of_a_killed_process_is_not_taken_for_a_checkpoint(tiny: Capture, tmp_path: Path) -> None:
    run(tiny, short(steps=2, rays=16), tmp_path)
    (tmp_path / ".step-0000009.safetensors.123.partial.safetensors").write_bytes(b"half of a file")
    _, reports = run(tiny, short(steps=3, rays=16), tmp_path)
    assert [report.step for report in reports] == [2]


def damage_nothing_left(path: Path) -> None:
    path.write_bytes(b"")


def damage_truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def damage_noise(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 40)


@pytest.mark.parametrize("damage", [damage_nothing_left, damage_truncate, damage_noise])
def test_damaged_checkpoint_is_named(tiny: Capture, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    config = short(steps=1, rays=16)
    run(tiny, config, tmp_path)
    ((_, path),) = checkpoints(tmp_path)
    damage(path)
    with pytest.raises(InputError, match=r"step-0000001\.safetensors: damaged checkpoint"):
        run(tiny, config, tmp_path)


def test_checkpoint_of_another_field_is_refused(tiny: Capture, tmp_path: Path) -> None:
    config = short(steps=1, rays=16)
    run(tiny, config, tmp_path)
    other = replace(config, field=replace(config.field, code_dim=7))
    with pytest.raises(InputError, match="of another configuration"):
        run(tiny, other, tmp_path)


def test_checkpoint_is_plain_tensors(tiny: Capture, tmp_path: Path) -> None:
    field, _ = run(tiny, short(steps=1, rays=16), tmp_path)
    with safe_open(checkpoints(tmp_path)[0][1], "pt") as file:
        keys = set(file.keys())
    names = {name for name, _ in field.named_parameters()}
    assert {key for key in keys if key.startswith("field.")} == {f"field.{name}" for name in field.state_dict()}
    assert len([key for key in keys if key.startswith("adam.")]) == 3 * len(names)


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)


def test_a_flipped_bit_is_noticed(tiny: Capture, tmp_path: Path) -> None:
    run(tiny, short(steps=1, rays=16), tmp_path)
    ((_, path),) = checkpoints(tmp_path)
    whole = path.read_bytes()
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()[module.KEY])["checksums"]
    for place in torch.linspace(8, len(whole) - 1, 60).long().tolist():
        path.write_bytes(whole)
        flip(path, place)
        with pytest.raises(InputError, match=r"step-0000001\.safetensors: damaged"):
            module.read_checkpoint(path)


def test_a_damaged_newest_checkpoint_gives_way_to_the_one_before(tiny: Capture, tmp_path: Path) -> None:
    config = short(checkpoint_every=2, keep_checkpoints=1, rays=16)
    undisturbed, _ = run(tiny, config)
    run(tiny, replace(config, train=replace(config.train, keep_checkpoints=3)), tmp_path)
    assert [step for step, _ in checkpoints(tmp_path)] == [2, 4, 6]
    flip(checkpoints(tmp_path)[-1][1], -9)
    with pytest.warns(UserWarning, match=r"step-0000006\.safetensors: damaged .*step-0000004\.safetensors, an older"):
        resumed, rest = run(tiny, config, tmp_path, field_seed=77)
    assert [report.step for report in rest] == [4, 5]
    assert_same(resumed, undisturbed)
    assert [step for step, _ in checkpoints(tmp_path)] == [6]
    module.read_checkpoint(checkpoints(tmp_path)[0][1])


def test_a_checkpoint_that_was_saved_is_not_swept_for_a_damaged_newer_one(tiny: Capture, tmp_path: Path) -> None:
    config = short(steps=2, rays=16)
    field = fresh_field(tiny, config)
    optimiser = make_optimiser(field, config)
    (tmp_path / "step-0000009.safetensors").write_bytes(b"damaged")
    for step in (1, 2):
        save_checkpoint(tmp_path, step, field, optimiser, keep=1)
    assert [step for step, _ in checkpoints(tmp_path)] == [2, 9]


def rewritten(path: Path, change: Callable[[dict[str, torch.Tensor]], None], step: object = 1) -> None:
    """The file as it was before there were checksums, with other numbers or another step."""
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, {module.KEY: json.dumps({"step": step})})


def spoil(name: str, value: float) -> Callable[[dict[str, torch.Tensor]], None]:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        tensors[name].view(-1)[0] = value

    return change


@pytest.mark.parametrize(
    ("change", "step", "said"),
    [
        (spoil("field.codes.weight", torch.nan), 1, "field.codes.weight holds values that are not finite"),
        (spoil("adam.0.exp_avg", torch.inf), 1, "adam.0.exp_avg holds values that are not finite"),
        (spoil("field.boxes", 3.0), 1, "its boxes are not those of the capture"),
        (lambda _: None, 9_000_000_000, "it holds step 9000000000"),
        (lambda _: None, -1, "step -1"),
        (lambda _: None, "1", "step 1"),
        (lambda tensors: tensors.update({"adam.999.step": torch.ones(())}), 1, "belongs to no parameter"),
        (lambda tensors: tensors.update({"adam.0.exp_avg": torch.ones(2, 3)}), 1, "belongs to no parameter"),
    ],
)
def test_what_cannot_be_is_refused_when_a_run_goes_on(
    tiny: Capture, tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], None], step: object, said: str
) -> None:
    config = short(steps=1, rays=16)
    run(tiny, config, tmp_path)
    rewritten(checkpoints(tmp_path)[0][1], change, step)
    with pytest.raises(InputError, match=said):
        run(tiny, short(steps=2, rays=16), tmp_path)


def test_checkpoints_without_checksums_are_read(tiny: Capture, tmp_path: Path) -> None:
    run(tiny, short(steps=1, rays=16), tmp_path)
    rewritten(checkpoints(tmp_path)[0][1], lambda _: None)
    _, rest = run(tiny, short(steps=2, rays=16), tmp_path)
    assert [report.step for report in rest] == [1]


def test_a_header_that_nests_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "step-00000001.safetensors"
    save_file({"x": torch.zeros(1)}, path, {"dymap-checkpoint": "[" * 100_000})
    with pytest.raises(InputError, match=r"step-00000001\.safetensors"):
        module.read_checkpoint(path)
