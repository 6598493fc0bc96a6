"""Whose turn it is: the newest wish of each client, drafts before full pictures, nobody starved."""

from __future__ import annotations

import threading
import time

import pytest

from dymap.kernels import Cancel
from dymap.play import viewer_turns
from dymap.play.viewer_turns import REST, Turn, Turns


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def turns(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Turns:
    """Cancels remember whether they were called."""

    class Known(Cancel):  # type: ignore[misc, valid-type]
        called = False

        def cancel(self) -> None:
            self.called = True

    monkeypatch.setattr(viewer_turns, "Cancel", Known)
    return Turns(clock)


def take(turns: Turns) -> Turn:
    turn = turns.take()
    assert turn is not None
    return turn


def test_a_draft_comes_at_once_and_the_full_picture_at_rest(turns: Turns, clock: Clock) -> None:
    turns.join(1)
    assert take(turns).draft
    clock.now += REST / 2
    turns.wish(1)
    assert take(turns).draft
    clock.now += REST
    assert not take(turns).draft


def test_many_wishes_are_one_picture(turns: Turns, clock: Clock) -> None:
    turns.join(1)
    for _ in range(1000):
        turns.wish(1)
    assert take(turns).draft
    clock.now += REST
    assert not take(turns).draft
    idle = threading.Thread(target=turns.take, daemon=True)  # nothing more is due
    idle.start()
    idle.join(0.05)
    assert idle.is_alive()
    turns.close()
    idle.join(5)
    assert not idle.is_alive()


def test_movement_ends_full_pictures_only(turns: Turns, clock: Clock) -> None:
    turns.join(1)
    draft = take(turns)
    turns.wish(1)
    assert not draft.cancel.called
    clock.now += REST
    full = take(turns)
    assert not full.draft
    assert not full.cancel.called
    turns.wish(1)
    assert full.cancel.called
    assert take(turns).draft


def test_who_has_waited_longest_comes_first(turns: Turns, clock: Clock) -> None:
    for client in (1, 2, 3):
        turns.join(client)
    served = []
    for _ in range(9):
        served.append(take(turns).client)
        clock.now += 0.01
        for client in (3, 2, 1):  # all move all the time
            turns.wish(client)
    assert sorted(served[:3]) == sorted(served[3:6]) == sorted(served[6:]) == [1, 2, 3]


def test_ticks_are_full_pictures_unless_the_camera_moves(turns: Turns, clock: Clock) -> None:
    turns.join(1)
    take(turns)
    clock.now += REST
    take(turns)
    turns.tick(1, clock.now + 1)
    clock.now += 1
    turn = take(turns)
    assert (turn.tick, turn.draft) == (True, False)
    turns.tick(1, clock.now)
    turns.wish(1)
    turn = take(turns)
    assert (turn.tick, turn.draft) == (True, True)
    turns.tick(1, clock.now)
    turns.tick(1, None)
    clock.now += REST
    assert not take(turns).tick


def test_who_leaves_is_forgotten(turns: Turns, clock: Clock) -> None:
    turns.join(1)
    turns.join(2)
    clock.now += REST
    first = take(turns)
    turns.leave(first.client)
    assert first.cancel.called
    turns.wish(first.client)
    turns.tick(first.client, clock.now)
    turns.leave(first.client)
    assert len(turns) == 1
    assert take(turns).client != first.client


def test_waiting_ends_when_something_is_wished() -> None:
    turns, got = Turns(), []
    waiting = threading.Thread(target=lambda: got.append(turns.take()), daemon=True)
    waiting.start()
    time.sleep(0.02)
    turns.join(7)
    waiting.join(5)
    assert got[0].client == 7
    turns.close()
    assert turns.take() is None
