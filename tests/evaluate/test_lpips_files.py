"""Files of weights: what is wrong with them is said, nothing in them runs, downloads are whole or not there."""

from __future__ import annotations

import hashlib
import os
import pickle
import time
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch

from dymap.capture.cache import cache_root
from dymap.errors import InputError
from dymap.evaluate import lpips_files
from dymap.evaluate.lpips import LPIPS
from dymap.evaluate.lpips_files import (
    FILES,
    WeightFile,
    default_folder,
    download,
    missing_files,
    read_tensors,
    why_absent,
)
from tests.disks import files_of_at_most
from tests.evaluate.weights import write_random

TRUNK, HEADS = "alexnet-owt-7be5be79.pth", "alex.pth"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The standard files of AlexNet with random weights."""
    write_random(tmp_path / "weights", "alex")
    return tmp_path / "weights"


def change(path: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    content = torch.load(path, weights_only=True)
    edit(content)
    torch.save(content, path)


def test_standard_files_are_read(tmp_path: Path) -> None:
    written = write_random(tmp_path, "alex")
    read = LPIPS.load(tmp_path, "alex")
    assert read.state_dict().keys() == written.state_dict().keys()
    for key, value in written.state_dict().items():
        assert torch.equal(read.state_dict()[key], value), key
    assert not any(parameter.requires_grad for parameter in read.parameters())


def test_a_flipped_bit_is_told_where_only_the_published_sum_shows_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heads are published in a form without checksums; archives have their own."""
    path = folder / HEADS
    data = path.read_bytes()
    published = WeightFile(HEADS, "", hashlib.sha256(data).hexdigest(), 2**20)
    monkeypatch.setitem(lpips_files.FILES, "alex", (FILES["alex"][0], published))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LPIPS.load(folder, "alex")
    place = len(data) - 4  # the lowest byte of the last weight
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    with pytest.warns(UserWarning, match=r"alex\.pth: not the published file"):
        LPIPS.load(folder, "alex")


def test_names_and_hashes_agree() -> None:
    for trunk, heads in FILES.values():
        assert trunk.name.removesuffix(".pth").split("-")[-1] == trunk.sha256[:8], "as torchvision names its files"
        for file in (trunk, heads):
            assert file.url.startswith("https://")
            assert file.url.endswith("/" + file.name)
            assert len(file.sha256) == 64


def test_missing_files(folder: Path, tmp_path: Path) -> None:
    (folder / HEADS).unlink()
    with pytest.raises(InputError, match=r"weights/alex\.pth: no such file.*--download-lpips"):
        LPIPS.load(folder, "alex")
    assert [file.name for file in missing_files(folder, "alex")] == [HEADS]
    assert f"{folder} has no alex.pth; " in why_absent(folder, "alex")
    assert "has no vgg16-397923af.pth and vgg.pth; " in why_absent(tmp_path / "none")
    assert default_folder() == cache_root() / "lpips"


@pytest.mark.parametrize(
    ("file", "edit", "message"),
    [
        (TRUNK, lambda c: c.pop("features.6.weight"), r"'features\.6\.weight' is missing"),
        (HEADS, lambda c: c.pop("lin3.model.1.weight"), r"'lin3\.model\.1\.weight' is missing"),
        (
            TRUNK,
            lambda c: c.update({"features.0.weight": torch.zeros(64, 3, 3, 3)}),
            r"features\.0\.weight has shape \(64, 3, 3, 3\), expected \(64, 3, 11, 11\)",
        ),
        (
            HEADS,
            lambda c: c.update({"lin1.model.1.weight": torch.zeros(1, 128, 1, 1)}),
            r"lin1\.model\.1\.weight has shape \(1, 128, 1, 1\), expected \(1, 192, 1, 1\)",
        ),
        (HEADS, lambda c: c.update({"lin1.model.1.weight": "text"}), "is str without plain values, expected a tensor"),
        (
            HEADS,
            lambda c: c.update({"lin1.model.1.weight": torch.zeros(1, 192, 1, 1).to_sparse()}),
            "expected a tensor",
        ),
        (HEADS, lambda c: c.update({"lin1.model.1.weight": torch.zeros(1, 192, 1, 1, device="meta")}), "plain values"),
        (HEADS, lambda c: c["lin2.model.1.weight"].fill_(torch.nan), "values that are not finite"),
        (
            TRUNK,
            lambda c: c.update({"features.3.bias": torch.zeros(192, dtype=torch.int32)}),
            r"is of torch\.int32, expected floating",
        ),
        (HEADS, lambda c: c["lin0.model.1.weight"].sub_(2), "values below 0"),
    ],
)
def test_content_that_does_not_fit(folder: Path, file: str, edit: Callable[[dict], Any], message: str) -> None:
    change(folder / file, edit)
    with pytest.raises(InputError, match=message) as caught:
        LPIPS.load(folder, "alex")
    assert str(folder / file) in str(caught.value)


@pytest.mark.parametrize("file", [TRUNK, HEADS])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.99])
def test_truncated_files(folder: Path, file: str, part: float) -> None:
    data = (folder / file).read_bytes()
    (folder / file).write_bytes(data[: int(len(data) * part)])
    with pytest.raises(InputError, match="refused or broken") as caught:
        LPIPS.load(folder, "alex")
    assert str(folder / file) in str(caught.value)


def test_other_files(folder: Path) -> None:
    torch.save([torch.zeros(3)], folder / HEADS)
    with pytest.raises(InputError, match=r"alex\.pth: holds list, expected a dictionary"):
        LPIPS.load(folder, "alex")
    (folder / HEADS).write_bytes(bytes(2**20 + 1))
    with pytest.raises(InputError, match=r"alex\.pth: 1048577 bytes, expected 1048576 at most"):
        LPIPS.load(folder, "alex")
    (folder / HEADS).unlink()
    (folder / HEADS).mkdir()
    with pytest.raises(InputError, match=r"alex\.pth: no regular file"):
        LPIPS.load(folder, "alex")


class Evil:
    """Would make a folder when it is unpickled."""

    def __init__(self, victim: Path):
        self.victim = victim

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.victim),)


@pytest.mark.parametrize("kind", ["zip", "older", "bare"])
def test_nothing_in_a_file_runs(tmp_path: Path, kind: str) -> None:
    victim, path = tmp_path / "victim", tmp_path / "vgg.pth"
    content = {"lin0.model.1.weight": torch.zeros(1, 2, 1, 1), "more": Evil(victim)}
    if kind == "bare":
        path.write_bytes(pickle.dumps({"more": Evil(victim)}, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")
    with pytest.raises(InputError, match=r"vgg\.pth: refused or broken"):
        read_tensors(path, {"lin0.model.1.weight": (1, 2, 1, 1)}, 2**20)
    assert not victim.exists()


DATA = bytes(range(256)) * 9000
"""More than two chunks."""


class Server(BaseHTTPRequestHandler):
    """Answers as badly as its path says."""

    def do_GET(self) -> None:
        if self.path == "/gone.pth":
            self.send_error(404)
            return
        if self.path == "/moved.pth":
            self.send_response(302)
            self.send_header("Location", "/good.pth")
            self.end_headers()
            return
        self.send_response(200)
        if self.path != "/unannounced.pth":
            self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        if self.path == "/slow.pth":
            time.sleep(1)
        elif self.path == "/short.pth":
            self.wfile.write(DATA[:-1000])
        elif self.path == "/other.pth":
            self.wfile.write(DATA[::-1])
        else:
            self.wfile.write(DATA)

    def log_message(self, format: str, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of a server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as http, pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1")
        patch.setenv("NO_PROXY", "127.0.0.1")
        Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def published(server: str, name: str, max_bytes: int = 2**23) -> WeightFile:
    return WeightFile(name, f"{server}/{name}", hashlib.sha256(DATA).hexdigest(), max_bytes)


@pytest.mark.parametrize("name", ["good.pth", "moved.pth", "unannounced.pth"])
def test_download(server: str, tmp_path: Path, name: str) -> None:
    said: list[tuple[int, int]] = []
    path = download(published(server, name), tmp_path / "new", lambda done, total: said.append((done, total)))
    assert path == tmp_path / "new" / name
    assert path.read_bytes() == DATA
    assert said[-1] == (len(DATA), len(DATA))
    assert sorted(said) == said
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.pth", r"cannot be downloaded \(Not Found\)"),
        ("short.pth", "SHA-256 of what came is|cannot be downloaded"),
        ("other.pth", "SHA-256 of what came is"),
        ("slow.pth", r"cannot be downloaded \(timed out\)"),
    ],
)
def test_failed_downloads_leave_nothing(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.setattr(lpips_files, "TIMEOUT", 0.3)
    (tmp_path / name).write_text("what was there before")
    with pytest.raises(InputError, match=message) as caught:
        download(published(server, name), tmp_path)
    assert f"{server}/{name}" in str(caught.value)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["what was there before"]


@pytest.mark.parametrize("name", ["good.pth", "unannounced.pth"])
def test_too_many_bytes(server: str, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="expected 2000000 at most"):
        download(published(server, name, 2_000_000), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_server_and_full_disk(server: str, tmp_path: Path) -> None:
    nowhere = WeightFile("a.pth", "http://127.0.0.1:9/a.pth", "", 10)
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:9/a\.pth: cannot be downloaded"):
        download(nowhere, tmp_path)
    with files_of_at_most(100_000), pytest.raises(InputError, match=r"good\.pth: cannot be written"):
        download(published(server, "good.pth"), tmp_path)
    assert list(tmp_path.iterdir()) == []
