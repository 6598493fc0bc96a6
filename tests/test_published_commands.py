"""docs/published-commands.md: every command in its tables runs, on small data, and all experiments are there."""

from __future__ import annotations

import re
import shlex
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from dymap.cli import main
from dymap.presets.published import PRESETS
from dymap.sample import write_sample
from dymap.video.model_file import save_video
from tests.captures import add_grey_masks
from tests.cli.test_import import settings
from tests.cli.test_view import end, viewing
from tests.evaluate.weights import write_random
from tests.golden.sources import Golden
from tests.video.test_released import final_file
from tests.video.videos import painted_video

DOCUMENT = Path(__file__).parents[1] / "docs" / "published-commands.md"
EXPERIMENTS, OTHERS = DOCUMENT.read_text().split("## Training the thirteen experiments")[1].split("## Everything else")
PLACEHOLDERS = ("DATA", "RUN", "MODEL", "BOXES", "CAMERAS", "WEIGHTS", "OUT")

TRAIN = (
    "field.code_dim=8", "field.width=16", "field.plane_size=16", "field.map_size=4", "field.hidden=4",
    "field.hash.levels=4", "field.hash.log2_size=8", "field.hash.finest=64", "render.samples=8",
    "bake.grid=[4,4,6]", "bake.threshold=-1", "train.items=1", "train.rays=32", "train.preview_every=1000",
)  # fmt: skip
"""Makes any published experiment small. Views, frames, codes, losses and schedule stay as published."""
SHORTER = {"--views 300": "--views 3", "--voxel 0.005": "--voxel 0.05", "--level 5": "--level 0.5",
           "--processes 4": "--processes 2 --device cpu"}  # fmt: skip


def commands(text: str) -> list[str]:
    """Every `dymap ...` in the second or third column of a table."""
    rows = [line.strip().strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [found for row in rows for cell in row[1:3] for found in re.findall(r"`(dymap [^`]*[A-Z]{3,}[^`]*)`", cell)]


def run(command: str, places: dict[str, Path], *more: str) -> None:
    """Type a command of the document, with places put in for the words in capitals."""
    for long, short in SHORTER.items():
        command = command.replace(long, short)
    program, *words = shlex.split(command)
    assert program == "dymap"
    words = [re.sub(r"^[A-Z]{3,}\b", lambda found: str(places[found[0]]), word) for word in words]
    assert main([*words, *more]) == 0, command


def look(command: str, places: dict[str, Path]) -> None:
    """Type a command that serves a page until Ctrl-C; the page must be there, and the end a good one."""
    arguments = [re.sub(r"^[A-Z]{3,}\b", lambda found: str(places[found[0]]), word) for word in command.split()[2:]]
    with viewing(*arguments) as (process, port, _):
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=10).read()
        assert b"<html" in page.lower()
        end(process)


def train(command: str, places: dict[str, Path], steps: int = 1) -> None:
    run(command, places, "--set", *TRAIN, f"train.steps={steps}")


@pytest.fixture(scope="session")
def zjumocap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """5 frames of 22 views of 48 x 48: room for the published split."""
    return write_sample(tmp_path_factory.mktemp("zjumocap") / "my_313", frames=5, views=22, size=48)


@pytest.fixture(scope="session")
def nhr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1 frame of 72 views, with the grey masks of NHR beside the label maps."""
    return add_grey_masks(write_sample(tmp_path_factory.mktemp("nhr") / "sport", frames=1, views=72, size=48))


@pytest.fixture(scope="session")
def places(zjumocap: Path, trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the words in capitals stand for; RUN is trained and baked as the document says."""
    folder = tmp_path_factory.mktemp("published")
    arrays = trimmed.arrays("small_fast")
    found = {name: folder / name.lower() for name in ("RUN", "WEIGHTS")} | {"DATA": zjumocap}
    found |= {"MODEL": final_file(trimmed, folder), "BOXES": folder / "boxes.npy", "CAMERAS": folder / "path.json"}
    np.save(found["BOXES"], np.stack([arrays[f"occ_wbounds_f{i}"] for i in range(5)]))
    write_random(found["WEIGHTS"], "vgg")
    train("dymap train --preset zjumocap/313 --data DATA --out RUN", found)
    run("dymap bake RUN", found)
    run("dymap render RUN --views 3 --out RUN/path.mp4", found, "--save-cameras", str(found["CAMERAS"]))
    return found


def test_all_experiments_are_listed_once() -> None:
    listed = re.findall(r"dymap train --preset (\S+) ", EXPERIMENTS)
    assert sorted(listed) == sorted(PRESETS)
    datasets = (DOCUMENT.parent / "datasets.md").read_text()
    assert [name for name in PRESETS if f"`{name}`" not in datasets] == []


def test_words_in_capitals_are_explained() -> None:
    used = {word for command in commands(EXPERIMENTS + OTHERS) for word in re.findall(r"\b[A-Z]{3,}\b", command)}
    explained = re.findall(r"^\| `([A-Z]+)` \|", DOCUMENT.read_text(), re.MULTILINE)
    assert set(explained) == used == set(PLACEHOLDERS)


def test_no_command_is_overlooked() -> None:
    """All but mentions such as `dymap train`, which stand in sentences."""
    everywhere = re.findall(r"`(dymap [^`]*\b[A-Z]{3,}\b[^`]*)`", EXPERIMENTS + OTHERS)
    assert commands(EXPERIMENTS) + commands(OTHERS) == everywhere
    assert len(everywhere) > 30


@pytest.mark.parametrize("command", commands(EXPERIMENTS))
def test_experiment_trains(command: str, zjumocap: Path, nhr: Path, tmp_path: Path) -> None:
    train(command, {"DATA": nhr if "nhr/" in command else zjumocap, "RUN": tmp_path / "run"})
    assert list((tmp_path / "run" / "checkpoints").iterdir())


@pytest.mark.parametrize("command", commands(OTHERS))
def test_command_runs(command: str, places: dict[str, Path], trimmed: Golden, tmp_path: Path) -> None:
    here = places | {"OUT": tmp_path / "out"}
    if "--processes" in command:  # begins a run: one that was begun by one process cannot go on with several
        here["RUN"] = tmp_path / "run"
    if command.startswith("dymap train"):
        train(command, here, steps=2)
    elif command.startswith("dymap import-model"):
        run(command, here, *settings(trimmed)[2:])
        assert (here["OUT"] / "video.dymap").exists()
    elif command.startswith("dymap mesh"):
        save_video(tmp_path / "video.dymap", painted_video(trimmed))  # the tiny run has no surface yet
        run(command, here | {"RUN": tmp_path})
        assert list((tmp_path / "meshes").iterdir())
    elif command.startswith("dymap view"):
        look(command, here)
    elif command.startswith("dymap render") and not re.search("--views|--cameras", command):
        run(command, here, "--views", "3")
    else:
        run(command, here)
