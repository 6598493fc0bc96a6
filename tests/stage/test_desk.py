"""The desk: the newest view of each client, drafts while it moves, nobody starved, errands last."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from dymap.stage.desk import ON_THE_WAY, PATIENCE, QUIET, Desk, Errand, Job
from dymap.stage.message import View


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture
def desk() -> Desk:
    desk = Desk(Clock())
    for client in (1, 2):
        desk.add(client)
    return desk


def clock_of(desk: Desk) -> Clock:
    clock = desk._clock
    assert isinstance(clock, Clock)
    return clock


def view(number: int, moving: bool = False) -> View:
    return View(number, 0, np.eye(3), np.zeros(3), (10, 10), 1.0, moving=moving)


def take(desk: Desk) -> Job:
    job = desk.take()
    assert isinstance(job, Job)
    return job


def finish(desk: Desk, job: Job) -> None:
    desk.done(job, delivered=True)
    desk.got(job.client, job.view.number)


def test_moving_views_get_drafts_and_resting_ones_full_pictures(desk: Desk) -> None:
    desk.request(1, view(1, moving=True))
    first = take(desk)
    assert first.draft
    finish(desk, first)
    desk.request(1, view(2))
    assert not take(desk).draft


def test_only_the_newest_view_counts(desk: Desk) -> None:
    for number in range(5):
        desk.request(1, view(number, moving=True))
    assert take(desk).view.number == 4


def test_a_move_cancels_a_full_picture_and_gets_a_draft_first(desk: Desk) -> None:
    desk.request(1, view(1))
    full = take(desk)
    desk.request(1, view(2))
    assert full.cancel.cancelled
    desk.done(full, delivered=False, cancelled=True)
    draft = take(desk)
    assert (draft.draft, draft.view.number) == (True, 2)
    finish(desk, draft)
    then = take(desk)
    assert (then.draft, then.view.number) == (False, 2)


def test_drafts_are_finished(desk: Desk) -> None:
    desk.request(1, view(1, moving=True))
    draft = take(desk)
    desk.request(1, view(2, moving=True))
    assert not draft.cancel.cancelled


def test_a_move_of_one_client_leaves_the_picture_of_another(desk: Desk) -> None:
    desk.request(1, view(1))
    full = take(desk)
    desk.request(2, view(1, moving=True))
    assert not full.cancel.cancelled


def test_who_has_waited_longest_is_next_however_often_others_ask(desk: Desk) -> None:
    order = []
    desk.request(1, view(0, moving=True))
    desk.request(2, view(0, moving=True))
    for number in range(1, 9):
        job = take(desk)
        order.append(job.client)
        for _ in range(3):
            desk.request(1, view(number, moving=True))
        desk.request(2, view(number, moving=True))
        finish(desk, job)
    assert order == [1, 2] * 4


def test_a_slow_client_gets_the_newest_when_it_is_ready_and_holds_nobody_up(desk: Desk) -> None:
    for number in range(20):
        for client in (1, 2):
            desk.request(client, view(number, moving=True))
        while (job := take(desk)).client == 1:
            desk.done(job, delivered=True)  # it never says that it has got one
        finish(desk, job)
    drawn = sum(len(place.sent) for place in desk._places.values())
    assert drawn == ON_THE_WAY
    desk.got(1, 1)
    assert take(desk).view.number == 19


def test_drafts_go_before_full_pictures_but_let_one_begin_after_each(desk: Desk) -> None:
    for client in (3, 4, 5):
        desk.add(client)
    for client in (1, 2, 3):
        desk.request(client, view(1))
    for client in (4, 5):
        desk.request(client, view(1, moving=True))
    order = []
    for _ in range(5):
        job = take(desk)
        order.append((job.client, job.draft))
        finish(desk, job)
    assert order == [(4, True), (1, False), (5, True), (2, False), (3, False)]


def test_drafts_of_others_come_between_the_bands_of_a_full_picture_in_turn(desk: Desk) -> None:
    desk.add(3)
    desk.request(1, view(1))
    full = take(desk)
    assert desk.between() is None
    desk.request(2, view(1))
    assert desk.between() is None, "a full picture of somebody else waits"
    order = []
    for number in range(2, 8):
        for client in (2, 3):
            desk.request(client, view(number, moving=True))
        draft = desk.between()
        assert draft is not None
        assert draft.draft
        order.append(draft.client)
        finish(desk, draft)
    assert order == [2, 3] * 3
    assert not full.cancel.cancelled
    desk.request(1, view(2, moving=True))
    assert full.cancel.cancelled
    assert {job.client for _ in range(3) if (job := desk.between())} <= {2, 3}, "its own comes when it has ended"
    desk.close()
    assert desk.between() is None


def test_what_has_more_to_do_is_the_next_errand_but_for_those_that_come_first(desk: Desk) -> None:
    large, other, first = (Errand(lambda _: None, first=urgent) for urgent in (False, False, True))
    desk.errand(large)
    desk.errand(other)
    clock_of(desk).now += QUIET
    assert desk.take() is large
    desk.errand(first)
    desk.again(large)
    assert [desk.take(), desk.take()] == [first, large]
    clock_of(desk).now += QUIET
    assert desk.take() is other


def test_a_pause_ends_when_the_desk_is_closed(desk: Desk) -> None:
    resting = threading.Thread(target=desk.pause, args=(3600,))
    resting.start()
    desk.close()
    resting.join(10)
    assert not resting.is_alive()


def test_an_error_does_not_repeat(desk: Desk) -> None:
    desk.request(1, view(1))
    desk.done(take(desk), delivered=False)
    desk.request(2, view(5))
    assert take(desk).client == 2


def test_errands_wait_until_nobody_asks_and_give_way(desk: Desk) -> None:
    errand = Errand(lambda _: None)
    desk.errand(errand)
    desk.request(1, view(0))
    finish(desk, take(desk))
    clock_of(desk).now += QUIET
    assert desk.take() is errand
    desk.request(1, view(1))
    assert errand.cancel.cancelled
    desk.again(errand)
    assert take(desk).view.number == 1
    clock_of(desk).now += QUIET
    assert desk.take() is errand
    assert not errand.cancel.cancelled


def test_errands_that_have_waited_long_are_done_between_two_pictures(desk: Desk) -> None:
    errands = [Errand(lambda _: None) for _ in range(3)]
    for errand in errands:
        desk.errand(errand)
    clock_of(desk).now += PATIENCE
    done = []
    for number in range(6):
        desk.request(1, view(number, moving=True))
        job = desk.take()
        done.append(isinstance(job, Errand))
        if isinstance(job, Errand):
            desk.request(1, view(number, moving=True))
            assert not job.cancel.cancelled
        else:
            assert isinstance(job, Job)
            finish(desk, job)
    assert done == [True, False] * 3


def test_urgent_errands_come_first(desk: Desk) -> None:
    desk.request(1, view(1))
    errand = Errand(lambda _: None, first=True)
    desk.errand(errand)
    assert desk.take() is errand


def test_who_left_is_forgotten_with_the_picture_that_is_being_drawn(desk: Desk) -> None:
    desk.request(1, view(1))
    job = take(desk)
    desk.remove(1)
    assert job.cancel.cancelled
    desk.done(job, delivered=True)
    desk.request(1, view(2))
    assert len(desk) == 1


def test_what_nobody_else_wants_ends_with_its_client(desk: Desk) -> None:
    mine, others = Errand(lambda _: None, client=1), Errand(lambda _: None)
    desk.errand(mine)
    clock_of(desk).now += PATIENCE + 1
    assert desk.take() is mine
    desk.errand(Errand(lambda _: None, client=1))
    desk.errand(others)
    desk.remove(1)
    assert mine.cancel.cancelled, "although it gives way to nobody"
    desk.again(mine)
    clock_of(desk).now += PATIENCE + 1
    assert desk.take() is others
    assert not desk._errands


def test_closing_ends_whatever_is_done(desk: Desk) -> None:
    for patience in (0.0, PATIENCE + 1):
        errand = Errand(lambda _: None)
        desk.errand(errand)
        clock_of(desk).now += QUIET + patience
        assert desk.take() is errand
        desk.close()
        assert errand.cancel.cancelled
        desk._closed = False


def test_closing_wakes_who_waits(desk: Desk) -> None:
    got: list[object] = []
    waiting = threading.Thread(target=lambda: got.append(desk.take()))
    waiting.start()
    desk.close()
    waiting.join(10)
    assert got == [None]


def test_how_long_a_picture_waited_is_counted_from_its_own_request(desk: Desk) -> None:
    desk.request(1, view(1, moving=True))
    for number in range(2, 50):
        desk.request(1, view(number, moving=True))
    assert take(desk).waited < 0.01
