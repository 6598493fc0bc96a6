"""A native core that is missing: said once, with the command that builds it; an error if it is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from dymap.kernels.cpu import core
from dymap.kernels.cpu.remedy import installed_from, remedy

WITHOUT = """
import json, sys
sys.modules["dymap._core"] = None
from dymap.cli import main
for words in json.loads(sys.argv[1]):
    code = main(words)
    for stream in (sys.stdout, sys.stderr):
        print("=", code, file=stream, flush=True)
"""
"""Commands, one after the other in one process, of an installation without a core."""


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No core, and nobody asks for one."""
    monkeypatch.setitem(sys.modules, "dymap._core", None)
    monkeypatch.setattr(core, "_missing", "")
    for name in ("DYMAP_KERNELS", "DYMAP_REQUIRE_NATIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("missing")
def test_a_missing_core_is_no_warning_but_a_reason_with_its_remedy() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not core.open_core()
    assert core.describe().startswith("plain torch (the native core was not built")
    assert "several times slower" in core.why_slow()
    assert "-m pip install --no-cache-dir --force-reinstall --no-deps" in core.why_slow()


@pytest.mark.usefixtures("missing")
@pytest.mark.parametrize(
    ("name", "value"), [("DYMAP_REQUIRE_NATIVE", "1"), ("DYMAP_KERNELS", "avx2"), ("DYMAP_KERNELS", "foo")]
)
def test_a_core_that_is_asked_for_must_be_there(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImportError, match=f"{name}={value}, but dymap's native core is not installed.*pip install"):
        core.open_core()


@pytest.mark.usefixtures("missing")
def test_torch_by_choice_is_not_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYMAP_KERNELS", "torch")
    assert not core.open_core()
    assert core.why_slow() == ""


@pytest.mark.parametrize(
    ("system", "compiler", "told"),
    [
        ("linux", None, "sudo apt install g++"),
        ("darwin", None, "xcode-select --install"),
        ("win32", None, "install a C++ compiler"),
        ("linux", "/usr/bin/c++", "a compiler is here now, so: "),
    ],
)
def test_the_remedy_is_that_of_the_system(
    monkeypatch: pytest.MonkeyPatch, system: str, compiler: str | None, told: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr("shutil.which", lambda _: compiler)
    assert told in remedy()
    assert ("install one" in remedy()) == (compiler is None and system != "win32")


@pytest.mark.parametrize(
    ("origin", "found"),
    [
        ({"url": "file:///my/dymap", "dir_info": {"editable": True}}, "-e /my/dymap"),
        ({"url": "file:///my%20own/dymap", "dir_info": {}}, "'/my own/dymap'"),
        ({"url": "https://example.org/dymap.whl"}, "dymap"),
        (None, "dymap"),
        ([], "dymap"),
    ],
)
def test_pip_is_told_where_dymap_came_from(monkeypatch: pytest.MonkeyPatch, origin: object, found: str) -> None:
    text = None if origin is None else json.dumps(origin)
    known = SimpleNamespace(read_text=lambda _: text)
    monkeypatch.setattr("dymap.kernels.cpu.remedy.distribution", lambda _: known)
    assert installed_from() == found


def without_core(*commands: list[str]) -> list[tuple[str, str]]:
    """What each of the commands prints on stdout and on stderr, up to a line with its exit code."""
    command = [sys.executable, "-c", WITHOUT, json.dumps(commands)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return list(zip(said.stdout.split("= ")[:-1], said.stderr.split("= ")[:-1], strict=True))


def test_info_and_training_say_it_and_other_commands_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DYMAP_KERNELS", "DYMAP_REQUIRE_NATIVE"):
        monkeypatch.delenv(name, raising=False)
    capture, run = str(tmp_path / "dance"), str(tmp_path / "run")
    sampled, trained, told = without_core(
        ["sample", "--out", capture, "--size", "32", "--frames", "1", "--views", "4"],
        ["train", "--data", capture, "--out", run, "--preset", "pocket", "--minutes", "0", "--quiet"],
        ["info"],
    )
    assert sampled[1] == ""
    assert trained[1].count("warning: plain torch computes, several times slower") == 1
    assert len(trained[1].splitlines()) == 2, "that, and the exit code before it"
    assert told[0].count("pip install --no-cache-dir") == 1
    monkeypatch.setenv("DYMAP_KERNELS", "foo")
    ((_, error),) = without_core(["info"])
    assert error.startswith("error: DYMAP_KERNELS=foo, but dymap's native core is not installed")
    assert len(error.splitlines()) == 1


def test_a_variant_that_is_none_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dymap._core")
    monkeypatch.setenv("DYMAP_KERNELS", "foo")
    with pytest.raises(ImportError, match=r"DYMAP_KERNELS=foo: not one of those that this machine runs, .*torch"):
        core.open_core()
