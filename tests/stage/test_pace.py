"""The size of drafts follows from what pictures take."""

from __future__ import annotations

import pytest

from dymap.stage.pace import RATE, SMALLEST, Pace


@pytest.mark.parametrize("full", [0.01, 0.1, 0.4, 1.0, 100.0])
@pytest.mark.parametrize("moving", [1, 4])
def test_drafts_come_often_enough_and_are_no_smaller_than_they_need_be(full: float, moving: int) -> None:
    pace = Pace()
    for _ in range(60):
        share = pace.share()
        pace.took(share, full * share**2, moving)
    share, budget = pace.share(), 1 / RATE / moving
    assert share == SMALLEST or full * share**2 <= budget * 1.01
    assert share == 1 or full * share**2 > 0.7 * budget or share == SMALLEST


def test_frames_that_take_long_to_make_do_not_make_drafts_tiny() -> None:
    pace = Pace()
    for _ in range(60):
        pace.took(pace.share(), 0.1 * pace.share() ** 2, 1, making=0.5)
    assert 0.1 * pace.share() ** 2 > 0.2 / RATE


def test_a_slow_picture_is_answered_at_once_and_sizes_are_few() -> None:
    pace = Pace()
    for _ in range(50):
        pace.took(pace.share(), 0.001, 1)
    assert pace.share() == 1
    pace.took(1.0, 10.0, 1)
    assert pace.share() <= 0.6
    seen = set()
    for seconds in range(1, 200):
        pace.took(pace.share(), seconds / 1000, 1)
        seen.add(pace.share())
    assert len(seen) < 22
