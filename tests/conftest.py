"""Fixtures of the whole suite."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch

from dymap.capture import Capture, open_capture
from dymap.kernels import available, using
from tests.captures import TINY, write_capture
from tests.golden.sources import FOLDERS, Golden


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Prepared images of all tests go here, never to the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DYMAP_CACHE", str(folder))
        yield folder


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults", "faults on purpose (tests/faults, docs/reliability.md)")
    group.addoption("--faults", type=int, default=1, metavar="N", help="N times as many as in CI")
    group.addoption("--faults-seed", type=int, default=0, metavar="N", help="what random moments and damages come from")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that need the full golden arrays are collected if they are here."""

    def runs(item: pytest.Item) -> bool:
        source = item.callspec.params.get("golden") if isinstance(item, pytest.Function) and has_params(item) else None
        return item.get_closest_marker("full_golden") is None or ("full" in FOLDERS and source != "trimmed")

    if gone := [item for item in items if not runs(item)]:
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if runs(item)]


def has_params(item: pytest.Function) -> bool:
    return hasattr(item, "callspec")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line of what was not tested here."""
    if "full" not in FOLDERS:
        terminalreporter.write_line("golden arrays: the trimmed copy (DYMAP_GOLDEN names a folder with all of them)")


os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # of commands that tests start: many processes share few cores
torch.set_num_threads(1)  # operations here are tiny: more threads only wait for each other


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(params=available())
def kernels(request: pytest.FixtureRequest) -> Iterator[str]:
    """The test runs once with every instruction set of the core that this machine has, and with the reference."""
    with using(request.param):
        yield request.param


_golden = cache(Golden)


@pytest.fixture(params=list(FOLDERS), scope="session")
def golden(request: pytest.FixtureRequest) -> Golden:
    """Golden arrays: the trimmed copy always, and the full ones if they are here."""
    return _golden(request.param)


@pytest.fixture(scope="session")
def trimmed() -> Golden:
    """The trimmed golden arrays alone, for tests that only need some model or capture."""
    return _golden("trimmed")


@pytest.fixture(scope="session")
def tiny_root(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny capture on disk, shared: tests that change files write their own."""
    return write_capture(tmp_path_factory.mktemp("captures") / "tiny", trimmed.arrays("dataset"))


@pytest.fixture(scope="session")
def tiny(tiny_root: Path) -> Capture:
    """The tiny capture, opened as the golden data set was: ratio 0.5, test views 1 and 3."""
    return open_capture(tiny_root, TINY)
