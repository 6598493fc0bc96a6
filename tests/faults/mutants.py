"""Reading damaged files in children with little memory and time, each of which reads many and tells of each."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

from dymap.cli.console import exit_code, show_warning
from dymap.errors import InputError
from tests.faults.children import context, ended, limit_cpu, limit_memory, quiet, start
from tests.faults.mutations import FORGED
from tests.faults.readers import READERS, Reader, drawn

MEMORY = 2 * 2**30
"""Bytes that a child may take beyond what it has when it begins."""
CPU = 20
"""Seconds of computing for one file."""
PATIENCE = 90.0
"""Seconds for one file after which its child hangs."""
READ, REFUSED = "read", "refused"


@dataclass(frozen=True)
class Result:
    """What became of a damaged file. index, kind: of the damage. outcome: READ, REFUSED, or what is wrong."""

    index: int
    kind: str
    outcome: str
    seconds: float = 0.0


def read_damaged(name: str, sound: Path, seed: int, count: int) -> Iterator[Result]:
    """The outcomes of `count` damages of a reader's file. sound: folder of sound files."""
    index = 0
    while index < count:
        with tempfile.TemporaryDirectory(dir=sound.parent) as scratch:
            ours, theirs = context().Pipe(duplex=False)
            child = start(_batch, name, sound, Path(scratch), seed, range(index, count), theirs)
            theirs.close()
            last = f"(before damage {index})"
            try:
                while index < count:
                    if not ours.poll(PATIENCE):
                        break
                    if isinstance(told := ours.recv(), str):
                        last = told
                    else:
                        yield told
                        index = told.index + 1
            except EOFError:
                pass
            if index < count:
                code = ended(child, 0.5 if ours.poll() else 5)
                how = "hangs" if code is None else f"ended by signal {-code}" if code < 0 else f"ended with {code}"
                yield Result(index, last, how)
                index += 1
            ended(child, 5)


def _batch(name: str, sound: Path, scratch: Path, seed: int, indices: range, pipe: Connection) -> None:
    import torch

    quiet()
    torch.set_num_threads(1)
    warnings.showwarning = show_warning
    warnings.simplefilter("always")
    folder = scratch / "files"
    shutil.copytree(sound, folder)
    os.environ["DYMAP_CACHE"] = str(folder / "cache")
    reader = READERS[name]
    right = reader.read(folder)
    (path,) = folder.glob(reader.file)
    kept = {file: file.read_bytes() for file in (path.parent.iterdir() if reader.folder else [path]) if file.is_file()}
    limit_memory(MEMORY)
    for index in indices:
        kind, data = drawn(reader, kept[path], Random(f"{name} {seed} {index}"))
        label = getattr(kind, "__name__", "unsealed")
        pipe.send(label)
        for file, whole in kept.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data if file == path else whole)
        limit_cpu(CPU)
        before = time.monotonic()
        outcome = outcome_of(reader, folder, right if reader.sealed and kind not in FORGED else None)
        pipe.send(Result(index, label, outcome, time.monotonic() - before))


def outcome_of(reader: Reader, folder: Path, right: str | None) -> str:
    """Read once. right: what must come out if something does; None: anything may."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            found = reader.read(folder)
            outcome = READ if right in (None, found) else "damage was not noticed"
        except InputError as error:
            code = exit_code(partial(_raise, error))
            outcome = REFUSED if code == 1 else f"exit code {code}"
        except BaseException as error:
            places = traceback.extract_tb(error.__traceback__)
            where = " < ".join(f"{Path(place.filename).name}:{place.lineno}" for place in reversed(places[-4:]))
            return f"{type(error).__name__}: {str(error)[:200]!r} ({where})"
    lines = said.getvalue().split("\n")[:-1]
    if any(not line.isprintable() for line in lines):
        return f"unprintable: {said.getvalue()[:300]!r}"
    if any(not line.startswith(("warning: ", "error: ")) or len(line) > 2000 for line in lines):
        return f"no sentence: {said.getvalue()[:300]!r}"
    return outcome


def _raise(error: Exception) -> None:
    raise error
