"""What the examples' tests share: how a script is run, the sample, and a run that the first example has trained."""

from __future__ import annotations

import contextlib
import io
import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dymap.capture import layouts
from dymap.kernels import dispatch
from dymap.sample import write_sample

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = sorted(FOLDER.glob("[0-9]*.py"))
sys.path.append(str(FOLDER))  # as scripts that are run have their own folder
TINY = ("--steps", "24", "--size", "64", "--frames", "2")
"""A training of seconds, on the sample of the fixture `sample`."""

Run = Callable[..., str]
"""(number, folder for --out, options) -> what the script printed."""


def example(number: str) -> Path:
    return next(path for path in EXAMPLES if path.name.startswith(number))


def names_of(number: str) -> dict[str, Any]:
    """What an example defines, without running its main."""
    return runpy.run_path(str(example(number)), run_name="example")


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample") / "sample_2x64", frames=2, size=64)


@pytest.fixture(scope="session")
def run(sample: Path) -> Run:
    """Runs an example as a script, but in this process, which has torch already; what it registers is forgotten."""

    def run_example(number: str, out: Path, *options: str) -> str:
        if not (out / sample.name).exists():
            shutil.copytree(sample, out / sample.name)
        printed = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
            patch.setattr(sys, "argv", [str(example(number)), "--out", str(out), *options])
            patch.setattr(layouts, "READERS", dict(layouts.READERS))
            patch.setattr(dispatch, "_registered", list(dispatch._registered))
            patch.setattr(dispatch, "_running", dispatch._running)
            runpy.run_path(str(example(number)), run_name="__main__")
        return printed.getvalue()

    return run_example


@pytest.fixture(scope="session")
def trained(run: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the first example has trained, and what it printed."""
    out = tmp_path_factory.mktemp("01")
    return out, run("01", out, *TINY)
