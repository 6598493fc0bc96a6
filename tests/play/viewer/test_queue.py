"""The render queue: the newest request of each client, drafts before full pictures, no client starved."""

from __future__ import annotations

import threading
import time

import pytest

from dymap.kernels import Cancel
from dymap.play.viewer import queue as queue_module
from dymap.play.viewer.queue import REST, Job, RenderQueue


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> RenderQueue:
    """Cancels remember whether they were called."""

    class Known(Cancel):  # type: ignore[misc, valid-type]
        called = False

        def cancel(self) -> None:
            self.called = True

    monkeypatch.setattr(queue_module, "Cancel", Known)
    return RenderQueue(clock)


def take(queue: RenderQueue) -> Job:
    job = queue.take()
    assert job is not None
    return job


def test_a_draft_comes_at_once_and_the_full_picture_at_rest(queue: RenderQueue, clock: Clock) -> None:
    queue.add(1)
    assert take(queue).draft
    clock.now += REST / 2
    queue.request(1)
    assert take(queue).draft
    clock.now += REST
    assert not take(queue).draft


def test_many_requests_are_one_picture(queue: RenderQueue, clock: Clock) -> None:
    queue.add(1)
    for _ in range(1000):
        queue.request(1)
    assert take(queue).draft
    clock.now += REST
    assert not take(queue).draft
    idle = threading.Thread(target=queue.take, daemon=True)  # nothing more is due
    idle.start()
    idle.join(0.05)
    assert idle.is_alive()
    queue.close()
    idle.join(5)
    assert not idle.is_alive()


def test_movement_cancels_full_pictures_only(queue: RenderQueue, clock: Clock) -> None:
    queue.add(1)
    draft = take(queue)
    queue.request(1)
    assert not draft.cancel.called
    clock.now += REST
    full = take(queue)
    assert not full.draft
    assert not full.cancel.called
    queue.request(1)
    assert full.cancel.called
    assert take(queue).draft


def test_the_client_that_has_waited_longest_comes_first(queue: RenderQueue, clock: Clock) -> None:
    for client in (1, 2, 3):
        queue.add(client)
    served = []
    for _ in range(9):
        served.append(take(queue).client)
        clock.now += 0.01
        for client in (3, 2, 1):  # all move all the time
            queue.request(client)
    assert sorted(served[:3]) == sorted(served[3:6]) == sorted(served[6:]) == [1, 2, 3]


def test_the_next_frame_is_a_full_picture_unless_the_camera_moves(queue: RenderQueue, clock: Clock) -> None:
    queue.add(1)
    take(queue)
    clock.now += REST
    take(queue)
    queue.schedule_frame(1, clock.now + 1)
    clock.now += 1
    job = take(queue)
    assert (job.next_frame, job.draft) == (True, False)
    queue.schedule_frame(1, clock.now)
    queue.request(1)
    job = take(queue)
    assert (job.next_frame, job.draft) == (True, True)
    queue.schedule_frame(1, clock.now)
    queue.schedule_frame(1, None)
    clock.now += REST
    assert not take(queue).next_frame


def test_a_removed_client_is_forgotten(queue: RenderQueue, clock: Clock) -> None:
    queue.add(1)
    queue.add(2)
    clock.now += REST
    first = take(queue)
    queue.remove(first.client)
    assert first.cancel.called
    queue.request(first.client)
    queue.schedule_frame(first.client, clock.now)
    queue.remove(first.client)
    assert len(queue) == 1
    assert take(queue).client != first.client


def test_waiting_ends_at_a_request() -> None:
    queue, got = RenderQueue(), []
    waiting = threading.Thread(target=lambda: got.append(queue.take()), daemon=True)
    waiting.start()
    time.sleep(0.02)
    queue.add(7)
    waiting.join(5)
    assert got[0].client == 7
    queue.close()
    assert queue.take() is None
