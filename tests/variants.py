"""Tests over every implementation of the kernels that this machine runs: the reference and all back ends."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from dymap.kernels import running

T = TypeVar("T")

with_all_kernels = pytest.mark.usefixtures("kernels")
"""Runs a test once with each of them (the fixture is in conftest.py)."""


def cached_for_each(function: Callable[..., T]) -> Callable[..., T]:
    """functools.cache, for what the kernels had a hand in: what one of them made is not given to another."""

    @functools.cache
    def made_by(_: str, *args: Any, **options: Any) -> T:
        return function(*args, **options)

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> T:
        return made_by(running(), *args, **options)

    return call
