"""Where the trained weights of LPIPS come from: the standard files, checked before they are believed."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import torch
from torch import Tensor

from dymap.capture.cache import cache_root
from dymap.errors import InputError
from dymap.files import read_torch, replacing
from dymap.progress import Progress

TIMEOUT = 30.0
"""Seconds without a byte after which a download is given up."""

HOW_TO_GET = (
    "`dymap evaluate RUN --download-lpips` fetches them (550 MB), `--lpips-weights DIR` reads them from a folder"
)
NO_WEIGHTS = f"not measured: LPIPS needs trained weights; {HOW_TO_GET}"


@dataclass(frozen=True)
class WeightFile:
    """A published file: its name, where it is, its SHA-256, and a size that it cannot exceed."""

    name: str
    url: str
    sha256: str
    max_bytes: int


_TORCH = "https://download.pytorch.org/models"
_HEADS = "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1"

VGG = WeightFile(
    "vgg16-397923af.pth",
    f"{_TORCH}/vgg16-397923af.pth",
    "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    600 * 2**20,
)
ALEX = WeightFile(
    "alexnet-owt-7be5be79.pth",
    f"{_TORCH}/alexnet-owt-7be5be79.pth",
    "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    300 * 2**20,
)
VGG_HEADS = WeightFile(
    "vgg.pth", f"{_HEADS}/vgg.pth", "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868", 2**20
)
ALEX_HEADS = WeightFile(
    "alex.pth", f"{_HEADS}/alex.pth", "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0", 2**20
)

FILES = {"vgg": (VGG, VGG_HEADS), "alex": (ALEX, ALEX_HEADS)}
"""Net -> torchvision's file of the whole classifier, and the lpips package's file of heads (v0.1)."""


def default_folder() -> Path:
    """Where weights are looked for and downloaded to: beside the prepared images, in the user's cache."""
    return cache_root() / "lpips"


def missing_files(folder: Path, net: str = "vgg") -> list[WeightFile]:
    return [file for file in FILES[net] if not (folder / file.name).is_file()]


def why_absent(folder: Path, net: str = "vgg") -> str:
    """One sentence for the report: which files the folder lacks and how to get them."""
    names = " and ".join(file.name for file in missing_files(folder, net))
    return f"not measured: {folder} has no {names}; {HOW_TO_GET}"


def download(file: WeightFile, folder: Path, progress: Progress | None = None) -> Path:
    """Fetch one file into a folder; it appears there whole and with the right SHA-256, or not at all.

    Raises InputError that names the address: no connection, a stop of more than TIMEOUT seconds, too many bytes,
    other bytes than published.
    """
    path = folder / file.name
    digest = hashlib.sha256()
    with replacing(path) as partial, partial.open("wb") as out:
        for chunk in _chunks(file, progress):
            digest.update(chunk)
            out.write(chunk)
        if digest.hexdigest() != file.sha256:
            raise InputError(
                f"{file.url}: SHA-256 of what came is {digest.hexdigest()}, expected {file.sha256}; "
                "was it cut short, or is a proxy in between? nothing was kept"
            )
    return path


def _chunks(file: WeightFile, progress: Progress | None) -> Iterator[bytes]:
    """The file's bytes as they arrive. The network's faults are caught here, apart from those of the disk."""
    done = 0
    try:
        with urlopen(file.url, timeout=TIMEOUT) as response:
            total = response.length or 0  # what the server announces; it counts down
            while chunk := response.read(2**20):
                done += len(chunk)
                if max(done, total) > file.max_bytes:
                    raise InputError(f"{file.url}: {max(done, total)} bytes or more, expected {file.max_bytes} at most")
                yield chunk
                if progress:
                    progress(done, max(done, total))
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error or type(error).__name__
        raise InputError(f"{file.url}: cannot be downloaded ({reason}); nothing was kept") from None


def warn_of_others(path: Path, file: WeightFile) -> None:
    """Warn if a file that has no checksums of its own, as torch before 1.6 wrote them, is not the published one."""
    if zipfile.is_zipfile(path):
        return
    with path.open("rb") as content:
        if hashlib.file_digest(content, "sha256").hexdigest() != file.sha256:
            warnings.warn(
                f"{path}: not the published file (its SHA-256 differs): it is damaged, or holds other weights, whose "
                "distances are not those of published numbers",
                stacklevel=2,
            )


def read_tensors(path: Path, shapes: Mapping[str, tuple[int, ...]], max_bytes: int) -> dict[str, Tensor]:
    """The tensors called for, as float32 on the CPU and in that order; others in the file are left out.

    Nothing in the file is executed. Raises InputError that names the file, the key, what was found and what was
    expected.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file; {HOW_TO_GET}")
    content = read_torch(path, max_bytes)
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds {type(content).__name__}, expected a dictionary of tensors")
    for key, shape in shapes.items():
        if key not in content:
            raise InputError(f"{path}: {key!r} is missing; is it another network's file?")
        value = content[key]
        if not isinstance(value, Tensor) or value.is_meta or value.layout is not torch.strided:
            raise InputError(f"{path}: {key} is {type(value).__name__} without plain values, expected a tensor")
        if tuple(value.shape) != shape:
            raise InputError(f"{path}: {key} has shape {tuple(value.shape)}, expected {shape}")
        if not value.is_floating_point():
            raise InputError(f"{path}: {key} is of {value.dtype}, expected floating point")
        if not value.isfinite().all():
            raise InputError(f"{path}: {key} holds values that are not finite")
    return {key: content[key].detach().to(torch.float32) for key in shapes}
