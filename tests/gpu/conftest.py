"""A GPU for the tests: Mesa's in software, where it is installed, so that all machines compute the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from dymap.errors import InputError
from dymap.gpu.device import Gpu, Numbers, default_gpu

for folder in ("/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"):
    for driver in sorted(Path(folder).glob("lvp_icd*.json")):
        os.environ.setdefault("VK_ICD_FILENAMES", str(driver))


@cache
def opened(numbers: Numbers) -> Gpu | str:
    try:
        return default_gpu(numbers)
    except InputError as error:
        return str(error)


@pytest.fixture(scope="session")
def gpu_of() -> Callable[[Numbers], Gpu]:
    """Opens a GPU that computes in such numbers. Without one, tests are skipped; with DYMAP_REQUIRE_GPU=1 they fail."""

    def gpu(numbers: Numbers) -> Gpu:
        found = opened(numbers)
        if isinstance(found, str):
            (pytest.fail if os.environ.get("DYMAP_REQUIRE_GPU") == "1" else pytest.skip)(found)
        return found

    return gpu
