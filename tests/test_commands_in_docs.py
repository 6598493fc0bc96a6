"""The commands of README and docs run word by word: on a tiny capture, with a smaller `small`, under the same names."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dymap.bake.bake import bake_grids
from dymap.cli import main
from dymap.field.segment import Segment
from dymap.presets import PRESETS
from dymap.runs.configuration import configure
from dymap.sample import write_sample
from dymap.video.clip import InMemory
from dymap.video.model_file import save_video
from tests.cli.conftest import SETTINGS
from tests.cli.test_export import playing
from tests.cli.test_view import end, viewing
from tests.golden.sources import Golden
from tests.video.videos import BAKE, BOXES, painted_video

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = r"(?:\.venv[/\\](?:bin|Scripts)[/\\])?(?:dymap|python3?|pip|make|ssh|git|cmake|apt(?:-get)?)\b|\.ci/run"

NOT_RUN = {
    r"make |.*python3? -m pytest": "CI itself runs them",
    r".*\bdemo --out demo": "CI runs a shorter one, and tests/cli/test_cli.py a tiny one",
    r"python3? -m venv|.*pip install": "CI begins with them",
    r"pip download|python -m zipfile|.*\bmy_person\b": "the tutorial's videos and its network are not part of dymap",
    r"\.venv\\Scripts": "Windows",
    r"ssh ": "another machine",
    r"python -m benchmarks": "tests/test_benchmarks.py",
    r"dymap import-model ": "tests/test_published_commands.py",
    r"dymap capture import ": "tests/capture/test_importing.py: the videos are too many to make here",
}
"""Commands that are not run here, and why."""
SMALLER = {"--size 1024 1024": "--size 128 128"}
"""The only words that are changed: a field of four steps is dense everywhere, and its large images take minutes."""


def commands() -> list[str]:
    """Each line of a block that calls a program, once, without its comment and in the documents' order."""
    found: list[str] = []
    for page in PAGES:
        blocks = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
        for block in (text for language, text in blocks if language in ("", "sh", "bash")):
            found += [re.sub(r"\s+# .*", "", line) for line in block.splitlines() if re.match(PROGRAMS, line)]
    return list(dict.fromkeys(found))


RUN = [command for command in commands() if not any(re.match(words, command) for words in NOT_RUN)]


def test_commands_are_found_and_reasons_are_of_use() -> None:
    assert len(RUN) >= 12
    for words in NOT_RUN:
        assert any(re.match(words, command) for command in commands()), f"no document has {words} any more"
    assert [command for command in RUN if not command.startswith("dymap ")] == [], "say above why it is not run"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `my_capture`, `my_313`, `my_path.json` and a baked run, `runs/mine`, made as README makes it."""
    folder = tmp_path_factory.mktemp("documents")
    write_sample(folder / "my_capture", frames=13, views=12, size=48)
    (folder / "my_313").symlink_to("my_capture")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        small = configure(PRESETS["small"], {"train.steps": 4}, SETTINGS)
        patch.setitem(PRESETS, "small", replace(small, capture=replace(small.capture, ratio=0.5)))
        patch.setattr("dymap.play.film.SECONDS", 0.1)  # films show the clip once
        patch.setattr("dymap.runs.filming.FIXED_TIME_VIEWS", 4)
        for command in ("train", "bake"):
            call(next(line for line in RUN if line.startswith(f"dymap {command} ")))
        call("dymap render runs/mine --views 2 --out path.mp4 --save-cameras my_path.json")
        yield folder


def call(command: str) -> None:
    program, *words = shlex.split(command)
    assert program == "dymap"
    assert main(words) == 0, command


@pytest.mark.parametrize("command", RUN)
def test_command_runs_word_by_word(
    command: str, place: Path, trimmed: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    for large, small in SMALLER.items():
        command = command.replace(large, small)
    if ">" in command:
        by_a_shell(command, tmp_path)
    elif command.startswith("dymap view "):
        with viewing(*shlex.split(command)[2:]) as (process, port, _):
            assert b"<html" in urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=10).read().lower()
            end(process)
    elif command.startswith("dymap play "):
        with playing(*shlex.split(command)[2:]) as (process, url):
            assert b"<html" in urllib.request.urlopen(url, timeout=10).read().lower()
            end(process)
    elif command.startswith("dymap mesh "):
        monkeypatch.chdir(with_a_surface(tmp_path, trimmed))
        call(command)
        assert list(Path("runs/mine/meshes").iterdir())
    else:
        call(command)


def by_a_shell(command: str, home: Path) -> None:
    """What it redirects goes to folders of a home of its own, which are there as at those who use them."""
    target = command.split(">")[1].strip()
    (home / target.removeprefix("~/")).parent.mkdir(parents=True)
    programs = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    subprocess.run(["bash", "-ec", command], check=True, env={**os.environ, "HOME": str(home), "PATH": programs})
    assert (home / target.removeprefix("~/")).stat().st_size > 1000


def with_a_surface(folder: Path, golden: Golden) -> Path:
    """A folder in which `runs/mine` holds a body half a metre high: a run of four steps has no surface."""
    field = golden.field("small", dict(enumerate(BOXES * np.float32(0.25)))).requires_grad_(False)
    (folder / "runs/mine").mkdir(parents=True)
    small = InMemory((Segment(field, bake_grids(field, BAKE)),))
    body = replace(painted_video(golden), boxes=field.boxes, load=small)
    save_video(folder / "runs/mine/video.dymap", body)
    return folder
