"""Training by several processes: each draws a batch of its own, and all take the same step (data parallel).

    batch of process 0 -> gradients --+                 +--> Adam -> parameters
    batch of process 1 -> gradients --+--> their mean --+--> Adam -> the same parameters

The mean of the gradients is the same to the bit on every process, and so are the parameters ever after. `World` is one
process's view of all; the plain one is a single process, for which nothing has to be done. Gradients travel through
NCCL between GPUs and through gloo between CPUs; what the processes agree upon always travels through gloo, which
notices at once when one of them is gone.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from dymap.errors import InputError

T = TypeVar("T")

BUCKET = 2**22
"""Values that are sent at once, at most; a larger tensor goes by itself."""
PATIENCE = timedelta(hours=2)
"""How long processes wait for one that is busy, such as the one that prepares the images of a whole capture. They
do not wait for one that is gone."""
TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun sets in the environment of its processes."""


class PeerError(RuntimeError):
    """Another process has failed. It has an error of its own, which says why."""


class LostError(RuntimeError):
    """Another process is gone without a word, or cannot be reached."""


@dataclass(frozen=True)
class Rank:
    """Which process this is: `rank` of `world_size` in all, `local_rank` of `local_size` on its machine.

    meeting: a file by which processes of one machine find each other; None: through torchrun's environment.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_size: int = 1
    meeting: Path | None = None

    @classmethod
    def from_torchrun(cls) -> Rank | None:
        """The rank that torchrun gave to this process; None if it was not started by torchrun."""
        if any(name not in os.environ for name in TORCHRUN):
            return None
        rank, size, local_rank, local_size = (int(os.environ[name]) for name in TORCHRUN[:4])
        return cls(rank, size, local_rank, local_size)


class World:
    """A single process that trains: the draws are its own, the gradients are the mean already."""

    rank = 0
    size = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and reports for all."""
        return self.rank == 0

    @contextmanager
    def agree(self, flags: list[bool] | None = None) -> Iterator[None]:  # noqa: ARG002
        """A block that fails on every process if it fails on one: with its own error on the first that failed, with
        PeerError on the others. Raises LostError if a process is gone.

        flags: as many on every process, set in the block; afterwards whether any process set them.
        """
        yield

    def in_turn(self, work: Callable[[], T]) -> T:
        """work() on the leading process first, so that the others find on disk what it has made."""
        return work()

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Give the tensors the values that they have on the leading process."""

    def average(self, parameters: Sequence[Tensor], present: Sequence[bool]) -> None:
        """Replace the gradients of parameters by their means over all processes.

        present: whether the parameter has a gradient on any process; it counts as zero on those that have none.
        """


ALONE = World()


class Processes(World):
    """A process among others; torch.distributed must have been set up (see `join`)."""

    def __init__(self, own: Rank):
        self.rank, self.size = own.rank, own.world_size
        self._turn = 0 if own.rank == 0 else 1 if own.local_rank == 0 else 2

    @contextmanager
    def agree(self, flags: list[bool] | None = None) -> Iterator[None]:
        failure = None
        try:
            yield
        except Exception as error:
            failure = error
        state = torch.tensor([self.size - self.rank if failure else 0, *(flags or ())], dtype=torch.int64)
        with self._reaching_others():
            dist.all_reduce(state, dist.ReduceOp.MAX)
        first = self.size - int(state[0])
        if failure and first == self.rank:
            raise failure
        if first < self.size:
            raise PeerError(f"process {first} of {self.size} has failed") from failure
        if flags is not None:
            flags[:] = state[1:].bool().tolist()

    def in_turn(self, work: Callable[[], T]) -> T:
        """First the leading process, then one of every other machine (which may have a disk of its own), then all."""
        made: list[T] = []
        for turn in range(3):
            with self.agree():
                if turn == self._turn:
                    made.append(work())
        return made[0]

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        with self._reaching_others():
            for tensor in tensors:
                dist.broadcast(tensor.detach(), 0)

    @torch.no_grad()
    def average(self, parameters: Sequence[Tensor], present: Sequence[bool]) -> None:
        gradients: list[Tensor] = []
        for parameter, anywhere in zip(parameters, present, strict=True):
            if anywhere:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        for bucket in buckets(gradients):
            flat = flat_values(bucket).div_(self.size)  # divided first: the sum of large gradients stays finite
            with self._reaching_others():
                dist.all_reduce(flat)
            for gradient, mean in zip(bucket, flat.split([g.numel() for g in bucket]), strict=True):
                if gradient.data_ptr() != mean.data_ptr():
                    gradient.copy_(mean.view_as(gradient))

    @contextmanager
    def _reaching_others(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            reason = re.sub(r"^\[\S*\] *|\. .*", "", str(error).splitlines()[0])  # without gloo's source line, advice
            raise LostError(f"process {self.rank} of {self.size} has lost the others ({reason})") from error


def buckets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """The tensors in order, in groups of one type and device and together at most BUCKET values."""
    group: list[Tensor] = []
    for tensor in tensors:
        alike = all((t.dtype, t.device) == (tensor.dtype, tensor.device) for t in group)
        if group and not (alike and sum(t.numel() for t in group) + tensor.numel() <= BUCKET):
            yield group
            group = []
        group.append(tensor)
    if group:
        yield group


def flat_values(tensors: Sequence[Tensor]) -> Tensor:
    """All values in one row [n]; a single contiguous tensor is not copied."""
    return tensors[0].reshape(-1) if len(tensors) == 1 else torch.cat([tensor.reshape(-1) for tensor in tensors])


@contextmanager
def join(own: Rank, device: torch.device) -> Iterator[World]:
    """The world of all processes, of which this one computes on `device` (cpu, or a GPU of its own).

    Waits until all are there. Processes of one machine talk over its loopback interface only.
    """
    if own.world_size == 1:
        yield ALONE
        return
    if not dist.is_available() or device.type not in ("cpu", "cuda"):
        raise InputError(f"this torch cannot train by several processes on {device.type}")
    if own.local_size == own.world_size:
        for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            for name in {"lo", "lo0"} & {name for _, name in socket.if_nameindex()}:
                os.environ.setdefault(variable, name)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    store = dist.FileStore(str(own.meeting), own.world_size) if own.meeting else None
    dist.init_process_group(backend, store=store, rank=own.rank, world_size=own.world_size, timeout=PATIENCE)
    try:
        yield Processes(own)
    finally:
        dist.destroy_process_group()
