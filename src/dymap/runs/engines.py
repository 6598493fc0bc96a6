"""Which engine does the tasks: nobody else asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dymap.config import EngineName
from dymap.errors import InputError
from dymap.runs.pool import Pool
from dymap.runs.process import check_threads
from dymap.runs.tasks import Engine


@contextmanager
def open_engine(
    name: EngineName, address: str | None = None, device: str = "auto", threads: int = 0
) -> Iterator[Engine]:
    """The engine of that name. device, threads: of all its tasks together (see `Engine.places`).

    address: of a cluster of Ray, None: that of RAY_ADDRESS, or one that is started on this machine and ends with the
    block. Raises InputError if the engine is not installed, or nobody answers at the address.
    """
    check_threads(threads)
    if name == "pool":
        if address is not None:
            raise InputError(f"--address {address}: only a cluster has an address: add --engine ray")
        yield Pool(device, threads)
        return
    from dymap.runs.cluster import open_cluster

    with open_cluster(address, device, threads) as cluster:
        yield cluster
