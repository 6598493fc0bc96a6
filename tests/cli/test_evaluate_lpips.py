"""dymap evaluate with weights of LPIPS, without them, and when it is to fetch them."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from dymap.evaluate import lpips_files
from dymap.evaluate.lpips_files import FILES, WeightFile
from tests.cli.conftest import Run
from tests.evaluate.weights import write_random


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The standard files of VGG-16 with random weights."""
    folder = tmp_path_factory.mktemp("weights")
    write_random(folder, "vgg")
    return folder


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is asked of the network unless a test says so; weights are looked for in an empty folder."""

    def urlopen(*_: Any, **__: Any) -> None:
        raise AssertionError("a download that nobody asked for")

    monkeypatch.setattr(lpips_files, "urlopen", urlopen)
    monkeypatch.setattr("dymap.runs.evaluation.default_folder", lambda: tmp_path / "cache" / "lpips")


def evaluated(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


def test_absent_weights_are_explained(dymap: Run, baked: Path, tmp_path: Path) -> None:
    said = dymap("evaluate", baked, "--frames", 1, "--out", tmp_path / "out")
    assert said.code == 0, said.err
    metrics = evaluated(tmp_path / "out")
    assert metrics["mean"]["lpips"] is None
    assert all(image["lpips"] is None for image in metrics["images"])
    for part in (
        f"{tmp_path}/cache/lpips has no vgg16-397923af.pth and vgg.pth",
        "--download-lpips",
        "--lpips-weights",
    ):
        assert part in metrics["lpips_note"]
    assert f"LPIPS {metrics['lpips_note']}" in said.out


def test_weights_of_a_folder(dymap: Run, baked: Path, weights: Path, tmp_path: Path) -> None:
    said = dymap("evaluate", baked, "--frames", 1, "--lpips-weights", weights, "--out", tmp_path / "out")
    assert said.code == 0, said.err
    metrics = evaluated(tmp_path / "out")
    values = [image["lpips"] for image in metrics["images"]]
    assert all(value > 0 for value in values)
    assert metrics["mean"]["lpips"] == pytest.approx(sum(values) / 2)
    assert "lpips_note" not in metrics
    assert "LPIPS not measured" not in said.out
    assert f"{metrics['mean']['lpips']:.3f}" in said.out


def test_a_folder_that_was_named_must_have_them(dymap: Run, baked: Path, weights: Path, tmp_path: Path) -> None:
    said = dymap("evaluate", baked, "--lpips-weights", tmp_path / "none", "--out", tmp_path / "out")
    said.failed_with("none/vgg16-397923af.pth: no such file", "--download-lpips")
    (tmp_path / "vgg16-397923af.pth").symlink_to(weights / "vgg16-397923af.pth")
    (tmp_path / "vgg.pth").write_bytes(b"<html>")
    said = dymap("evaluate", baked, "--lpips-weights", tmp_path, "--out", tmp_path / "out")
    said.failed_with("vgg.pth: refused or broken")
    assert not (tmp_path / "out").exists(), "it shows before the work, not after"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *_: Any) -> None:
        """Says nothing."""


def test_download_when_asked(
    dymap: Run, baked: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from urllib.request import urlopen

    monkeypatch.setattr(lpips_files, "urlopen", urlopen)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    options = ("--frames", 1, "--views", 1, "--out", tmp_path / "out")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(weights))) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{http.server_port}"
        served = [
            WeightFile(
                f.name, f"{address}/{f.name}", hashlib.sha256((weights / f.name).read_bytes()).hexdigest(), 2**27
            )
            for f in FILES["vgg"]
        ]
        monkeypatch.setitem(FILES, "vgg", (served[0], served[1]))
        said = dymap("evaluate", baked, "--download-lpips", *options)
        assert said.code == 0, said.err
        http.shutdown()
    assert sorted(path.name for path in (tmp_path / "cache" / "lpips").iterdir()) == ["vgg.pth", "vgg16-397923af.pth"]
    assert evaluated(tmp_path / "out")["mean"]["lpips"] > 0
    assert dymap("evaluate", baked, "--download-lpips", *options).code == 0, "nothing is fetched twice"
    assert dymap("evaluate", baked, *options).code == 0
    assert evaluated(tmp_path / "out")["mean"]["lpips"] > 0, "found in the cache from now on"
    (tmp_path / "cache" / "lpips" / "vgg.pth").unlink()
    said = dymap("evaluate", baked, "--download-lpips", *options)
    said.failed_with(f"{address}/vgg.pth: cannot be downloaded")
