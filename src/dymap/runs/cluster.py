"""The engine of many machines: tasks on a cluster of Ray (extra `cluster`).

    tasks -> Ray, which finds a core or a GPU for each -> its result; meanwhile letters to a mailbox, and its answers

A task whose process, or machine, is lost is begun again elsewhere, and goes on from what it had saved, so that only
time is lost. What tasks read and write lies in folders that all machines see under the same names.
"""

from __future__ import annotations

import copy
import importlib
import logging
import os
import re
import shutil
import signal
import socket
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch

from dymap.errors import InputError
from dymap.runs.cluster_task import PATIENCE, do_task
from dymap.runs.mailbox import Letter, Mailbox
from dymap.runs.process import pick_device, resolve_device
from dymap.runs.tasks import Asked, Place, Result, Task, Told, cores
from dymap.signals import ENDING, held
from dymap.train.distributed import LostError

RETRIES = 3
"""How often a task is begun again whose process is lost."""
LONGEST = 30
"""Characters of a folder for temporary files: the names of sockets below it may have about 100 in all."""
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Ray tells nobody that it is used, and gives no advice."""
LOCAL = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Its processes listen on 127.0.0.1 only, on every system."""
MEMORY = 128 * 2**20
"""Bytes of shared memory for results; what does not fit is written to the disk."""


class RayCluster:
    """A cluster. local: it is this machine, whose cores in all are shared out; else threads are those of each task."""

    def __init__(self, ray: Any, local: bool, device: str, threads: int):
        self._ray = ray
        self._local, self._device, self._threads = local, device, threads

    def places(self, count: int) -> list[Place]:
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        cpus, gpus = ([int(node.get(kind, 0)) for node in nodes] for kind in ("CPU", "GPU"))
        device = self._device
        if device == "auto":
            device = resolve_device("auto") if self._local else "cuda" if sum(gpus) else "cpu"
        if device.partition(":")[0] == "cuda":
            if not sum(gpus):
                raise InputError(f"--device {device}: the cluster has no GPU")
            shares = [cpu // gpu for cpu, gpu in zip(cpus, gpus, strict=True) if gpu]
            threads = max(1, (0 if self._local else self._threads) or min(shares))
            return [Place("cuda:0", threads)] * max(1, min(count, sum(gpus)))  # a task sees no GPU but its own
        if device not in ("cpu", "mps"):
            raise InputError(f"--device {device}: tasks of a cluster compute on cuda or on cpu")
        if not sum(cpus):
            raise InputError("the cluster has no cores; has none of its machines joined yet?")
        threads = (0 if self._local else self._threads) or threads_of_each(cpus, count)
        if not (fit := sum(cpu // threads for cpu in cpus)):
            raise InputError(f"--threads {threads}: the largest machine of the cluster has {max(cpus)} cores")
        return [Place("cpu", threads)] * max(1, min(count, fit))

    def here(self, where: Sequence[Place]) -> tuple[torch.device, int]:
        if self._local:
            return pick_device(where[0].device), len(where)
        most = max(int(node["Resources"].get("CPU", 0)) for node in self._ray.nodes() if node["Alive"])
        return torch.device("cpu"), max(1, min(len(where), most // where[0].threads))

    def run(
        self, tasks: Sequence[Task[Result]], where: Sequence[Place], told: Told, asked: Asked = lambda: False
    ) -> list[Result | None]:
        """All tasks are given to Ray at once: machines that join later take some of them too."""
        ray, place = self._ray, where[0]
        results: list[Result | None] = [None] * len(tasks)
        faults: list[Exception] = []
        begun: dict[int, str] = {}
        waiting: dict[Any, int] = {}
        stopping = False
        mailbox = ray.remote(num_cpus=0, max_restarts=-1)(Mailbox).remote()
        gpus = int(place.device.startswith("cuda"))
        work = ray.remote(num_cpus=place.threads, num_gpus=gpus, max_retries=RETRIES)(do_task)

        def read(letter: Letter) -> None:
            number, kind, what = letter
            if kind == "told":
                told(number, what)
            elif kind == "warned":
                warnings.warn(f"{tasks[number].name}: {what}", stacklevel=3)
            else:
                if number in begun:
                    text = f"{tasks[number].name}: {begun[number]} is gone; {what} goes on with what it saved"
                    warnings.warn(text, stacklevel=3)
                begun[number] = what

        try:
            for number, task in enumerate(tasks):
                waiting[work.remote(task, place, number, mailbox, os.getcwd())] = number
            while waiting:
                if not stopping and asked():
                    stopping = True
                    for reference, number in waiting.items():
                        if number not in begun:
                            ray.cancel(reference)
                with held():
                    ready, _ = ray.wait(list(waiting), timeout=0.2)
                    letters = _collect(ray, mailbox, stopping)  # after the wait: those of what is ready have come
                for letter in letters:
                    read(letter)
                for reference in ready:
                    number = waiting.pop(reference)
                    with held():
                        kind, what = _result(ray, reference, tasks[number])
                    if kind == "done":
                        results[number] = what
                    elif kind == "failed":
                        faults.append(what)
                        if waiting:
                            warnings.warn(f"{what}; the others go on", stacklevel=2)
        finally:
            with held():
                for reference in waiting:
                    ray.cancel(reference, force=True)
                ray.kill(mailbox)
        if faults:
            raise faults[0]
        return results


def threads_of_each(cpus: Sequence[int], count: int) -> int:
    """The most threads with which so many tasks run side by side on machines of these cores, or at least one on each
    core."""
    beside = min(count, sum(cpus))
    return next(t for t in range(max(cpus), 0, -1) if sum(cpu // t for cpu in cpus) >= beside)


@contextmanager
def open_cluster(address: str | None, device: str, threads: int) -> Iterator[RayCluster]:
    """Join a cluster, or start one on this machine that ends with the block. A program that has joined one already
    stays in that."""
    address = address or os.environ.get("RAY_ADDRESS")
    local = address in (None, "local")
    with _environment(QUIET | LOCAL if local else QUIET):
        ray = _imported(local)
        if ray.is_initialized():
            yield RayCluster(ray, False, device, threads)
            return
        with _scratch() as folder:
            ours = {"num_cpus": threads or cores(), "_temp_dir": folder, "object_store_memory": MEMORY}
            variables = {name: value for name, value in os.environ.items() if name.startswith("DYMAP_")}
            try:
                _begin(
                    ray,
                    address,
                    include_dashboard=False if local else None,
                    log_to_driver=False,
                    logging_level=logging.CRITICAL,
                    runtime_env={"env_vars": variables},
                    **(ours if local else {}),
                )
                yield RayCluster(ray, local, device, threads)
            finally:
                with held():
                    ray.shutdown()


def _begin(ray: Any, address: str | None, **options: Any) -> None:
    """Join the cluster at an address, or start one. Raises InputError if that cannot be."""
    try:
        if address and (found := re.fullmatch(r"\[?([^/]+?)\]?:(\d+)", address)):  # Ray itself tries for minutes
            socket.create_connection((found[1], int(found[2])), timeout=10).close()
        with _same_handlers():
            ray.init(address=address or "local", **options)
    except (OSError, OverflowError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        if address in (None, "local"):
            raise InputError(f"--engine ray: no cluster can be started on this machine ({_last(error)})") from None
        raise InputError(
            f"--address {address}: no cluster of Ray answers there ({_last(error)}); begin it with `ray start`, and if "
            "it has a token, set RAY_AUTH_MODE=token here too"
        ) from None


def _imported(local: bool) -> Any:
    """Ray. What it prints of processes that it has lost is kept away: `run` tells that, in our words."""
    try:
        ray = importlib.import_module("ray")
        worker: Any = importlib.import_module("ray._private.worker")
    except ImportError:
        raise InputError("--engine ray needs the extra cluster: pip install 'dymap[cluster]'") from None
    constants: Any = importlib.import_module("ray._private.ray_constants")
    if local and not ray.is_initialized():  # a program may have imported Ray before, when LOCAL was not said
        constants.ENABLE_RAY_CLUSTER = False
    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None  # it asks for no level, and prints in any
    return ray


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """A block in which these are set, unless somebody has set them."""
    ours = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


@contextmanager
def _scratch() -> Iterator[str]:
    """A folder with a short name, for the sockets and the logs of a cluster of this machine."""
    place = tempfile.gettempdir()
    folder = tempfile.mkdtemp(prefix="dymap-ray-", dir=place if len(place) <= LONGEST else "/tmp")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _same_handlers() -> Iterator[None]:
    """A block after which signals go to whom they went before: Ray takes some for itself."""
    ours = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            if ours and handler is not None:
                signal.signal(number, handler)


def _collect(ray: Any, mailbox: Any, stopping: bool) -> list[Letter]:
    """What tasks have told; nothing, if the mailbox is just being begun again: its letters are no results."""
    with suppress(ray.exceptions.RayError):
        letters: list[Letter] = ray.get(mailbox.collect.remote(stopping), timeout=PATIENCE)
        return letters
    return []


def _result(ray: Any, reference: Any, task: Task[Any]) -> tuple[str, Any]:
    """done, its result; failed, its error; left: it was not begun."""
    try:
        kind, what = ray.get(reference)
        return kind, copy.deepcopy(what) if kind == "done" else what  # arrays lie in memory that ends with the cluster
    except ray.exceptions.TaskCancelledError:
        return "left", None
    except ray.exceptions.RayTaskError as error:
        return "failed", LostError(f"{task.name}: cannot begin there; is it the same dymap? ({_last(error)})")
    except ray.exceptions.RayError as error:
        lost = f"its process was lost, and {RETRIES} more that went on with it ({type(error).__name__})"
        return "failed", LostError(f"{task.name}: {lost}; {task.remedy}")


def _last(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else type(error).__name__
