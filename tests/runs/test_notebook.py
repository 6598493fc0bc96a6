"""A clip in a notebook (`dymap.show`)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dymap
from dymap.errors import InputError
from dymap.runs import notebook
from dymap.runs.demonstration import PACKAGED
from tests.stage.visitor import get


@pytest.fixture
def shown() -> Iterator[notebook.Shown]:
    shown = dymap.show(PACKAGED, 300, 200, renderer="march", threads=1)
    yield shown
    shown.close()


def test_a_notebook_shows_the_page_of_its_own_process(shown: notebook.Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSH_CONNECTION", *notebook.ELSEWHERE):
        monkeypatch.delenv(name, raising=False)
    assert f'<iframe src="{shown.url}" width="300" height="200"' in shown._repr_html_()
    assert get(shown.url, "clip.json")[0] == 200
    assert dymap.show(PACKAGED, renderer="march", threads=1) is shown, "a cell that runs again opens nothing new"
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.2 50000 10.0.0.7 22")
    assert "iframe" not in shown._repr_html_()
    assert "ssh -L" in shown._repr_html_()
    shown.close()
    assert "closed" in shown._repr_html_()
    assert "closed" in repr(shown)
    again = dymap.show(PACKAGED, renderer="march", threads=1)
    assert again is not shown
    again.close()


def test_only_who_has_the_link_sees_it(shown: notebook.Shown) -> None:
    """Others may use the same machine."""
    token = shown.url.split("/")[3]
    assert len(token) >= 20
    root = shown.url.removesuffix(f"{token}/")
    assert get(root, "clip.json")[0] == 403
    assert get(root, f"{'x' * len(token)}/clip.json")[0] == 403


@pytest.mark.parametrize(
    ("given", "sentence"),
    [({"width": "100%"}, "width is '100%', expected 50 to 10000 pixels"), ({"width": 0}, "width is 0"),
     ({"height": float("nan")}, "height is nan"), ({"height": True}, "height is True"), ({"width": -5}, "width is -5"),
     ({"width": '"><script>alert(1)</script>'}, "width is"),
     ({"size": "big"}, "--size 'big'"), ({"size": 9}, "--size 9"), ({"size": 10**9}, "--size 1000000000"),
     ({"background": "red"}, "background is 'red'; expected 'black' or 'white'"),
     ({"background": ["black"]}, "background is ['black']"), ({"renderer": "magic"}, "renderer is 'magic'"),
     ({"device": "abacus"}, "device 'abacus'"), ({"threads": -1}, "--threads -1"),
     ({"data": "x"}, "--data is for a run"),
     ({"widht": 3}, "show knows no 'widht'; expected background"), ({"host": "0.0.0.0"}, "show knows no 'host'"),
     ({"port": 1}, "show knows no 'port'"), ({"private": False}, "show knows no 'private'")],
)  # fmt: skip
def test_what_cannot_be_is_said_before_anything_is_opened(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as raised:
        dymap.show(PACKAGED, **given)
    assert sentence in str(raised.value)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("dymap-stage")]
    assert not notebook._open


def test_what_is_no_path_is_said(tmp_path: Path) -> None:
    for what in (None, 7, dymap.load(PACKAGED)):
        with pytest.raises(InputError, match="show takes the folder of a baked run"):
            dymap.show(what)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not there"):
        dymap.show(tmp_path / "none")


def test_names_do_nothing_to_the_notebook(tmp_path: Path) -> None:
    place = tmp_path / '"><script>alert(1)<'
    place.mkdir()
    shutil.copy(PACKAGED, place / "video.dymap")
    shown = dymap.show(place / "video.dymap", threads=1)
    shown._stage.subject.name = '"><script>alert(1)</script>'
    assert "<script" not in shown._repr_html_()
    shown.close()


def test_many_clips_are_not_all_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "MOST", 2)
    files = [Path(shutil.copy(PACKAGED, tmp_path / f"{k}.dymap")) for k in range(4)]
    shown = [dymap.show(file, threads=1) for file in files]
    assert ["closed" in repr(one) for one in shown] == [True, True, False, False]
    assert get(shown[-1].url, "clip.json")[0] == 200
    for one in shown:
        one.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system copies no processes")
def test_a_copy_of_the_process_ends_and_leaves_it_open() -> None:
    """As pools of workers make them, that know nothing of it."""
    script = """if True:
        import os, sys, urllib.request, dymap
        from dymap.runs.demonstration import PACKAGED
        shown = dymap.show(PACKAGED, threads=1)
        if os.fork() == 0:
            sys.exit()
        assert os.wait()[1] == 0
        print(urllib.request.urlopen(shown.url + "clip.json").status)
    """
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (said.returncode, said.stdout) == (0, "200\n"), said
