"""--quiet leaves errors and warnings; hints name only commands that work."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dymap.cli import COMMANDS
from tests.cli.conftest import SETTINGS, Run, train_arguments


def test_quiet_commands_print_warnings_and_errors_only(dymap: Run, sample: Path, baked: Path, tmp_path: Path) -> None:
    run = shutil.copytree(baked, tmp_path / "run")
    for words in (
        ("train", "--quiet", *train_arguments(sample, tmp_path / "new", "--steps", 2)[1:]),
        ("train", "--quiet", "--out", run),
        ("bake", run, "--quiet"),
        ("render", "--quiet", run, "--views", 1, "--size", 8, 8),
        ("info", run, "--quiet"),
        ("sample", "--out", tmp_path / "tiny", "--size", 32, "--frames", 1, "--views", 3, "--quiet"),
        ("presets", "--quiet"),
    ):
        said = dymap(*words)
        assert (said.code, said.out, said.err) == (0, "", ""), words
    said = dymap("evaluate", run, "--views", 0, "--frames", 0, "--quiet")
    assert (said.out, said.err) == ("", "warning: trained on 00: such numbers say little about new views\n")
    dymap("bake", tmp_path, "--quiet").failed_with("not a run")
    assert dymap("presets").out, "the next command speaks again"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_quiet(dymap: Run, capfd: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit):
        dymap(command, "--help")
    assert "--quiet prints only errors and warnings" in capfd.readouterr().out


def test_images_that_are_prepared_have_no_bar(dymap: Run, baked: Path) -> None:
    for words in (("evaluate", baked, "--frames", 0), ("bake", baked), ("train", "--out", baked)):
        assert "prepare images" not in dymap(*words).out


def test_without_test_views_nothing_leads_to_an_error(dymap: Run, sample: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert dymap("train", "--data", sample, "--out", run, "--steps", 1, "--set", *SETTINGS).code == 0
    said = dymap("bake", run)
    assert said.out.endswith(f"next: dymap render {run}")
    assert said.out.count("evaluate") == 0
    assert f"next dymap render {run}" in dymap("info", run).out
    dymap("evaluate", run).failed_with("no views were kept for testing", "--test-views", "--views 0 3")
    assert dymap("evaluate", run, "--views", 0, "--frames", 0).code == 0
