"""A tiny sample and a run on it, made by the commands themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dymap.cli import main

SETTINGS = (
    "capture.ratio=1.0", "field.width=32", "field.plane_size=16", "field.map_size=4", "field.hidden=8",
    "field.hash.log2_size=10",
    "render.max_samples=64", "render.samples=16", "bake.grid=[8,8,12]", "bake.threshold=0.5", "train.rays=256",
    "train.hull_grid=16", "train.checkpoint_every=2", "train.log_every=1", "train.preview_every=2",
)  # fmt: skip
"""A field so small that a step takes milliseconds."""


@dataclass
class Said:
    """What a command left on the terminal. out: stdout in one line, however it was wrapped."""

    code: int
    out: str
    err: str

    def failed_with(self, *parts: str) -> None:
        """One sentence on stderr that holds all `parts`; exit code 1; no traceback."""
        assert self.code == 1, self
        lines = [line for line in self.err.splitlines() if not line.startswith("warning: ")]
        assert len(lines) == 1, self.err
        assert lines[0].startswith("error: ")
        assert "Traceback" not in self.err + self.out
        for part in parts:
            assert part in lines[0], lines[0]


Run = Callable[..., Said]


@pytest.fixture
def dymap(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; arguments may be paths and numbers."""

    def run(*arguments: object) -> Said:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Said(code, " ".join(out.split()), err)

    return run


def train_arguments(data: Path, out: Path, *more: object) -> list[str]:
    """The command that all tests train with."""
    return [
        "train",
        "--data",
        str(data),
        "--out",
        str(out),
        "--test-views",
        "1",
        "4",
        *map(str, more),
        "--set",
        *SETTINGS,
    ]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 frames, 6 views of 48 x 48; shared, so tests must not change it."""
    root = tmp_path_factory.mktemp("sample") / "dance"
    assert main(["sample", "--out", str(root), "--size", "48", "--frames", "3", "--views", "6"]) == 0
    return root


@pytest.fixture(scope="session")
def trained(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps, not baked."""
    run = tmp_path_factory.mktemp("runs") / "dance"
    assert main(train_arguments(sample, run, "--steps", 4)) == 0
    return run


@pytest.fixture(scope="session")
def baked(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is trained and baked."""
    run = tmp_path_factory.mktemp("runs") / "baked"
    assert main(train_arguments(sample, run, "--steps", 4)) == 0
    assert main(["bake", str(run)]) == 0
    return run
