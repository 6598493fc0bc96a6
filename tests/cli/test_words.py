"""Options stand anywhere, lists take commas or repeat, and nothing is imported before it is needed."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

import pytest

from dymap.cli import COMMANDS, GROUP
from dymap.cli.words import in_order
from dymap.config import Config
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    "words",
    [
        ("--views", "3", "7", "RUN", "--frames", "0"),
        ("--views", "3,7", "RUN", "--frames", "0"),
        ("--views=3,7", "--frames=0", "RUN"),
        ("--frames", "0", "RUN", "--views", "3", "--views", "7"),
        ("RUN", "--views", "3,", "7", "--frames", "0"),
        ("--frames", "0", "--views", "3,7", "--", "RUN"),
    ],
)
def test_lists_are_written_in_any_way(words: tuple[str, ...]) -> None:
    given = in_order(GROUP.find("evaluate"), words)
    assert given[0] == "RUN"
    assert {tuple(given[1:4]), tuple(given[-3:])} >= {("--views", "3", "7")}
    assert given[given.index("--frames") + 1] == "0"


OPTIONS = {
    "render": (["--size", "64", "32"], ["--views", "2"], ["--layers", "rgb", "depth"], ["--published-path"]),
    "evaluate": (["--frames", "0", "2"], ["--views", "1"], ["--renderer", "fast"], ["--download-lpips"]),
    "mesh": (["--frames", "0", "1"], ["--points", "5"], ["--whole-box"], ["--format", "obj"]),
    "bake": (["--half"], ["--out", "a.dymap"], ["--threads", "2"]),
    "view": (["--port", "0"], ["--size", "64"]),
}


@pytest.mark.parametrize("command", OPTIONS)
def test_options_stand_before_and_after_what_they_are_for(command: str) -> None:
    """The path has every place among the options, in every order of them, and the parser gets the same words."""
    expected = None
    for order in itertools.permutations(OPTIONS[command]):
        for place in range(len(order) + 1):
            parts = [*order[:place], ["RUN"], *order[place:]]
            given = in_order(GROUP.find(command), list(itertools.chain(*parts)))
            assert given[0] == "RUN"
            assert given[1:] == list(itertools.chain(*order))
            expected = expected or sorted(given)
            assert sorted(given) == expected


def test_a_run_may_be_called_like_a_number() -> None:
    assert in_order(GROUP.find("evaluate"), ["--views", "3,7", "12"]) == ["12", "--views", "3", "7"]


def test_negative_numbers_are_values() -> None:
    config = Config()
    assert in_order(GROUP.find("train"), ["--frames", "0,-1,2"], config) == ["--frames", "0", "-1", "2"]
    assert in_order(GROUP.find("train"), ["--bake.grid", "1,2,3", "--train.rays=-4"], config)[:4] == [
        "--bake.grid", "1", "2", "3",
    ]  # fmt: skip


def test_assignments_are_not_taken_apart() -> None:
    given = in_order(
        GROUP.find("train"), ["--set", "bake.grid=[1,2,3]", "--steps", "5", "--set", "train.rays=2"], Config()
    )
    assert given == ["--set", "bake.grid=[1,2,3]", "train.rays=2", "--steps", "5"]
    given = in_order(GROUP.find("import-model"), ["--set", "a=1", "b=2", "model.pth", "--out", "x"], Config())
    assert given == ["model.pth", "--set", "a=1", "b=2", "--out", "x"]


def test_an_option_without_its_value_is_refused(dymap: Run) -> None:
    for words in (
        ("bake", "RUN", "--out", "--half"),
        ("render", "RUN", "--size", "64"),
        ("evaluate", "RUN", "--vews", "3"),
    ):
        with pytest.raises(SystemExit) as caught:
            dymap(*words)
        assert caught.value.code == 2


def test_a_misspelt_command_or_preset_names_the_nearest(dymap: Run, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        dymap("trian")
    assert "the nearest is 'train'" in capfd.readouterr().err
    dymap("train", "--preset", "smal", "--data", "x", "--out", "y").failed_with("the nearest is 'small'")
    dymap("train", "--set", "train.stepz=3", "--data", "x", "--out", "y").failed_with("the nearest is 'train.steps'")


def test_presets_are_listed(dymap: Run) -> None:
    said = dymap("presets")
    assert said.code == 0
    for name in ("tiny", "small", "pocket", "zjumocap/313", "nhr/sport1"):
        assert name in said.out


HEAVY = ("torch", "numpy", "cv2", "av", "skimage", "rich.progress")
AFTER = f"import sys; bad = [name for name in {HEAVY} if name in sys.modules]; assert not bad, bad"


def in_a_process(code: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, **more)


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["presets"], *([name, "--help"] for name in COMMANDS)])
def test_nothing_that_computes_is_imported_to_explain(words: list[str]) -> None:
    code = f"""
from dymap.cli import main
try:
    main({words!r})
except SystemExit as end:
    assert end.code == 0
{AFTER}"""
    assert in_a_process(code).stdout


def test_importing_dymap_waits_for_nothing() -> None:
    in_a_process(f"import dymap\n{AFTER}")
    in_a_process(
        "import dymap\nfor name in dymap.__all__: getattr(dymap, name)\nassert dir(dymap) == sorted(dymap.__all__)"
    )
    in_a_process("from dymap import runs\nfor name in runs.__all__: getattr(runs, name)")
    in_a_process("from dymap import *\nload, Camera, runs.train")


@pytest.mark.parametrize(
    ("own", "spins"), [({}, "4000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "")]
)
def test_threads_hardly_spin_unless_somebody_has_said_how(
    monkeypatch: pytest.MonkeyPatch, own: dict[str, str], spins: str
) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    in_a_process(f"import os, dymap; assert os.environ.get('GOMP_SPINCOUNT', '') == {spins!r}")


@pytest.mark.parametrize("words", ["import dymap", "from dymap.cli import main; main(['--version'])"])
def test_it_begins_at_once(words: str) -> None:
    """Of the time until it does what it was asked for, nearly all is taken by what is imported: 70 and 90 modules."""
    code = f"import sys\nbefore = len(sys.modules)\ntry: {words}\nfinally: print(len(sys.modules) - before)"
    assert int(in_a_process(code).stdout.split()[-1]) < 150


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_shells_complete(dymap: Run, capfd: pytest.CaptureFixture[str], shell: str) -> None:
    with pytest.raises(SystemExit) as caught:
        dymap("--tyro-print-completion", shell)
    assert caught.value.code in (0, None)
    text = capfd.readouterr().out
    assert "evaluate" in text
    assert "--fixed-time" in text
