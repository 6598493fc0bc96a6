"""Ctrl-C while the main thread waits for others: never inside a lock, and never lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future

import pytest

from dymap.signals import Ended, check_ended, held, in_order, threads

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise")


def test_ctrl_c_is_raised_when_the_block_ends() -> None:
    before = signal.getsignal(signal.SIGINT)
    done: list[str] = []

    def work() -> None:
        with held():
            signal.raise_signal(signal.SIGINT)
            done.append("finished")
        done.append("not reached")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["finished"]
    assert signal.getsignal(signal.SIGINT) is before


def test_blocks_may_be_nested_and_handlers_that_do_not_raise_are_called_once() -> None:
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        with held():
            with held():
                signal.raise_signal(signal.SIGTERM)
            assert received == []
        assert received == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_is_not_handled_by_python_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with held():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


HANG = 30
"""Seconds after which a process that should have ended hangs."""
STORM = """
import os, signal, sys, threading, time
import numpy as np
from dymap.signals import held, threads

random = np.random.default_rng(int(sys.argv[1]))
count = 0
for turn in range(60):
    try:
        timer = threading.Timer(float(random.exponential(0.004)), os.kill, [os.getpid(), signal.SIGINT])
        with held():
            timer.start()
        with threads(3) as pool:
            for _ in range(20):
                with held():
                    jobs = [pool.submit(time.sleep, 0.0005) for _ in range(4)]
                    for job in jobs:
                        job.result()
        with held():
            timer.join()
    except KeyboardInterrupt:
        count += 1
print(count)
"""


def test_waiting_for_threads_never_hangs() -> None:
    ended = subprocess.run([sys.executable, "-c", STORM, "0"], capture_output=True, text=True, timeout=HANG)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 30


def test_jobs_are_taken_in_their_order_and_so_many_are_under_way() -> None:
    running = 0
    most = 0

    def make(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.002 * (number % 3))
        return number**2

    with threads(8) as pool:
        for number, (given, made) in enumerate(in_order(pool, range(30), make, 5)):
            running -= 1
            assert (given, made) == (number, number**2)
    assert most <= 5


def test_what_a_job_raises_is_raised() -> None:
    with threads(2) as pool, pytest.raises(ZeroDivisionError):
        list(in_order(pool, [1, 0, 2], lambda number: 1 // number, 3))


def test_ctrl_c_is_raised_at_once_while_a_long_job_is_waited_for() -> None:
    """The job ends as soon as it asks, and what had not begun never does."""
    began: list[int] = []
    ended = threading.Event()

    def long(number: int) -> None:
        began.append(number)
        signal.raise_signal(signal.SIGINT)
        try:
            for _ in range(3000):
                time.sleep(0.01)
                check_ended()
        except Ended:
            ended.set()
            raise

    with pytest.raises(KeyboardInterrupt), threads(1) as pool:
        list(in_order(pool, [1, 2, 3], long, 3))
    assert ended.is_set()
    assert began == [1]


def test_jobs_of_other_threads_are_not_ended() -> None:
    check_ended()
    jobs: list[Future[None]] = []
    with threads(1) as pool, held():
        jobs.append(pool.submit(check_ended))
        jobs[0].result()
    with threads(1) as pool, held():
        pool.submit(check_ended).result()
    check_ended()


ASKED = """
import signal
from dymap.signals import asked_to_end

with asked_to_end() as asked:
    before = asked()
    signal.raise_signal(signal.SIGINT)
    print(before, asked(), flush=True)
    signal.raise_signal(signal.SIGTERM)
    print("not reached")
"""


def test_who_is_asked_to_end_is_told_once_and_ended_the_second_time() -> None:
    ended = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, timeout=HANG)
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGTERM, "False True\n", "")
