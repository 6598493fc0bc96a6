"""Commands on a disk that runs full say so, lose nothing, and do the same when there is room."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tests.faults.commands import Fault, run
from tests.faults.conftest import Faults
from tests.faults.test_kills import JOBS
from tests.faults.world import World, check_nothing_lost, check_same, jobs


@pytest.mark.parametrize("number", range(JOBS))
def test_a_full_disk_is_one_sentence_and_nothing_is_lost(
    world: World, faults: Faults, tally: Counter[str], number: int
) -> None:
    job = jobs(world.root)[number]
    if job.alone:
        pytest.skip("the limit is a process's own")
    world.restore()
    before = world.contents()
    calm = run(job.arguments, world.root, world.cache)
    assert calm.code == job.code, calm
    after, empty = world.contents(), world.empty_folders()
    written = [name for name in after if after[name] != before.get(name)]
    sizes = sorted({(world.root / name).stat().st_size for name in written})
    if not sizes:
        pytest.skip("it writes nothing")
    for trial in range(faults.times):
        random = Random(f"disk {faults.seed} {number} {trial}")
        size = random.choice((0, random.randrange(max(sizes)), random.choice(sizes) - 1))
        told = f"{job.arguments} with files of {size} bytes at most (seed {faults.seed}, trial {trial})"
        world.restore()
        outcome = run(job.arguments, world.root, world.cache, Fault(size=size))
        assert "Traceback" not in outcome.said, (told, outcome.said)
        errors = [line for line in outcome.said.splitlines() if line.startswith("error: ")]
        if outcome.code != job.code:
            assert outcome.code == 1, (told, outcome)
            assert len(errors) == 1, (told, outcome)
            assert "cannot be written" in errors[0], (told, errors)
        check_nothing_lost(world, before, after, told)
        tally[f"full disks of {job.name}"] += 1
        again = run(job.arguments, world.root, world.cache)
        assert again.code == job.code or (job.again and job.again in again.said), (told, again)
        check_same(world, after, empty, told)
