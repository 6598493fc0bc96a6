"""Commands that are ended at any moment lose nothing, and do the same when they come again."""

from __future__ import annotations

import signal
from collections import Counter
from random import Random

import pytest

from dymap.cli import COMMANDS
from dymap.cli.capture import COMMANDS as CAPTURE
from tests.faults.commands import Fault, Outcome, run, run_alone
from tests.faults.conftest import Faults
from tests.faults.world import Job, World, check_nothing_lost, check_same, jobs

JOBS = 22
ENDING = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Twice as often the one that nobody can answer."""


def go(job: Job, world: World, fault: Fault | None = None) -> Outcome:
    if job.alone:
        return run_alone(job.arguments, world.cache, fault)
    return run(job.arguments, world.root, world.cache, fault)


@pytest.mark.parametrize("number", range(JOBS))
def test_a_killed_command_loses_nothing_and_does_the_same_when_it_comes_again(
    world: World, faults: Faults, tally: Counter[str], number: int
) -> None:
    job = jobs(world.root)[number]
    # Each of these imports everything several times.
    times = faults.times // 4 if job.alone else faults.times
    if times == 0:
        pytest.skip("processes of its own: with --faults 4 and more")
    world.restore()
    before = world.contents()
    calm = go(job, world)
    assert calm.code == job.code, calm
    after, empty = world.contents(), world.empty_folders()
    for trial in range(times):
        random = Random(f"kill {faults.seed} {number} {trial}")
        world.restore()
        for _ in range(random.choice((1, 1, 2))):
            fault = drawn(random, calm, job)
            told = f"{job.arguments} {fault} (seed {faults.seed}, trial {trial})"
            outcome = go(job, world, fault)
            check_end(outcome, fault, job, told)
            check_nothing_lost(world, before, after, told)
            tally[f"kills of {job.name}"] += 1
        again = go(job, world)
        done = bool(job.again) and again.code == 1 and job.again in again.said
        assert again.code == job.code or done, (told, again)
        check_same(world, after, empty, told)


def drawn(random: Random, calm: Outcome, job: Job) -> Fault:
    """A fault at a random moment, or just before a random change of the disk."""
    number = random.choice(ENDING)
    if job.alone or random.random() < 0.5:
        return Fault(number, after=random.uniform(0, calm.seconds))
    return Fault(number, change=random.randrange(max(calm.changes, 1)))


def check_end(outcome: Outcome, fault: Fault, job: Job, told: str) -> None:
    """It ended by the signal, or as commands end when they are asked to: in order."""
    assert outcome.code is not None, f"hangs: {told}"
    assert "Traceback" not in outcome.said, (told, outcome.said)
    in_order = outcome.code in (job.code, 130) or (outcome.code == 1 and job.again and job.again in outcome.said)
    assert in_order or outcome.code == -fault.number, (told, outcome)


def test_all_commands_that_change_the_disk_are_tried(world: World) -> None:
    assert len(jobs(world.root)) == JOBS
    asked = jobs(world.root)
    changing = {
        "sample",
        "train",
        "bake",
        "pack",
        "export",
        "evaluate",
        "render",
        "mesh",
        "import-model",
        "clean",
        "capture",
    }
    assert {job.arguments[0] for job in asked} == changing
    assert set(CAPTURE) == {job.arguments[1] for job in asked if job.arguments[0] == "capture"}
    assert set(COMMANDS) == changing | {"demo", "info", "play", "presets", "view"}, "the demo's are tried one by one"


def test_a_damaged_file_is_told(world: World) -> None:
    """The checks see what they are for."""
    world.restore()
    before = world.contents()
    film = world.root / "run" / "orbit.mp4"
    film.write_bytes(film.read_bytes()[:-1])
    with pytest.raises(AssertionError, match=r"orbit\.mp4 is damaged"):
        check_nothing_lost(world, before, before, "")
    film.unlink()
    with pytest.raises(AssertionError, match="are gone"):
        check_nothing_lost(world, before, before, "")
    world.restore()
    (world.root / "run" / ".film.mp4.7.partial.mp4").write_bytes(b"")
    with pytest.raises(AssertionError, match="left behind"):
        check_same(world, before, world.empty_folders(), "")
