"""Damaged files are read or refused in one sentence, within limits of memory and time; sealed ones are noticed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.faults.conftest import Faults
from tests.faults.mutants import READ, REFUSED, read_damaged
from tests.faults.readers import READERS

COUNT = 48
"""Damages of each kind of file."""


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_read_or_refused_in_one_sentence(
    sound: Path, faults: Faults, tally: Counter[str], name: str
) -> None:
    results = list(read_damaged(name, sound, faults.seed, COUNT * faults.times))
    wrong = [result for result in results if result.outcome not in (READ, REFUSED)]
    kinds = Counter(result.outcome for result in wrong)
    told = "\n".join(str(result) for result in wrong[:20])
    assert not wrong, f"{len(wrong)} of {len(results)} (seed {faults.seed}):\n{told}\n{kinds.most_common(20)}"
    tally[f"damages of {name}"] += len(results)
    rebuilt = READERS[name].folder  # the cache is made anew
    assert rebuilt or any(result.outcome == REFUSED for result in results), "the damages damage nothing"
